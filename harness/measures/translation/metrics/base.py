"""A metric of a corpus is an object: sacreBLEU counts each segment, sums of the counts give the value of any set of segments.

No torch is needed, and sacreBLEU only to count: values of stored statistics are worked out anywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError

Array = npt.NDArray[np.float64]


class CorpusMetric(ABC):
    """One of sacreBLEU's metrics as its command line computes it, against one reference.

    Attributes:
        name: What specs and records call it.
        higher_is_better: Its direction.
        statistic_names: What the ``k`` statistics of a segment are called; no two metrics share a name.
    """

    name: str
    higher_is_better: bool = True
    statistic_names: tuple[str, ...]

    @abstractmethod
    def counter(self, target_language: str) -> Any:
        """SacreBLEU's own metric with the options for a target language.

        Raises:
            HarnessError: A package that the language takes is not installed.
        """

    @abstractmethod
    def values(self, sums: Array) -> Array:
        """The metric from sums of statistics over segments: ``(..., k)`` becomes ``(...)``, in points of 0 to 100."""

    def counted(
        self, hypotheses: Sequence[str], references: Sequence[str], target_language: str
    ) -> tuple[Array, str, float]:
        """Statistics of every segment, ``(N, k)``, sacreBLEU's signature, and its value of the corpus.

        A line break within a segment is read as a space: a segment is a line.

        Raises:
            HarnessError: See ``check_segments`` and ``counter``.
        """
        check_segments(hypotheses, references)
        counter = self.counter(target_language)
        written, wanted = ([text.replace("\n", " ").rstrip() for text in texts] for texts in (hypotheses, references))
        statistics = np.array(counter._extract_corpus_statistics(written, [wanted]), dtype=np.float64)
        value = counter._compute_score_from_stats([int(total) for total in statistics.sum(axis=0)]).score
        return statistics, str(counter.get_signature()), float(value)


def check_segments(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """One reference for every translation.

    Raises:
        HarnessError: The two differ in length, are empty, or a reference is.

    >>> check_segments(["a"], ["a", "b"])
    Traceback (most recent call last):
    harness.errors.HarnessError: found 1 translations and 2 references; give one reference for each translation, in the same order
    """
    if len(hypotheses) != len(references):
        raise HarnessError(
            f"found {len(hypotheses)} translations and {len(references)} references; give one reference for each "
            "translation, in the same order"
        )
    if not len(references):
        raise HarnessError("found no translations to score; check the split and the limit")
    empty = [number for number, text in enumerate(references) if not text.strip()]
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise HarnessError(
            f"reference {empty[0]}{more} of {len(references)} is empty; expected a text in each: leave such pairs out"
        )
