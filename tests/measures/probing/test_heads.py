from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from harness.errors import HarnessError
from harness.measures.probing.heads import Scale, linear, trained_heads
from harness.specs import Probe

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((120, 6)).astype(np.float32)
Y = (X @ RANDOM.standard_normal((6, 3)) + RANDOM.standard_normal((120, 3))).argmax(1).astype(np.float64)


def test_the_linear_head_has_the_gradient_of_its_penalised_loss_at_zero():
    """mean cross-entropy + l2/2 |W|^2, the intercept free: both gradients vanish at what scikit-learn found."""
    penalty = 0.05
    weights = LogisticRegression(C=1 / (penalty * len(Y)), max_iter=1000, tol=1e-8).fit(X.astype(np.float64), Y)
    w = torch.tensor(weights.coef_, requires_grad=True)
    b = torch.tensor(weights.intercept_, requires_grad=True)
    logits = torch.from_numpy(X).double() @ w.T + b
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(Y).long()) + penalty / 2 * (w**2).sum()
    loss.backward()
    assert w.grad.abs().max() < 1e-5 and b.grad.abs().max() < 1e-5
    assert np.array_equal(linear(X, Y, penalty, classes=True).predict(X), weights.predict(X))


def test_ridge_is_the_closed_form():
    penalty, targets = 0.3, X @ np.arange(6.0) + RANDOM.standard_normal(120)
    centred, mean = X - X.mean(0), targets.mean()
    w = np.linalg.solve(centred.T @ centred / 120 + penalty * np.eye(6), centred.T @ (targets - mean) / 120)
    found = linear(X, targets, penalty, classes=False).predict(X)
    assert found == pytest.approx(centred @ w + mean, abs=1e-4)
    assert found == pytest.approx(Ridge(alpha=penalty * 120).fit(X, targets).predict(X), abs=1e-4)


def test_features_are_standardised_by_the_rows_trained_on_and_a_constant_says_nothing():
    features = np.array([[1.0, 7.0], [3.0, 7.0]], dtype=np.float32)
    scale = Scale.of(features)
    assert scale(features.copy()).tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert scale(np.array([[4.0, 9.0]], dtype=np.float32)).tolist() == [[2.0, 0.0]]


def heads(probe, x, y, classes, seed=1):
    return list(trained_heads(probe, x, y, classes, seed, "cpu"))


def test_a_hidden_layer_learns_what_no_line_can():
    x = RANDOM.choice([-1.0, 1.0], (200, 2)).astype(np.float32)
    y = (x.prod(1) > 0).astype(np.float64)
    probe = Probe(head="mlp", hidden=16, epochs=20, batch_size=20, learning_rates=[0.03])
    (found,) = heads(probe, x, y, 2)
    assert (found.predict(x) == y).all() and (linear(x, y, 0.01, classes=True).predict(x) == y).mean() < 0.8
    assert found.setting == {"learning_rate": 0.03}


def test_a_hidden_layer_predicts_numbers_of_any_scale():
    y = 1000 + 300 * np.abs(X[:, 0]).astype(np.float64)
    (found,) = heads(Probe(head="mlp", hidden=32, epochs=60, batch_size=30, learning_rates=[0.01]), X, y, 0)
    assert np.corrcoef(found.predict(X), y)[0, 1] > 0.95


def test_the_seed_of_a_hidden_layer_is_all_that_moves_it():
    probe = Probe(head="mlp", hidden=4, epochs=2)
    torch.manual_seed(5)
    first, again, other = (heads(probe, X, Y - Y.mean(), 0, seed)[0].predict(X) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    state = torch.get_rng_state()
    heads(probe, X, Y, 3)
    assert torch.equal(state, torch.get_rng_state())


def test_penalties_come_strongest_first_and_one_class_is_refused():
    assert [h.setting["l2"] for h in heads(Probe(l2=[0.01, 1.0, 0.1]), X, Y, 3)] == [1.0, 0.1, 0.01]
    with pytest.raises(HarnessError, match="of one class"):
        heads(Probe(), X, np.zeros(120), 3)


def test_a_rate_that_diverges_is_left_out_and_all_of_them_are_a_failure():
    probe = Probe(head="mlp", hidden=4, epochs=20, learning_rates=[1e38, 1e-3])
    assert [h.setting["learning_rate"] for h in heads(probe, X, Y, 3)] == [1e-3]
    with pytest.raises(HarnessError, match="diverged"):
        heads(probe.model_copy(update={"learning_rates": (1e38,)}), X, Y, 3)
