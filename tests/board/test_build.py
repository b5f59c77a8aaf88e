"""A board's files: byte for byte the same each time, whole or not there, and made without any model library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from board_examples import small

from harness.board.build import build, library_path
from harness.board.page import assemble, github, html
from harness.errors import HarnessError

ROOT = Path(__file__).parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_same_input_same_bytes_and_no_leftovers(tmp_path: Path) -> None:
    written = build(tmp_path / "a", *small())
    with matplotlib.rc_context({"font.size": 20, "axes.grid": False}):  # a user's own settings
        build(tmp_path / "b", *small())
        assert matplotlib.rcParams["font.size"] == 20
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "b")
    assert sorted(first) == sorted(str(path.relative_to(tmp_path / "a")) for path in written)
    assert {"board.md", "board.html", "assets/plotly.min.js"} < set(first)


def test_order_of_records_does_not_matter() -> None:
    records, *rest = small()
    one, two = assemble(records, *rest), assemble(records[::-1], *rest)
    assert html(one, "x") == html(two, "x")
    assert github(one) == github(two)


def test_committed_boards_share_the_library(tmp_path: Path) -> None:
    without_figures = (*small()[:4], [])
    build(tmp_path / "leaderboards" / "one", *without_figures)
    library = tmp_path / "leaderboards" / "assets" / "plotly.min.js"
    assert not (tmp_path / "leaderboards" / "one" / "assets").exists()
    before = library.stat().st_mtime_ns
    build(tmp_path / "leaderboards" / "two", *without_figures)
    assert library.stat().st_mtime_ns == before
    library.write_text("torn")
    build(tmp_path / "leaderboards" / "two", *without_figures)
    assert library.stat().st_size > 1_000_000
    assert library_path(tmp_path / "leaderboards" / "one") == library
    assert library_path(tmp_path / "elsewhere") == tmp_path / "elsewhere" / "assets" / "plotly.min.js"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match=r"cannot write .*name another folder"):
        build(tmp_path / "file" / "board", *small()[:4], [])


def test_no_model_library_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests' / 'board')!r}]\n"
        "for name in ('torch', 'transformers', 'datasets', 'pandas', 'pydantic'): sys.modules[name] = None\n"
        "import pathlib\n"
        "from board_examples import small\n"
        "from harness.board.build import build\n"
        "assert len(build(pathlib.Path(sys.argv[1]), *small()[:4], [])) == 3\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
