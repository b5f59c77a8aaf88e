"""The checklist of fits says what went in and what was tried."""

import numpy as np

from harness.board.checklist import checklist_notes, checklist_rows
from harness.slopes import fit_points
from harness.slopes.board_wide import compared


def fits():
    x = np.linspace(2, 3, 12)
    bent = 0.9 - 0.5 * (x - 2) ** 2 + 0.002 * np.cos(9 * x)
    floor = np.where(x > 2.8, 0.5, 0.9 - 0.4 * (x - 2))
    return compared([
        fit_points(x, bent, task="bent", metric="accuracy", unit="fraction"),
        fit_points(x, floor, y_stderr=0.01, chance=0.5, best=1.0, task="floor", metric="accuracy", unit="fraction"),
        fit_points(x[:3], bent[:3], task="short", metric="accuracy"),
    ])  # fmt: skip


def test_a_row_for_every_fit_and_none_for_a_refusal():
    found = fits()
    rows = checklist_rows(found)
    assert [row.cell.split(": ")[1].split()[0] for row in rows] == ["bent", "floor"]
    bent, floor = rows
    assert bent.points == "12 of 12 runs" and bent.excluded == "none" and bent.seeds == "1"
    fit = next(f for f in found if f.cell.downstream.task == "bent")
    assert bent.curve.startswith(f"{fit.model}: y =") or bent.curve.startswith(f"{fit.model}: ")
    for name, _ in fit.tried:
        assert name in bent.tried
    assert "point 11 (floor)" in floor.excluded and "point 12 (floor)" in floor.excluded


def test_notes_count_what_was_asked():
    assert any("2 slopes were asked" in note for note in checklist_notes(fits()))
    assert checklist_notes([]) == []
