"""What the board says of two groups on a line."""

from __future__ import annotations

from dataclasses import replace

from harness.board.groups_text import group_rows, group_sentences
from harness.results.roles import Groups
from harness.slopes.cell import Axis
from harness.slopes.groups import Estimate, GroupAnswer

GROUPS = Groups("distilled or not", "gold", "distilled", ("gold",), ("distilled",), source="a paper")
NEWS, LAW = Axis("news", "bleu", "BLEU", True), Axis("law", "bleu", "BLEU", True)
SLOPE = Estimate(0.1, -0.07, 0.27, 0.19, 0.23, 0.065, 4.9, 0.2)
OFFSET = Estimate(-0.39, -0.78, 0.01, 0.051, 0.55, 0.18, 12.9, 0.051)
OPEN = GroupAnswer(GROUPS, NEWS, LAW, "", 1, (4, 3), (4, 3), (34.6, 39.4), SLOPE, OFFSET, 1.0, "undecided")


def test_an_open_comparison_says_what_it_could_have_seen():
    (text,) = group_sentences([OPEN])
    assert (
        "nothing against parallel lines (slopes differ by +0.10 [−0.07, 0.27] BLEU per 1 BLEU; could have seen 0.23)"
        in text
    )
    assert (
        "open which is better: distilled less gold is −0.39 [−0.78, 0.01] BLEU; could have seen 0.55 BLEU (80% power)"
        in text
    )


def test_a_difference_is_told_by_its_size_and_direction():
    offset = replace(OFFSET, high=-0.1, q=0.01)
    (text,) = group_sentences([replace(OPEN, offset=offset, verdict="apart")])
    assert text.endswith("At equal news distilled is worse than gold by 0.39 [0.10, 0.78] BLEU.")
    steeper = replace(OPEN, slope=replace(SLOPE, low=0.02, q=0.01), offset=offset, verdict="another slope")
    (text,) = group_sentences([steeper])
    assert (
        "distilled has a steeper line, by 0.10 [0.02, 0.27] BLEU per 1 BLEU. At equal news, half way, distilled" in text
    )


def test_the_same_line_and_a_fraction_in_points():
    accuracy = Axis("task", "accuracy", "fraction", True)
    loss = Axis("news", "nats_per_token", "nats per token", False)
    small = Estimate(0.001, -0.002, 0.004, 0.5, 0.005, 0.001, 9.0)
    one = replace(OPEN, upstream=loss, downstream=accuracy, slope=small, offset=small, per=0.1, verdict="the same")
    (text,) = group_sentences([one])
    assert "no more than a standard error of the metric from gold (+0.10 [−0.20, 0.40] points)" in text
    (row,) = group_rows([one])
    assert (row.slope_unit, row.offset_unit, row.verdict) == ("points per 0.1 nat", "points", "the same line")


def test_a_refused_comparison_says_why_and_parts_have_rows_alone():
    refused = replace(
        OPEN, slope=None, offset=None, shared=None, verdict="refused", reason="the groups share no stretch"
    )
    assert group_sentences([refused])[0].endswith("refused. the groups share no stretch")
    assert group_sentences([replace(OPEN, part=True)]) == [] and len(group_rows([replace(OPEN, part=True)])) == 1
    (row,) = group_rows([refused])
    assert (row.slope, row.offset, row.q, row.shared) == ("–",) * 4


def test_caveats_stand_in_the_row():
    one = replace(OPEN, conditional=True, reliability=0.95, bent=True, left_out=3)
    (row,) = group_rows([one])
    for said in ("these runs alone", "95.0%", "bend", "3 at a floor"):
        assert said in row.notes
    assert group_sentences([one])[0].endswith("Holds for these runs alone.")
