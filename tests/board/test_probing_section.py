"""The section on the page and in its Markdown twin, with and without a fine-tuned task."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from board_examples import ACCURACY, NASTY, context, demo, record, small
from probing_examples import cells, probed

from harness.board.build import build
from harness.board.page import assemble, github, html
from harness.board.probing_section import UNTUNED, probing_section

HEADING = "Does probing predict fine-tuning?"


def tuned(count: int) -> Any:
    """Probes beside a fine-tuned task that orders the checkpoints as they do."""
    records, checkpoints, contexts, roles = probed({"grown": count})
    records += [record(f"grown-{place}", ACCURACY, 0.7 + 0.01 * place) for place in range(count)]
    contexts[f"context of {ACCURACY.task}"] = context(ACCURACY) | {"parts": {"task": {"kind": "finetune"}}}
    return records, checkpoints, contexts, replace(roles, downstream=(*roles.downstream, ACCURACY.task))


def test_probes_alone_have_the_section_with_curves_and_table() -> None:
    board = assemble(*probed({"grown": 2}), [])
    page, written = html(board, "x.js"), github(board)
    for part in (HEADING, UNTUNED, "Layer by layer"):
        assert part in page and part in written, part
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.S)
    assert found
    (chart,) = json.loads(found[1])
    assert f'id="{chart["id"]}"' in page and chart["traces"][0]["marker"]["size"] == [7, 7, 12, 7]
    alt = "probe/sst2: accuracy by layer, ringed where the score is taken"
    assert f'alt="{alt}"' in page and f"![{alt}](figures/probe--probe-sst2.accuracy.svg)" in written
    assert "a probe against a fine-tuned task" not in page
    row = "| probe/sst2 accuracy (%) | 50.0 | grown | grown-1 | 0: 61.0 ± 1.0; 1: 66.0 ± 2.0; 2: 71.0 ± 3.0; 3: 61.0 ± 4.0 | layer 2 of 2 |"
    assert row in written
    for table in re.findall(r"(?:^\|.*\n)+", written, re.M):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_a_fine_tuned_task_keeps_its_pairs_above_the_curves() -> None:
    board = assemble(*tuned(8), [])
    assert board.probing is not None and len(board.probing.rows) == 1 and board.probing.layers
    for page in (html(board, "x"), github(board)):
        assert "1 of 1 order the checkpoints as fine-tuning does" in page and UNTUNED not in page
        assert page.index("order the checkpoints") < page.index("Layer by layer")


def test_no_probes_no_section() -> None:
    for example in (small(), demo()):
        board = assemble(*example)
        assert board.probing is None and HEADING not in html(board, "x") and HEADING not in github(board)


def test_deep_checkpoints_have_seven_layers_in_the_table() -> None:
    records, *rest = probed({"grown": 1}, seeds=())
    by_layer = {str(layer): 0.5 + 0.01 * layer for layer in range(25)}
    deep = replace(cells("grown-0", 0)[-1], value=0.74, details={"layer": 24, "by_layer": by_layer})
    section = probing_section([*records, deep], *rest, {})
    assert section is not None
    (row,) = section.layers
    assert [part.split(":")[0] for part in row.values.split("; ")] == ["0", "4", "8", "12", "16", "20", "24"]
    assert row.chance == "–" and section.charts[0].body.axes.x_step == 2  # type: ignore[union-attr]


def test_names_are_escaped() -> None:
    board = assemble(*probed({NASTY: 2}), [])
    page, written = html(board, "x"), github(board)
    assert NASTY not in page and "<img src=x" not in written and "\\u003cimg src=x" not in page
    assert "onerror=alert(1)&gt;" in page


@pytest.mark.slow
def test_the_files_are_there_and_a_board_of_twenty_stays_small(tmp_path: Path) -> None:
    paths = build(tmp_path, *probed({"grown": 20}), [])
    figures = sorted(path.name for path in paths if path.parent.name == "figures")
    assert figures == ["probe--probe-sst2.accuracy.png", "probe--probe-sst2.accuracy.svg"]
    assert max(path.stat().st_size for path in paths if path.parent.name == "figures") < 200_000
    page = (tmp_path / "board.html").read_text()
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.S)
    assert found and len(found[1]) < 20_000 and len(page) < 150_000
    (picture,) = re.findall(r"\]\((figures/probe[^)]*)\)", (tmp_path / "board.md").read_text())
    assert (tmp_path / picture).is_file()
