"""Any metric of the Hugging Face ``evaluate`` library, by name: ``evaluate/NAME`` or ``evaluate/NAME:KEY``."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import HarnessError
from harness.measures.metrics.base import Metric, StandardError, check_pair
from harness.measures.metrics.standard_errors import cluster_index, from_leave_one_out

GROUPS = 50
LOWER_IS_BETTER = frozenset({"mae", "mape", "mse", "rmse", "smape", "brier_score", "cer", "wer", "ter", "perplexity"})
REAL_VALUED = frozenset({"mae", "mape", "mse", "smape", "mase", "pearsonr", "spearmanr", "r_squared"})


class HuggingFaceMetric(Metric):
    """A metric whose script ``evaluate`` fetches when it is first computed.

    Only official metrics (the Hub's ``evaluate-metric`` organisation) can be named, so that a spec
    cannot point at somebody's code or at a file. The unit and range are those of the metric's card. The
    standard error is a jackknife that leaves out one of at most 50 groups of examples (or clusters).

    Args:
        reference: ``NAME``, or ``NAME:KEY`` where the metric returns several numbers.
    """

    unit = "as its card says"

    def __init__(self, reference: str) -> None:
        if not re.fullmatch(r"[a-z0-9_]+(:\w+)?", reference):
            raise HarnessError(
                f"found evaluate/{reference}; after 'evaluate/' give the name of an official metric, as in "
                "evaluate/exact_match, or evaluate/NAME:KEY for one of several numbers"
            )
        self.module, _, self.key = reference.partition(":")
        self.name = f"evaluate/{reference}"
        self.higher_is_better = self.module not in LOWER_IS_BETTER
        self.needs = "scores" if self.module in REAL_VALUED else "labels"

    def compute(self, predictions: ArrayLike, targets: ArrayLike) -> float:
        """The number the metric returns.

        Raises:
            HarnessError: It cannot be fetched, refuses these values, or returns several numbers.
        """
        guessed, true = check_pair(predictions, targets)
        try:
            found = self._loaded.compute(predictions=guessed.tolist(), references=true.tolist())
        except (TypeError, ValueError, KeyError) as error:
            raise HarnessError(f"{self.name} cannot score these predictions: {error}") from error
        return self._pick(found)

    def stderr(self, predictions: ArrayLike, targets: ArrayLike, clusters: ArrayLike | None = None) -> StandardError:
        """Delete-group jackknife; the groups are drawn once, under a fixed seed."""
        guessed, true = check_pair(predictions, targets)
        group = _groups(cluster_index(clusters, len(true)))
        count = int(group.max()) + 1
        if count < 2:
            return StandardError(None, "none: a single example or cluster")
        without = [self.compute(guessed[group != g], true[group != g]) for g in range(count)]
        return from_leave_one_out(np.array(without), np.ones(count, dtype=np.int64), f"delete-group jackknife, {count}")

    @cached_property
    def _loaded(self) -> Any:
        import evaluate

        path = f"evaluate-metric/{self.module}"
        if Path(path).exists():
            raise HarnessError(f"a local folder {path} would be run in place of the metric; work from another folder")
        try:
            return evaluate.load(path, keep_in_memory=True)
        except (OSError, ImportError, ValueError) as error:
            raise HarnessError(
                f"{self.name} cannot be loaded: its script is fetched from the Hub at run time ({error}). Check the "
                "name and the network, or use a metric that works offline: see metric_names()"
            ) from error

    def _pick(self, found: dict[str, Any]) -> float:
        numbers = {key: value for key, value in found.items() if isinstance(value, (int, float, np.number))}
        key = self.key or (self.module if self.module in numbers else next(iter(numbers), ""))
        if key not in numbers or (not self.key and len(numbers) > 1 and key != self.module):
            raise HarnessError(f"{self.name} returns {', '.join(found)}; name one number: evaluate/{self.module}:KEY")
        return float(numbers[key])


def _groups(clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put clusters into at most ``GROUPS`` groups of nearly one size, by a fixed shuffle."""
    count = int(clusters.max()) + 1
    place = np.random.default_rng(0).permutation(count)
    return np.asarray((place % min(count, GROUPS))[clusters])
