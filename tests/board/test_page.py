"""The page and its Markdown twin, for whole boards."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from board_examples import NASTY, Example, demo, record, small

from harness.board.page import assemble, github, html
from harness.results.roles import Roles
from harness.slopes.cell import Axis

LIBRARY = "../assets/plotly.min.js"


class Seen(HTMLParser):
    """Tags, attributes and text of a page as a browser would have them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def example() -> Example:
    return small()


@pytest.fixture(scope="module")
def page(example: Example) -> str:
    return html(assemble(*example), LIBRARY)


def test_a_nasty_name_stays_text(page: str, example: Example) -> None:
    seen = Seen(page)
    pictures = [attributes for tag, attributes in seen.tags if tag == "img"]
    assert len(pictures) == 1 and str(pictures[0]["src"]).startswith("figures/")
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    assert any(NASTY in text for text in seen.text)
    assert NASTY not in page
    written = github(assemble(*example))
    assert "<img" not in written and "&lt;img src=x onerror=alert(1)&gt;" in written


def test_nothing_is_fetched_from_elsewhere(page: str) -> None:
    sources = [a.get("src") or a.get("href") for tag, a in Seen(page).tags if tag in ("script", "link", "img", "a")]
    assert not [s for s in sources if s and re.match(r"(https?:)?//", s)]
    assert LIBRARY in sources


def test_the_embedded_data_is_json(page: str) -> None:
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.S)
    assert found
    charts = json.loads(found[1])
    assert [chart["id"] for chart in charts] == ["chart-glue-rte.accuracy--lm_loss-wiki.nats_per_token"]
    assert f'id="{charts[0]["id"]}"' in page


def test_every_section_is_there(page: str, example: Example) -> None:
    text = " ".join(" ".join(Seen(page).text).split())
    written = github(assemble(*example))
    for part in ("Small & sound", "REFUSE-LEVELS", "not fitted", "leave-one-run-out", "abc123", "torch 2.13.0",
                 "diverged at step 7", "1 transferring, 1 refused"):  # fmt: skip
        assert part in text, part
        assert part.replace("&", "&amp;") in written, part
    assert "| yes | planted |" in written and "| **NO** | wrong |" in written


def test_markdown_tables_have_whole_rows(example: Example) -> None:
    for source in (example, demo()):
        widths = [line.count("|") for line in github(assemble(*source)).splitlines() if line.startswith("|")]
        tables = re.findall(r"(?:^\|.*\n)+", github(assemble(*source)), re.M)
        assert len(widths) > 20
        for table in tables:
            assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_zero_fits_and_nothing_at_all(example: Example) -> None:
    records, checkpoints, contexts, roles, _ = example
    page = html(assemble(records, checkpoints, contexts, roles, []), LIBRARY)
    assert "No slope was fitted" in page and "plotly" not in page.split("<script>")[0]
    nothing = assemble([], {}, {}, Roles((), (), (), {}), [])
    assert "Nothing has been measured yet" in html(nothing, LIBRARY)
    assert github(nothing).startswith("# Transfer leaderboard\n")


def test_missing_flatness_is_a_dash() -> None:
    written = github(assemble(*demo()))
    assert "312.5 ± 9.3" in written
    (row,) = re.findall(r"^\| tartan-5 .*$", written, re.M)
    assert row.split("|")[5].strip() == "–"


def test_features_of_tasks_are_a_finding_and_no_column() -> None:
    records, checkpoints, contexts, roles, fits = demo()
    size = Axis("affinity/rte/data_size", "log_train_rows", "log rows", True)
    features = [record(c, size, 7.8, details={"of": "glue/rte"}) for c in checkpoints]
    with_features = replace(roles, affinity=(size.task,))
    board = assemble(
        [*records, *features], checkpoints, contexts, with_features, [replace(f, stderr=0.1) for f in fits]
    )
    assert size.task not in {column.task for column in board.columns}
    for page in (github(board), html(board, LIBRARY)):
        assert "Can a slope be predicted?" in page and "cannot be predicted yet" in page
    assert "Can a slope be predicted?" not in github(assemble(*demo()))


def test_twenty_checkpoints_stay_under_two_megabytes() -> None:
    assert len(html(assemble(*demo()), LIBRARY).encode()) < 2_000_000
