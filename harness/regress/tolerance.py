"""The smallest difference that matters: given for a task, for all, or by the unit of the metric."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.errors import HarnessError
from harness.regress.cell import Group, Name, Tolerance

NUMBER = re.compile(r"(?P<amount>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)(?P<share>%?)\s*$")

BY_UNIT = {
    "fraction": 0.01,
    "percent": 1.0,
    "correlation": 0.01,
    "nats per token": 0.01,
    "bits per byte": 0.005,
    "BLEU": 0.5,
    "points": 0.5,
}
"""A point of accuracy or correlation, a hundredth of a nat, half a point of BLEU and its like."""
BY_GROUP: dict[Group, float] = {"metric": 0.02, "loss": 0.005, "flatness": 0.1, "slope": 0.2, "cost": 0.25}
"""Shares of the baseline's value, where the unit is none of those."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A tolerance for the cells that its patterns fit; ``*`` fits all."""

    task: str
    metric: str
    tolerance: Tolerance
    checkpoint: str = "*"

    def fits(self, name: Name) -> bool:
        """Whether it speaks of a cell."""
        patterns = (self.task, self.metric, self.checkpoint)
        return all(
            fnmatchcase(word, p) for word, p in zip((name.task, name.metric, name.checkpoint), patterns, strict=True)
        )


def tolerance_of(name: Name, group: Group, unit: str, rules: Sequence[Rule]) -> Tolerance:
    """The tolerance of a cell: that of the last rule that fits it, else that of its unit or sort.

    >>> str(tolerance_of(Name("glue/rte", "accuracy", "m"), "metric", "fraction", []))
    '0.01'
    >>> str(tolerance_of(Name("glue/rte", "accuracy", "m"), "metric", "fraction", [parse("glue/*=2%")]))
    '2%'
    """
    found = [rule.tolerance for rule in rules if rule.fits(name)]
    if found:
        return found[-1]
    if group in ("metric", "loss") and unit in BY_UNIT:
        return Tolerance(BY_UNIT[unit], because=f"the default of {unit}")
    return Tolerance(BY_GROUP[group], relative=True, because=f"the default of {group}")


def parse(text: str, because: str = "given on the command line") -> Rule:
    """A rule as it is written: ``[TASK[:METRIC]=]AMOUNT``, the amount in the metric's unit or as a share (``5%``).

    Raises:
        HarnessError: it has another form.

    >>> parse("0.005").task, parse("glue/rte:accuracy=0.02").metric, parse("steps/*=5%").tolerance.relative
    ('*', 'accuracy', True)
    """
    where, given, amount = text.rpartition("=")
    found = NUMBER.match(amount.strip())
    if found is None or (given and not where):
        raise HarnessError(
            f"--tolerance {text!r} is none; expected AMOUNT or TASK=AMOUNT or TASK:METRIC=AMOUNT, the amount 0 or more in the "
            "metric's unit, or a share of the baseline's value such as 5%"
        )
    task, _, metric = where.partition(":")
    return Rule(task or "*", metric or "*", amount_of(amount, because))


def amount_of(text: str | float, because: str) -> Tolerance:
    """An amount, such as 0.01 or "5%".

    Raises:
        HarnessError: it is none.
    """
    found = NUMBER.match(str(text).strip())
    if found is None:
        raise HarnessError(f"{text!r} is no tolerance; expected a number of 0 or more, or a share such as 5%")
    share = found["share"] == "%"
    return Tolerance(float(found["amount"]) / (100 if share else 1), share, because)
