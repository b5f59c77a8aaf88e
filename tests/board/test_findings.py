"""Families and flatness in words."""

from __future__ import annotations

import numpy as np
import pytest

from harness.board.findings import family_sentences, flatness_sentence, prediction_sentence
from harness.slopes import fit_points
from harness.slopes.board_wide import compared
from harness.slopes.cell import Axis
from harness.slopes.flatness.battery import battery
from harness.slopes.slope_features import SHARE, SlopeAnswer
from harness.slopes.slope_prediction import FeatureSkill, SlopePrediction


def lines(slopes):
    x, rng = np.linspace(2, 3, 12), np.random.default_rng(2)
    return compared([
        fit_points(x, 0.9 - slope * (x - 2) + rng.normal(0, 0.004, 12), family=f"f{i}", task="rte", metric="accuracy")
        for i, slope in enumerate(slopes)
    ])  # fmt: skip


def test_families() -> None:
    (apart,) = family_sentences(lines([0.1, 0.3, 0.5]))
    assert "3 families" in apart and "do not share a slope" in apart and "points per 0.1 nat" in apart
    (alike,) = family_sentences(lines([0.2, 0.2]))
    assert "One slope for all is not excluded" in alike
    assert family_sentences(lines([0.2])) == []


@pytest.mark.parametrize(
    ("own", "said"), [(0.05, "the flatter checkpoints have the higher value"), (0.0, "nothing beyond the loss")]
)
def test_flatness(own: float, said: str) -> None:
    x, rng = np.linspace(2, 3, 16), np.random.default_rng(1)
    part = rng.normal(size=16)
    fit = fit_points(x, 0.9 - 0.2 * (x - 2) - own * part + rng.normal(0, 0.004, 16), x_stderr=0.0001)
    found = battery(
        [fit], {point.checkpoint: float(np.exp(p)) for point, p in zip(fit.cell.points, part, strict=True)}, "fisher"
    )
    sentence = flatness_sentence(found, found.partial.p)
    assert said in sentence and "it could have seen |r| of" in sentence


UPSTREAM = Axis("lm_loss/wiki", "nats_per_token", "nats per token", False)


@pytest.mark.parametrize(("p", "q2", "over_size", "said"), [
    (0.01, 0.5, 0.3, "can be predicted from cover. 24 slopes of 12 tasks and 2 families"),
    (0.01, 0.5, None, "can be predicted from cover. "), (0.2, 0.5, 0.3, "are not predicted by any of 2 features"),
    (0.01, 0.5, -0.1, "are not predicted"), (0.01, -0.2, 0.3, "are not predicted"),
])  # fmt: skip
def test_a_slope_is_predicted_only_where_nothing_simpler_does_as_well(p, q2, over_size, said) -> None:
    features = (FeatureSkill("cover", 0.01, 0.005, 0.015, q2, p), FeatureSkill("size", 0.0, -0.1, 0.1, -0.1, 0.9))
    found = SlopePrediction(24, 12, 2, features, q2, over_size)
    sentence = prediction_sentence(SlopeAnswer(UPSTREAM, SHARE, 0.1, found, None, ("n_leep",)))
    assert f"Slopes on lm_loss/wiki {said}" in sentence and "[+0.005, +0.015]" in sentence
    assert "Not measured for every task, and left out: n_leep." in sentence
    assert ("were not measured" in sentence) == (over_size is None)


def test_too_few_slopes_to_predict_is_one_sentence() -> None:
    answer = SlopeAnswer(UPSTREAM, SHARE, 0.1, None, "3 slopes of 3 tasks")
    assert prediction_sentence(answer) == "Slopes on lm_loss/wiki cannot be predicted yet: 3 slopes of 3 tasks."
