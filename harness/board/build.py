"""Write a leaderboard folder's board: the page, its Markdown twin, the figures, and the plotting library once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.board.chart_figures import draw_chart
from harness.board.figures import draw
from harness.board.flatness_table import draws_wanted
from harness.board.page import assemble, github, html
from harness.errors import HarnessError
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.cell import Fit
from harness.slopes.flatness.draws import read_draws

LIBRARY = "plotly.min.js"


def build(
    folder: Path,
    records: Sequence[Record],
    checkpoints: Mapping[str, CheckpointInfo],
    contexts: Mapping[str, Mapping[str, Any]],
    roles: Roles,
    fits: Sequence[Fit],
) -> list[Path]:
    """Write ``board.md``, ``board.html`` and ``figures/``; the same input gives the same bytes.

    Args:
        folder: the leaderboard folder; made if it is not there.
        records: every line of ``results.jsonl``.
        checkpoints: what is known of each checkpoint, by identity.
        contexts: the lines of ``contexts.jsonl``, by context hash.
        roles: what the suite says about tasks and families.
        fits: one for each cell, refused ones too.

    Returns:
        The files that make up the board, each whole: a reader never sees half of one.

    Raises:
        HarnessError: a file cannot be written.
    """
    folder = Path(folder).resolve()
    draws = read_draws(folder, draws_wanted(records, roles.flatness))
    board = assemble(records, checkpoints, contexts, roles, fits, draws)
    library = library_path(folder)
    files: dict[Path, bytes] = {}
    for panel in board.panels:
        for kind, content in draw(panel, board.styles).items():
            files[folder / "figures" / f"{panel.name}.{kind}"] = content
    for chart in board.charts:
        for kind, content in draw_chart(chart).items():
            files[folder / "figures" / f"{chart.name}.{kind}"] = content
    files[folder / "board.md"] = github(board).encode()
    files[folder / "board.html"] = html(board, Path(os.path.relpath(library, folder)).as_posix()).encode()
    write_library(library)
    for path, content in files.items():
        write(path, content)
    return [*files, library]


def library_path(folder: Path) -> Path:
    """Where plotly.js lies: shared by the folders of ``leaderboards/``, else in the folder's own ``assets/``."""
    parent = folder.resolve().parent
    shared = parent / "assets" / LIBRARY
    return shared if parent.name == "leaderboards" or shared.exists() else folder / "assets" / LIBRARY


def write_library(path: Path) -> None:
    """Write plotly.js, with the licence at its head, unless that very file is there."""
    from plotly.offline import get_plotlyjs

    content = get_plotlyjs().encode()
    if not path.exists() or path.read_bytes() != content:
        write(path, content)


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        HarnessError: the folder or the disk does not take it.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise HarnessError(
            f"cannot write {path}: {error.strerror or error}; the board needs a folder it may write to, with room "
            "for about 6 MB: free some, or name another folder with -o"
        ) from error
