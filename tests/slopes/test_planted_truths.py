"""Planted truths are found, and what is not there is not, at the rates of ``planted_truths.md``."""

from __future__ import annotations

import pytest
from planted_truths import ASKED, rate

LEAST = {"a break is found": 0.85, "is picked": 0.9, "called negative": 0.95, "called flat": 0.6, "two groups": 0.95}
MOST = 0.15
"""Of what should happen in one of twenty, among 60 draws: more has a chance of one in a thousand."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_rates(name: str) -> None:
    least = next((share for words, share in LEAST.items() if words in name), None)
    found = rate(ASKED[name], 60)
    assert found >= least if least is not None else found <= MOST
