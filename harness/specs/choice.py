"""Kind ``choice``: which of several continuations a language model finds likeliest, without any training."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, field_validator, model_validator

from harness.specs.task import Positive, Strings, Task

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
CHOOSING = (
    "accuracy", "accuracy_per_character", "accuracy_per_byte", "accuracy_per_token", "log_likelihood_margin",
)  # fmt: skip
LAST_WORD = ("greedy_accuracy", "perplexity")
CHOICE_METRICS = CHOOSING + LAST_WORD


class ChoiceTask(Task):
    """Multiple choice by log-likelihood, or the likelihood of one word that ends a text."""

    kind: Literal["choice"]
    context: str | Strings = Field(description="a template, or one for each choice where what comes before differs")
    choices: str | Strings = Field(
        description="a column or {{ expression }} that holds a list of texts, or a list of templates"
    )
    target: str | int | None = Field(
        None, description="the right choice: a column, an {{ expression }}, or the same number for every row"
    )
    labels: str | Strings | None = Field(
        None, description="what the target says for each choice in order; without it the target counts choices from 0"
    )
    delimiter: str = Field(" ", description="stands between context and choice, and is scored with the choice")
    metrics: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)]
    cluster: str | None = Field(None, description="a column or {{ expression }} that rows about one passage share")
    shots: Annotated[int, Field(ge=0)] = Field(0, description="solved rows of the examples split before every question")
    shot_rows: Annotated[tuple[Annotated[int, Field(ge=0)], ...] | None, Strict(False)] = Field(
        None, description="which rows those are, from 0; without it the first"
    )
    shot_delimiter: str = Field("\n\n", description="stands after each solved row")
    window: Positive | Literal["context"] = Field("context", description="tokens the model reads at most")
    bos: Literal["tokenizer", "always", "none"] = Field(
        "tokenizer", description="causal: BOS before the context where the tokenizer puts it by itself; always; none"
    )

    @property
    def chosen_shots(self) -> tuple[int, ...]:
        """Row numbers of the solved examples."""
        return self.shot_rows if self.shot_rows is not None else tuple(range(self.shots))

    @property
    def is_last_word(self) -> bool:
        """Whether one continuation is scored and nothing is chosen."""
        return self.metrics[0] in LAST_WORD

    @field_validator("context", "choices", "labels", mode="before")
    @classmethod
    def text_or_texts(cls, value: Any) -> Any:
        """One text, or a list of texts that is not empty."""
        texts = value if isinstance(value, list | tuple) else [value]
        if value is not None and (not texts or not all(isinstance(text, str) for text in texts)):
            raise ValueError(f"found {value!r}; give a text, or a list of texts")
        return tuple(value) if isinstance(value, list) else value

    @field_validator("choices", "target", "labels", "cluster")
    @classmethod
    def column_or_expression(cls, value: Any) -> Any:
        """A text alone names a column, or is one expression."""
        if isinstance(value, str) and not NAME.match(value) and not (value[:2] == "{{" and value[-2:] == "}}"):
            raise ValueError(f"found {value!r}; name a column, or write one {{{{ expression }}}}")
        return value

    @model_validator(mode="after")
    def has_score_split(self) -> ChoiceTask:
        """A scored split, and one for examples where there are shots."""
        wanted = {"score", "examples"} if self.shots else {"score"}
        if set(self.splits) != wanted:
            raise ValueError(
                f"splits names {sorted(self.splits)}; a choice task with {self.shots} shots has {sorted(wanted)}"
            )
        if self.shots and self.splits["examples"] == self.splits["score"]:
            raise ValueError(f"splits takes examples and score from {self.splits['score']!r}; give examples their own")
        unknown = set(self.rows) - set(self.splits.values())
        if unknown:
            raise ValueError(f"rows names {sorted(unknown)}; the splits are {sorted(self.splits.values())}")
        return self

    @model_validator(mode="after")
    def shots_fit(self) -> ChoiceTask:
        """As many different rows as there are shots."""
        if self.shot_rows is not None and len(set(self.shot_rows)) != self.shots:
            raise ValueError(f"shot_rows is {list(self.shot_rows)}; name {self.shots} different rows, as many as shots")
        return self

    @model_validator(mode="after")
    def choices_fit(self) -> ChoiceTask:
        """Contexts and choices pair up, and there is a target exactly where something is chosen."""
        contexts = 1 if isinstance(self.context, str) else len(self.context)
        choices = None if isinstance(self.choices, str) else len(self.choices)
        if contexts > 1 and choices not in (1, contexts):
            raise ValueError(f"{contexts} contexts; give a list of one choice that they share, or of {contexts}")
        if self.is_last_word != (self.target is None):
            verb = "choose nothing; leave out" if self.is_last_word else "choose; give"
            raise ValueError(f"metrics {list(self.metrics)} {verb} 'target'")
        if self.is_last_word and (contexts, choices) != (1, 1):
            raise ValueError(
                f"metrics {list(self.metrics)} are of one continuation; give one context and a list of one choice"
            )
        if not self.is_last_word and max(contexts, choices or 2) < 2:
            raise ValueError("one choice is none; give two or more")
        return self

    @model_validator(mode="after")
    def metrics_fit(self) -> ChoiceTask:
        """Metrics of choosing and of a last word do not mix."""
        known = [metric for metric in self.metrics if metric in CHOICE_METRICS]
        if len({metric in LAST_WORD for metric in known}) > 1:
            raise ValueError(f"metrics {list(self.metrics)} mix those of choosing with {list(LAST_WORD)}")
        return self
