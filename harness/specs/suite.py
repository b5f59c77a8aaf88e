"""A suite: checkpoints x tasks x seeds, what each task is for, and how families are made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, Strict, field_validator, model_validator

from harness.specs.makers import Recipe
from harness.specs.model import Spec
from harness.specs.task import Strings


class Family(Spec):
    """Checkpoints that one line may be fitted through: named, or made."""

    checkpoints: Strings = ()
    make: Recipe | None = None

    @model_validator(mode="after")
    def named_or_made(self) -> Family:
        """Exactly one of the two."""
        if bool(self.checkpoints) == (self.make is not None):
            raise ValueError("a family has either checkpoints: or make:")
        return self


class Planted(Spec):
    """A control: a cell whose slope is known before anything is measured."""

    task: str
    metric: str
    slope: float = Field(description="true change of the metric for one unit of the upstream loss")
    because: str = ""
    upstream: str = Field("", description="the upstream task that the slope is known against; leave out where all")


class Claimed(Spec):
    """A published claim, to be marked held, not held or not decided: what orders the metric at equal upstream loss."""

    text: str
    source: str = ""
    families: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)]
    by: str = Field(description="a task of the suite, such as a trace, or a setting of checkpoints: parameters or step")
    task: str = Field(description="the downstream task")
    metric: str = Field("", description="leave out for the task's headline")
    upstream: str = Field("", description="leave out for the first upstream task")
    expected: Literal["less_is_better", "more_is_better"] = Field(
        "less_is_better", description="which checkpoints do better at equal loss: those with less of it, or with more"
    )


class Compared(Spec):
    """Two groups of checkpoints on one line, such as distilled and not: is it the same line, and if not, how far apart?"""

    name: str
    groups: dict[str, Strings] = Field(
        description="two names -> families, or patterns over names of checkpoints such as '*/student*'; the second is "
        "held against the first, within each family that has checkpoints of both"
    )
    tasks: Strings = Field((), description="downstream tasks; leave out for all")
    metrics: Strings = Field((), description="leave out for each task's headline")
    source: str = ""

    @field_validator("groups")
    @classmethod
    def two_of_them(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Two groups, neither empty."""
        if len(value) != 2 or not all(value.values()):
            raise ValueError(f"found {len(value)} groups; a comparison is of two, each with a family or a pattern")
        return value


class Roles(Spec):
    """What each task is for.

    An entry is a task's name, or a spec derived from one (name: and include:), at several ``train_rows`` if it lists them; a spec with
    domains is a task for each.
    """

    upstream: Annotated[tuple[str | dict[str, Any], ...], Strict(False)] = ()
    flatness: Annotated[tuple[str | dict[str, Any], ...], Strict(False)] = ()
    downstream: Annotated[tuple[str | dict[str, Any], ...], Strict(False)] = ()
    affinity: Annotated[tuple[str | dict[str, Any], ...], Strict(False)] = Field(
        (), description="features of tasks from which their slopes may be predicted"
    )


class Only(Spec):
    """Cells to leave out: the tasks named are measured on these families alone."""

    tasks: Strings
    families: Strings


class Suite(Spec):
    """One leaderboard: what is measured and which slopes are fitted."""

    title: str = ""
    description: str = ""
    families: dict[str, Family] = Field(min_length=1)
    tasks: Roles
    seeds: Annotated[tuple[int, ...], Strict(False), Field(min_length=1)] = (1,)
    only: Annotated[tuple[Only, ...], Strict(False)] = ()
    controls: Annotated[tuple[Planted, ...], Strict(False)] = ()
    claims: Annotated[tuple[Claimed, ...], Strict(False)] = ()
    compare: Annotated[tuple[Compared, ...], Strict(False)] = ()
    headline: dict[str, str] = Field(default_factory=dict, description="task -> the metric to fit")
    predictors: dict[str, Strings] = Field(
        default_factory=dict,
        description="upstream task -> the metrics to fit on, each by itself, such as [bleu, nats_per_token]; default: its headline",
    )
    device: str = "cpu"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
