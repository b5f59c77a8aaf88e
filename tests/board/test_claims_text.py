from __future__ import annotations

from harness.board.claims_text import claim_rows
from harness.results.roles import Claim
from harness.slopes.claims import ClaimAnswer

CLAIM = Claim("flatter does better", ("small", "large"), "trace", "task", source="a paper")


def test_a_tested_claim_shows_relation_interval_and_what_it_could_have_seen():
    one = ClaimAnswer(CLAIM, "accuracy", 24, 8, (2.5, 2.52), 0.51, 0.1, 0.77, 0.01, 0.03, 0.55, "held")
    (row,) = claim_rows([one])
    assert (row.verdict, row.r, row.q, row.n) == ("held", "+0.51 [+0.10, +0.77]", "0.03", "24 / 8")
    assert row.about == "task accuracy by trace, small, large" and row.loss == "2.500 to 2.520"


def test_a_refused_claim_says_why():
    (row,) = claim_rows([ClaimAnswer(CLAIM, "", 0, 0, reason="no checkpoint has loss")])
    assert row.verdict == "refused: no checkpoint has loss" and row.r == "–"
