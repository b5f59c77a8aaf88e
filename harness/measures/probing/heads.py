"""The classifier or regression on features: linear by scikit-learn, or with one hidden layer by the training loop."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn
from torch.nn import functional

from harness.errors import HarnessError
from harness.specs import Probe
from harness.training.loop import Batch, DivergedError, Loop, Recipe

Features = Any
"""``(N, d)``: a float32 array, or a sparse one of one-hot features."""
Targets = NDArray[np.float64]
ITERATIONS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Mean and spread of each feature of the rows trained on; one that never changes is left at 0."""

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> Scale:
        """Of features ``(N, d)``, added up in float64."""
        mean, spread = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
        constant = spread <= 1e-6 * np.abs(mean)
        return cls(mean.astype(np.float32), np.where(constant, np.inf, spread).astype(np.float32))

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standardise in place: mean 0 and spread 1."""
        features -= self.mean
        features /= self.spread
        return features


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained head: what it was trained with, and predictions (class numbers, or numbers) for features."""

    setting: dict[str, float]
    predict: Callable[[Features], Targets]
    converged: bool = True


def trained_heads(
    probe: Probe, features: Features, targets: Targets, classes: int, seed: int, device: str
) -> Iterator[Trained]:
    """A head for each penalty, the strongest first, or for each learning rate.

    Args:
        probe: Its settings.
        features: Standardised, or one-hot.
        targets: Class numbers, or numbers.
        classes: 0 for a regression.
        seed: Of an mlp's first weights and the order of its batches.
        device: Where an mlp is trained.

    Raises:
        HarnessError: rows of one class alone, or every learning rate diverged.
    """
    if classes and len(np.unique(targets)) < 2:
        raise HarnessError(f"the {len(targets)} rows to train on are of one class; train on more (train_rows)")
    if probe.head == "linear":
        for penalty in sorted(probe.l2, reverse=True):
            yield linear(features, targets, penalty, classes=bool(classes))
        return
    diverged = []
    for rate in probe.learning_rates:
        try:
            yield mlp(probe, features, targets, classes, rate, seed, device)
        except DivergedError as error:
            diverged.append(str(error))
    if len(diverged) == len(probe.learning_rates):
        raise DivergedError("; ".join(diverged))


def linear(features: Features, targets: Targets, penalty: float, *, classes: bool) -> Trained:
    r"""Least mean loss plus :math:`\lambda/2 |W|^2`: multinomial logistic regression, or ridge for numbers (half squared error).

    The intercept is not penalised.
    """
    rows = len(targets)
    if not classes:
        ridge = Ridge(alpha=penalty * rows).fit(features, targets)
        return Trained({"l2": penalty}, lambda x: np.asarray(ridge.predict(x), dtype=np.float64))
    model = LogisticRegression(C=1 / (penalty * rows), max_iter=ITERATIONS)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(features, targets.astype(np.int64))
    stopped = any(issubclass(warning.category, ConvergenceWarning) for warning in said)
    return Trained({"l2": penalty}, lambda x: model.predict(x).astype(np.float64), not stopped)


def mlp(
    probe: Probe, features: Features, targets: Targets, classes: int, rate: float, seed: int, device: str
) -> Trained:  # fmt: skip
    """One hidden layer of rectified units, by AdamW with a linear decay; numbers are standardised for the training.

    Raises:
        DivergedError: the loss was not finite.
    """
    shift, scale = (0.0, 1.0) if classes else (float(targets.mean()), float(targets.std()) or 1.0)
    batch, rows = probe.batch_size, len(targets)
    per_epoch = math.ceil(rows / batch)
    recipe = Recipe(
        steps=math.ceil(probe.epochs * per_epoch), learning_rate=rate, weight_decay=probe.weight_decay
    )  # fmt: skip
    random = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(features.shape[1], probe.hidden), nn.ReLU(), nn.Dropout(probe.dropout)]
        model = nn.Sequential(*layers, nn.Linear(probe.hidden, classes or 1)).to(device)
        loop = Loop(model, recipe, mlp_loss)
        order = np.array([], dtype=np.int64)
        for _ in range(recipe.steps):
            if not len(order):
                order = random.permutation(rows)
            chosen, order = order[:batch], order[batch:]
            wanted = (targets[chosen] - shift) / scale
            labels = torch.from_numpy(wanted.astype(np.int64 if classes else np.float32)).to(device)
            loop.step({"features": dense(features[chosen], device), "labels": labels})
    model.eval()

    def predict(x: Features) -> Targets:
        with torch.inference_mode():
            outputs = [model(dense(x[i : i + 1024], device)).cpu().numpy() for i in range(0, x.shape[0], 1024)]
        found = np.concatenate(outputs).astype(np.float64)
        return found.argmax(1).astype(np.float64) if classes else found[:, 0] * scale + shift

    return Trained({"learning_rate": rate}, predict)


def mlp_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy, or mean squared error where targets are numbers."""
    outputs, labels = model(batch["features"]), batch["labels"]
    if labels.dtype == torch.int64:
        return functional.cross_entropy(outputs, labels)
    return functional.mse_loss(outputs[:, 0], labels)


def dense(features: Features, device: str) -> torch.Tensor:
    """Some rows as a float32 tensor."""
    rows = features.toarray() if sparse.issparse(features) else features
    return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32)).to(device)
