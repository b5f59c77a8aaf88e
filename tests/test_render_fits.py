"""What the terminal shows of slopes, and of features of tasks."""

from __future__ import annotations

import numpy as np

from harness.render_fits import MOST_ROWS, feature_tables, probe_table, slope_table
from harness.slopes import fit_points
from harness.slopes.board_wide import compared
from harness.slopes.cell import Axis
from harness.slopes.probing import ProbeAnswer
from harness.slopes.slope_features import SPREAD, SlopeAnswer
from harness.slopes.slope_prediction import FeatureSkill, SlopePrediction

UPSTREAM = Axis("lm_loss/wiki", "nats_per_token", "nats per token", False)


def test_features_are_a_table_with_a_verdict_and_a_refusal_a_sentence(capsys):
    features = (FeatureSkill("cover", 0.3, 0.1, 0.5, 0.4, 0.004), FeatureSkill("auc", 0.0, -0.2, 0.2, None, 0.9))
    found = SlopePrediction(24, 12, 2, features, 0.4, 0.2)
    feature_tables(
        [SlopeAnswer(UPSTREAM, SPREAD, 0.1, found, None), SlopeAnswer(UPSTREAM, SPREAD, 0.1, None, "3 slopes")]
    )
    shown = capsys.readouterr().out
    assert "features of tasks and their slopes on lm_loss/wiki" in shown and "[0.1, 0.5]" in shown
    assert "can be predicted from cover" in shown and "cannot be predicted yet: 3 slopes." in shown
    feature_tables([])
    assert capsys.readouterr().out == ""


def test_slopes_stand_by_family_and_refusals_once(capsys):
    x = np.linspace(2, 3, 12)
    y = 0.9 - 0.2 * (x - 2) + 0.002 * np.cos(9 * x)
    fits = compared([
        fit_points(x, y, family="one", task="rte", metric="accuracy"),
        fit_points(x, y - 0.1, family="two", task="rte", metric="accuracy"),
        *(fit_points(x[:3], y[:3], family=name, task="rte", metric="accuracy") for name in ("three", "four")),
    ])  # fmt: skip
    slope_table(fits)
    shown = capsys.readouterr().out
    assert "one on " in shown and "two on " in shown and "three on " not in shown
    assert shown.count("+2.0") >= 2 and "points per 0.1 nat" in shown
    refusals = [line for line in shown.splitlines() if line.startswith("refused")]
    assert len(refusals) == 1 and "and 1 more" in refusals[0]


def test_pairs_that_the_terminal_has_no_room_for_are_counted(capsys):
    pair = ProbeAnswer("f", ("p", "m"), ("t", "m"), False, 1, None, refusal="2 checkpoints have both")
    probe_table([pair] * (MOST_ROWS + 3))
    assert "and 3 more: see the board" in capsys.readouterr().out
