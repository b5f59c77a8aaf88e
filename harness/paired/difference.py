"""What every paired test answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two checkpoints on the examples that both have, in the unit of the metric.

    Attributes:
        test: Its name.
        first: Value of A on the shared examples.
        second: Value of B.
        difference: A - B.
        stderr: Its standard error; None where the test gives none.
        low: Lower end of its interval; None where the test gives none.
        high: Upper end.
        p: Two-sided: how likely a difference of this size is where the two are alike.
        units: What was resampled or summed over: examples, or clusters of them.
        seeds: How many seeds of fine-tuning both have; 1 where there are none.
        p_sacrebleu: What sacreBLEU prints as p; None of a test that it has not.
    """

    test: str
    first: float
    second: float
    difference: float
    stderr: float | None
    low: float | None
    high: float | None
    p: float
    units: int
    seeds: int = 1
    p_sacrebleu: float | None = None


def check_shapes(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic], least: int = 2) -> None:
    """Two arrays of one shape, of ``least`` examples or more in their last axis but that of statistics.

    Raises:
        HarnessError: They are not alike, or too short.
    """
    if first.shape != second.shape:
        raise HarnessError(
            f"found {first.shape} for A and {second.shape} for B; a paired test takes the same examples of both, in one order"
        )
    if len(first) < least:
        raise HarnessError(
            f"found {len(first)} shared examples; a paired test takes at least {least}: score both on more"
        )
