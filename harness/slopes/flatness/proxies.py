"""Negative controls: what a checkpoint has besides flatness that might say as much about the metric at equal loss."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.results.record import CheckpointInfo, Record
from harness.slopes.flatness.added_skill import AddedSkill, added_skill
from harness.slopes.flatness.freedman_lane import Partial, freedman_lane
from harness.slopes.ordinary_least_squares import Array


@dataclass(frozen=True, slots=True)
class Proxy:
    """One negative control in flatness's place, and flatness with it held fixed.

    ``given`` is None where flatness follows from the control, or no degrees of freedom are left.
    """

    name: str
    partial: Partial
    skill: AddedSkill | None
    given: Partial | None

    def does_as_well(self, flatness: Partial) -> bool:
        """Whether its partial correlation is as large as that of flatness."""
        return abs(self.partial.r) >= abs(flatness.r)


def proxies(
    y: Array, flatness: Array, controls: Array, families: Sequence[str], runs: Sequence[str],
    candidates: Mapping[str, Array],
) -> tuple[Proxy, ...]:  # fmt: skip
    """Every candidate put in flatness's place, and held fixed beside it.

    Args:
        y: (n,) the metric.
        flatness: (n,) as tested.
        controls: (n, k) columns of the loss model.
        families: (n,) the family of each checkpoint.
        runs: (n,) its run.
        candidates: name to (n,) values; those with a value missing, or that follow from the controls, are passed over.
    """
    found = []
    for name, values in candidates.items():
        if not np.isfinite(values).all() or np.ptp(values) <= 1e-9 * np.abs(values).max():
            continue
        try:
            partial = freedman_lane(y, values, controls, families)
        except HarnessError:
            continue
        try:
            given = freedman_lane(y, flatness, np.column_stack([controls, standardised(values)]), families)
        except HarnessError:
            given = None
        found.append(Proxy(name, partial, added_skill(y, values, controls, runs), given))
    return tuple(found)


def standardised(values: Array) -> Array:
    """Less the mean, over the standard deviation."""
    return (values - values.mean()) / max(float(values.std()), 1e-300)


def candidates_of(checkpoints: Mapping[str, CheckpointInfo], records: Iterable[Record]) -> dict[str, dict[str, float]]:
    """Name of a control to its value by checkpoint: log step, log size, log weight norm (in details of flatness records)."""
    found: dict[str, dict[str, float]] = {"log steps": {}, "log size": {}, "log weight norm": {}}
    for identity, info in checkpoints.items():
        if info.step is not None:
            found["log steps"][identity] = math.log1p(info.step)
        if info.parameters:
            found["log size"][identity] = math.log(info.parameters)
    for record in records:
        norm = (record.details or {}).get("weight_norm")
        if norm:
            found["log weight norm"][record.checkpoint] = math.log(norm)
    return found
