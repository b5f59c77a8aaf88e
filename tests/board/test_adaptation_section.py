"""The section on what adaptation gained and forgot, and the page that holds it."""

from __future__ import annotations

import json
from dataclasses import replace

from board_examples import NASTY, small

from harness.board.adaptation_section import adaptation_section
from harness.board.page import assemble, github, html
from harness.board.panels import styles
from harness.results.roles import Groups
from harness.slopes.adaptation import Adapted, Change

GAINED = Change(5.0, 14.0, 9.0, 7.0, 11.0, "t(2) of 3 runs", 6, 3)
FORGOT = Change(30.0, 27.0, -3.0, -4.0, -2.0, "t(2) of 3 runs", 6, 3)
OPEN = Change(3.0, 3.1, 0.1, -0.2, 0.4, "t(2) of 3 runs", 6, 3)
LAW = Adapted("mt/law", "bleu", "points", "grown", GAINED, {"general": FORGOT})
FOUND = [LAW, replace(LAW, family="pruned"), replace(LAW, task="mt/bible", own=OPEN, others={"general": OPEN})]


def test_sentences_count_what_is_beyond_doubt():
    section = adaptation_section(FOUND, styles(["grown", "pruned"]))
    (text,) = section.sentences
    assert text == (
        "bleu (points): 2 gained, 1 open of 3 in the domain adapted to, 0.100 to 9.00; in general 2 forgot, 1 open of 3, "
        "−3.00 to 0.100."
    )


def test_rows_have_both_domains_with_intervals():
    row = adaptation_section(FOUND, styles(["grown", "pruned"])).rows[0]
    assert (row.values, row.gain, row.n) == ("5.00 to 14.0", "+9.0 [7.0, 11.0]", "6 / 3")
    assert row.others == (("general", "30.0 to 27.0", "−3.0 [−4.0, −2.0]"),)


def test_a_marker_for_each_task_and_family_by_colour_and_shape():
    (chart,) = adaptation_section(FOUND, styles(["grown", "pruned"])).charts
    law, law_pruned, bible = chart.body.curves
    assert (law.x, law.y, law.errors) == ((-3.0,), (9.0,), (2.0,))
    assert law.style.colour == law_pruned.style.colour != bible.style.colour
    assert law.style.marker == bible.style.marker != law_pruned.style.marker
    assert law.label == "mt/law, grown" and "general" in chart.body.axes.x


def test_without_another_domain_there_is_a_table_and_no_picture_and_without_pairs_nothing():
    section = adaptation_section([replace(LAW, others={})], styles(["grown"]))
    assert section.charts == [] and section.rows[0].others == ()
    assert adaptation_section([], {}) is None


def test_page_and_markdown_hold_both_sections_and_no_markup_of_names():
    records, checkpoints, contexts, roles, fits = small()
    for one in [r for r in records if r.task == "glue/rte"]:
        pair = {"bleu": 20.0, "bleu_before": 10.0, "general_bleu": 28.0, "general_bleu_before": 30.0}
        records += [replace(one, metric=metric, value=value) for metric, value in pair.items()]
    groups = Groups(NASTY, "grown", NASTY, ("grown",), ("pruned",))
    board = assemble(records, checkpoints, contexts, replace(roles, groups=(groups,)), fits)
    page, text = html(board, "plotly.js"), github(board)
    for said in ("What adaptation gained and forgot", "Do groups share a line?", "figures/adaptation.svg"):
        assert said in page and said in text
    assert NASTY not in page and NASTY not in text
    data = page.split('<script type="application/json" id="charts">')[1].split("</script>")[0]
    assert any(chart["id"] == "chart-adaptation" for chart in json.loads(data))
