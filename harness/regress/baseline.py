"""What results are held to: a results folder, with a ``baseline.yaml`` that says tolerances and what was let go, and why."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from harness.errors import HarnessError
from harness.regress.cell import Name
from harness.regress.tolerance import Rule, amount_of
from harness.results.store import RESULTS
from harness.specs.model import Spec, check
from harness.specs.source import read_yaml

FILE = "baseline.yaml"
Text = Annotated[str, Field(min_length=1)]
State = Literal["gone", "replaced"]


class Pattern(Spec):
    """Cells by task, metric and checkpoint; ``*`` stands for anything."""

    task: Text = "*"
    metric: Text = "*"
    checkpoint: Text = "*"

    @property
    def name(self) -> Name:
        """As a name."""
        return Name(self.task, self.metric, self.checkpoint)


class ToleranceRule(Pattern):
    """The smallest difference that matters for some cells, and why."""

    tolerance: float | str
    because: Text

    @field_validator("tolerance")
    @classmethod
    def _is_amount(cls, value: float | str) -> float | str:
        try:
            amount_of(value, "")
        except HarnessError as error:
            raise ValueError(str(error)) from None
        return value

    @property
    def rule(self) -> Rule:
        """As a rule."""
        return Rule(self.task, self.metric, amount_of(self.tolerance, self.because), self.checkpoint)


class Change(Pattern):
    """A change of the baseline that somebody stood for: a cell that was let go, or measured anew."""

    state: State
    reason: Text
    date: datetime.date
    was: float | None = None
    now: float | None = None

    @field_validator("date", mode="before")
    @classmethod
    def _read_date(cls, value: object) -> object:
        return datetime.date.fromisoformat(value) if isinstance(value, str) else value


class BaselineFile(Spec):
    """``baseline.yaml``."""

    results: Text = "."
    only: tuple[Pattern, ...] = Field(default=(), strict=False)
    tolerances: tuple[ToleranceRule, ...] = Field(default=(), strict=False)
    changes: tuple[Change, ...] = Field(default=(), strict=False)


@dataclass(frozen=True)
class Baseline:
    """A baseline that was found: where its records are and where its file is, or would be."""

    folder: Path
    path: Path
    file: BaselineFile

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its tolerances."""
        return tuple(rule.rule for rule in self.file.tolerances)

    @property
    def only(self) -> tuple[Name, ...]:
        """The cells that it holds results to; none: all."""
        return tuple(pattern.name for pattern in self.file.only)

    @property
    def gone(self) -> tuple[Change, ...]:
        """The cells that were let go, each with its reason; the newest first."""
        return tuple(change for change in reversed(self.file.changes) if change.state == "gone")


def read_baseline(path: Path) -> Baseline:
    """A baseline by its results folder, or by its file.

    Raises:
        HarnessError: there is none there, or its file has a fault.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        if path.is_dir() and (path / RESULTS).is_file():
            return Baseline(path, file, BaselineFile())
        raise HarnessError(
            f"no baseline at {path}; give a results folder, or the file {FILE} that names one (results: FOLDER)"
        )
    read = check(BaselineFile, read_yaml(file))
    return Baseline(file.parent / read.results, file, read)
