"""Text that makers train on: how much of it, in what mixture, and selected for what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Strict, model_validator

from harness.specs.makers.corpus import corpora
from harness.specs.model import Spec
from harness.specs.task import Corpus, Positive


class TrainingText(Corpus):
    """One part of a corpus to train on."""

    weight: Annotated[float, Field(gt=0)] | None = Field(
        None, description="share of training sequences drawn from this part, relative to the others; default, by size"
    )
    tokens: Positive | None = Field(None, description="train on the first so many tokens of it")


TrainingTexts = Annotated[
    tuple[TrainingText, ...],
    Strict(False),
    BeforeValidator(corpora, json_schema_input_type=list[TrainingText | str] | TrainingText | str),
]
"""Text to train on: mappings, names of tasks, files."""


class Select(Spec):
    """Documents of the corpus that are kept for training."""

    method: Literal["ngram_importance", "perplexity"] = Field(
        description="ngram_importance: drawn in proportion to how much likelier their words and pairs of words are in the text "
        "aimed at than in the corpus (Xie et al. 2023). perplexity: those that a model finds likeliest"
    )
    towards: Corpus | str | None = Field(None, description="text aimed at: a shipped task, a YAML file, or data")
    keep: Annotated[float, Field(gt=0, lt=1)] = Field(description="share of the documents")
    band: Literal["lowest", "middle"] = Field("lowest", description="perplexity: which documents are kept")
    reference: str | None = Field(
        None, description="perplexity: a causal checkpoint; default, a model of pairs of words of the text aimed at"
    )
    seed: int = Field(1, description="ngram_importance: of the draw")

    @model_validator(mode="after")
    def something_to_aim_at(self) -> Select:
        """A text to aim at, or a model to ask."""
        if (self.towards is None) == (self.reference is None):
            raise ValueError(
                "select needs either towards (a task, or data) or, for perplexity, reference (a checkpoint)"
            )
        if self.reference is not None and self.method != "perplexity":
            raise ValueError("reference is for method: perplexity; ngram_importance takes towards")
        if self.band != "lowest" and self.method != "perplexity":
            raise ValueError("band is for method: perplexity")
        return self
