"""Kind ``translation``: a model writes in one language what it reads in another, and metrics compare it with a reference."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.adaptation import Adaptation
from harness.specs.decoding import Decoding, Languages
from harness.specs.parallel import Pairs
from harness.specs.task import Task

TRANSLATION_METRICS = ("bleu", "chrf", "ter")
"""Metrics a task may name; every measurement has the cross-entropy of the references besides."""


class TranslationTask(Pairs, Task):
    """Translation of the scored split."""

    kind: Literal["translation"]
    languages: Languages
    metrics: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)] = ("bleu", "chrf")
    decoding: Decoding = Decoding()
    prompt: str | None = Field(
        None,
        description="causal models: a template over source and the names of the languages (source_language, "
        "target_language), after which the translation is written up to the end of its line",
    )
    adapt: Adaptation | None = Field(
        None,
        description="train on the split train first; scores then come from before and after, as NAME_before and NAME",
    )

    @model_validator(mode="after")
    def has_score_split(self) -> TranslationTask:
        """A scored split, and one to train on where the model is adapted."""
        wanted = {"score"} if self.adapt is None else {"train", "score"}
        if set(self.splits) != wanted:
            what = "a translation task" if self.adapt is None else "a translation task with adapt"
            raise ValueError(f"splits names {sorted(self.splits)}; {what} has {sorted(wanted)}")
        unknown = set(self.rows) - set(self.splits.values())
        if unknown:
            raise ValueError(f"rows names {sorted(unknown)}; the splits are {sorted(self.splits.values())}")
        return self
