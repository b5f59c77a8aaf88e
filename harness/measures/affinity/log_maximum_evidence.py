r"""LogME: how likely the labels are under a linear model on a checkpoint's features, at its best (You et al. 2021, ICML).

y | F, alpha, beta ~ N(0, F F' / alpha + I / beta), the weights of the linear model integrated out. With s_i the squared
singular values of F and t = U'y, A = alpha I + beta F'F and m its posterior mean:
L = (n log beta + D log alpha - n log 2 pi - beta |y - F m|^2 - alpha |m|^2 - log |A|) / 2,
maximised by gamma = sum beta s_i / (alpha + beta s_i), alpha = gamma / |m|^2, beta = (n - gamma) / |y - F m|^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.measures.affinity.estimate import Array, Estimate, check_labelled

METHOD = "delete-one jackknife at the fitted alpha and beta"
ITERATIONS = 500
CONVERGED = 1e-9


@dataclass(frozen=True, slots=True)
class Evidence:
    """The maximum: ``per_row`` is L / n in nats; ``left_out`` (n,) is log p(y_i | the other rows) at alpha and beta."""

    per_row: float
    alpha: float
    beta: float
    left_out: Array


def log_maximum_evidence(features: Array, labels: npt.NDArray[np.generic], *, classes: bool) -> Estimate:
    """LogME in nats a row; higher says that the labels are easier to read off the features.

    For classes the mean over one-against-all targets of 0 and 1. A jackknife's pseudo-value n L/n - (n-1) L_-i/(n-1) is
    log p(y_i | the others), which the fit gives in closed form; alpha and beta are at their maximum, so that their own
    movement is of second order.

    Args:
        features: (n, d).
        labels: (n,) class indices, or numbers for a regression.
        classes: whether the labels are classes.

    Raises:
        HarnessError: features that are not finite, one class alone, or a target that does not vary.

    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> y = (x[:, 0] > 0).astype(int)
    >>> log_maximum_evidence(x, y, classes=True).value > log_maximum_evidence(x[:, 1:], y, classes=True).value
    True
    """
    features = np.asarray(features, dtype=np.float64)
    if classes:
        check_labelled(features, labels.astype(np.intp))
        targets = [(labels == label).astype(np.float64) for label in np.unique(labels)]
    else:
        targets = [labels.astype(np.float64)]
        if not np.isfinite(features).all() or np.ptp(targets[0]) == 0:
            raise HarnessError("features must be finite numbers, and the target must vary")
    u, s, _ = np.linalg.svd(features, full_matrices=False)
    found = [maximum_evidence(u, s**2, target, features.shape[1]) for target in targets]
    pseudo = np.mean([each.left_out for each in found], axis=0)
    stderr = float(pseudo.std(ddof=1) / np.sqrt(len(pseudo)))
    return Estimate(float(np.mean([each.per_row for each in found])), stderr, METHOD, len(labels))


def maximum_evidence(u: Array, squared: Array, y: Array, dimensions: int) -> Evidence:
    """Maximise the evidence of one target.

    Args:
        u: (n, r) left singular vectors of the features.
        squared: (r,) squared singular values.
        y: (n,) the target.
        dimensions: d, the number of features.
    """
    n, t = len(y), u.T @ y
    outside = max(float(y @ y - t @ t), 0.0)  # what no weights can explain
    floor = 1e-12 * float(y @ y)
    alpha, beta, last = 1.0, 1.0 / max(float(np.var(y)), floor), -np.inf
    for _ in range(ITERATIONS):
        evidence, norm, missed, gamma = at(alpha, beta, n, dimensions, squared, t, outside)
        if abs(evidence - last) <= CONVERGED * max(1.0, abs(evidence)):
            break
        last = evidence
        alpha, beta = gamma / max(norm, 1e-300), (n - gamma) / max(missed, floor)
    leverage = (u**2) @ (beta * squared / (alpha + beta * squared))
    fitted = u @ (t * beta * squared / (alpha + beta * squared))
    spread = 1 / (beta * np.maximum(1 - leverage, 1e-12))
    left_out = -0.5 * (np.log(2 * np.pi * spread) + ((y - fitted) / np.maximum(1 - leverage, 1e-12)) ** 2 / spread)
    return Evidence(evidence / n, alpha, beta, left_out)


def at(
    alpha: float, beta: float, n: int, dimensions: int, squared: Array, t: Array, outside: float
) -> tuple[float, float, float, float]:
    """Log evidence, squared norm of the posterior mean, squared residual and effective parameters at alpha and beta."""
    precision = alpha + beta * squared
    norm = float(np.sum(beta**2 * squared * t**2 / precision**2))
    missed = float(np.sum((t * alpha / precision) ** 2)) + outside
    log_determinant = float(np.sum(np.log(precision))) + (dimensions - len(squared)) * np.log(alpha)
    evidence = 0.5 * (n * np.log(beta) + dimensions * np.log(alpha) - n * np.log(2 * np.pi)
                      - beta * missed - alpha * norm - log_determinant)  # fmt: skip
    return float(evidence), norm, missed, float(np.sum(beta * squared / precision))
