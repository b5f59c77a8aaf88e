"""What no translation is worth: the source as it stands, and the model's own outputs for other sources.

A score is worth something only above both. The first depends on the data alone (names, numbers, words that two languages
share); the second also on the checkpoint: one that writes common phrases of the target language, whatever it read, has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.measures.translation.metrics import Scored, scored

COPY, SHUFFLED = "copy of the source", "outputs for other sources"


def others(count: int) -> list[int]:
    """For each of ``count`` segments another one, the same whatever the machine; for a single one itself.

    >>> others(5), others(1)
    ([1, 2, 4, 0, 3], [0])
    """
    circle = np.random.Generator(np.random.PCG64(0)).permutation(count)
    found = np.empty(count, dtype=int)
    found[circle] = np.roll(circle, -1)
    return found.tolist()


def copied(metric: str, sources: Sequence[str], references: Sequence[str], target_language: str) -> Scored:
    """The score of the sources as translations of themselves."""
    return scored(metric, sources, references, target_language)


def shuffled(metric: str, hypotheses: Sequence[str], references: Sequence[str], target_language: str) -> Scored | None:
    """The score of outputs for other sources; None of a single one."""
    if len(hypotheses) < 2:
        return None
    return scored(metric, [hypotheses[other] for other in others(len(hypotheses))], references, target_language)


def floor_details(copy: Scored, shuffle: Scored | None) -> dict[str, Any]:
    """What a record keeps: both floors, ``chance``, which every checkpoint shares, and ``floor``, the better of the two.

    ``chance`` is of the copied source.
    """
    found = {COPY: copy} | ({} if shuffle is None else {SHUFFLED: shuffle})
    sign = 1 if copy.higher_is_better else -1
    best = max(found, key=lambda name: sign * found[name].value)
    named = {"copy": copy} | ({} if shuffle is None else {"shuffled": shuffle})
    details: dict[str, Any] = {"chance": copy.value, "chance_by": COPY, "floor": found[best].value, "floor_by": best}
    for name, score in named.items():
        details |= {name: score.value, f"{name}_stderr": score.stderr}
    return details
