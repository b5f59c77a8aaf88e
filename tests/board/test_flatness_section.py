"""The section on the page and in its Markdown twin; a board without such details looks as before."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from board_examples import NASTY, demo, small
from flatness_examples import flat

from harness.board.build import build
from harness.board.page import Board, assemble, github, html
from harness.results.outcomes import write_shard


@pytest.fixture(scope="module")
def board() -> Board:
    records, checkpoints, roles, draws = flat()
    return assemble(records, checkpoints, {}, roles, [], draws)


def test_the_page_has_charts_table_groups_and_fold(board: Board) -> None:
    page, written = html(board, "x.js"), github(board)
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.S)
    assert found
    charts = json.loads(found[1])
    assert len(charts) == 12 and all(f'id="{chart["id"]}"' in page for chart in charts)
    assert page.count('data-group="A"') > 10 and "sorted group by group" in page
    assert "5 further measures of every checkpoint" in page and "fisher_rao_norm" in page
    for said in ("Where the curvature sits", "change since the step before", "×0.18"):
        assert said in page and said in written, said
    assert written.count("![flatness/") == 12 and "fisher&#95;rao" not in written and "fisher_rao_norm" not in written
    tables = re.findall(r"(?:^\|.*\n)+", written, re.M)
    assert len(tables) >= 2
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_boards_without_details_have_no_section() -> None:
    for example in (small(), demo()):
        board = assemble(*example)
        assert board.curvature is None and board.grouped == ""
        page, written = html(board, "x"), github(board)
        assert '#curvature"' not in page and "sits" not in page and "Where the curvature sits" not in written


def test_nasty_names_stay_text() -> None:
    records, checkpoints, roles, draws = flat()
    named = {i: replace(info, names=(f"{NASTY}{i}",), run=NASTY) for i, info in checkpoints.items()}
    families = {f"{NASTY}{f}": tuple(f"{NASTY}{n}" for n in names) for f, names in roles.families.items()}
    wild = {NASTY: 0.5, "attention": 0.5}
    changed = [
        replace(r, details=(r.details or {}) | {"by_block": wild, "by_place": {NASTY: wild}}, warnings=(NASTY,))
        if r.metric == "fisher_trace" else r for r in records
    ]  # fmt: skip
    board = assemble(changed, named, {}, replace(roles, families=families), [], draws)
    page, written = html(board, "x"), github(board)
    assert NASTY not in page and "<img src=x" not in written and "onerror=alert(1)&gt;" in page
    assert "\\u003cimg src=x" not in page  # what plotly reads as HTML is escaped before it is JSON


@pytest.mark.slow
def test_figures_and_draws_come_from_the_folder(tmp_path: Path) -> None:
    records, checkpoints, roles, draws = flat()
    for (key, metric), d in draws.items():
        columns = {"row": range(40), "cluster": d.cluster, "outcome": d.term, "weight": d.tokens}
        write_shard(tmp_path, key, [{"metric": metric, **columns}])
    written = build(tmp_path, records, checkpoints, {}, roles, [])
    assert len([p for p in written if p.parent.name == "figures" and p.suffix == ".png"]) == 12
    assert "×0.18" in (tmp_path / "board.md").read_text()
    names = re.findall(r"\]\((figures/[^)]*)\)", (tmp_path / "board.md").read_text())
    assert len(names) == 12 and all((tmp_path / name).is_file() for name in names)
