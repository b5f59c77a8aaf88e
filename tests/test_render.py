"""What the terminal shows of features of tasks."""

from __future__ import annotations

from harness.render import feature_tables
from harness.slopes.cell import Axis
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
