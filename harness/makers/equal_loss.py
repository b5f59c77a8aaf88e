"""Do members match in loss? Two one-sided tests on the same held-out tokens, for every pair of a family."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.makers.held_out import Found
from harness.slopes.equivalence import flat
from harness.slopes.flatness.draws import Draws
from harness.slopes.flatness.paired import paired_difference

LEVEL = 0.95
"""Of each one-sided test; the two together say equivalent where the 90 % interval lies within the margin."""


def equal_loss(found: Mapping[str, Found], margin: float) -> dict[str, Any]:
    """Every pair of members: difference of loss, its interval, and whether the two are equal within a margin.

    Losses of two members on one document move together, so that the difference is surer than either. Documents are the
    unit; each pair is tested by itself (Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680).

    Args:
        found: losses by document of every member, on the same tokens.
        margin: nats per token.

    Raises:
        HarnessError: the text is a single document, or the members were not measured on the same tokens.
    """
    pairs = [{"members": [a, b], **compared(found[a], found[b], margin)} for a, b in combinations(found, 2)]
    return {
        "margin": margin, "interval": "90 %, t over documents; equivalent where it lies within the margin (two one-sided "
        "tests at 5 %)", "all_equivalent": all(pair["equivalent"] for pair in pairs), "pairs": pairs,
    }  # fmt: skip


def compared(first: Found, second: Found, margin: float) -> dict[str, Any]:
    """One pair."""
    if not np.array_equal(first.tokens, second.tokens):
        raise HarnessError(
            "two members were not measured on the same held-out tokens; remove the folder and make them anew"
        )
    number = np.arange(len(first.tokens))
    one, other = (Draws(number, f.nats.astype(float), f.tokens.astype(float)) for f in (first, second))
    paired = paired_difference(one, other, level=2 * LEVEL - 1)
    return {
        "difference": paired.difference, "stderr": paired.stderr, "low": paired.low, "high": paired.high,
        "equivalent": flat(paired.difference, paired.stderr, paired.clusters - 1, margin, LEVEL),
    }  # fmt: skip
