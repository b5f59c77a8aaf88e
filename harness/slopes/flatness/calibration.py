"""The loss that a noisy loss stands for, given flatness too: what to hold fixed where reliability is short of .99.

Regression calibration (Carroll, Ruppert, Stefanski and Crainiceanu 2006, Measurement error in nonlinear models, ch. 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.slopes.ordinary_least_squares import Array


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The loss that a noisy one stands for, (n,), and the variance of what is still unknown of it."""

    loss: Array
    variance: float


def calibrated_loss(loss: Array, x_stderr: Array, flatness: Array, families: Sequence[str]) -> Calibrated:
    """E[true loss | measured loss, flatness], within families, for normal values and errors of known size.

    With s² the mean square of the standard errors, S the covariance of (measured loss, flatness) within families and
    m their family means: m_L + t S^-1 (loss - m_L, flatness - m_F), t = (S_LL - s², S_LF), and S_LL - s² - t S^-1 t'. Least squares on it and on flatness
    gives flatness the coefficient it would have beside the true loss; on the measured loss flatness takes over what
    noise hides.

    Args:
        loss: (n,) measured.
        x_stderr: (n,) its standard errors.
        flatness: (n,) as tested.
        families: (n,) the family of each checkpoint.

    >>> rng = np.random.default_rng(0)
    >>> true = rng.normal(size=4000)
    >>> flatness = true + rng.normal(size=4000)
    >>> loss = true + rng.normal(0, 0.5, 4000)
    >>> found = calibrated_loss(loss, np.full(4000, 0.5), flatness, ["a"] * 4000)
    >>> slopes = np.linalg.lstsq(np.column_stack([np.ones(4000), found.loss, flatness]), true, rcond=None)[0]
    >>> [abs(round(float(value), 1)) for value in slopes[1:]]
    [1.0, 0.0]
    >>> bool(abs(found.variance / np.var(true - found.loss) - 1) < 0.05)
    True
    """
    labels = np.asarray(families)
    centre = np.zeros((loss.size, 2))
    both = np.column_stack([loss, flatness])
    for label in dict.fromkeys(families):
        centre[labels == label] = both[labels == label].mean(axis=0)
    deviation = both - centre
    covariance = deviation.T @ deviation / max(loss.size - len(set(families)), 1)
    real = covariance[0].copy()
    real[0] = max(real[0] - float(np.mean(x_stderr**2)), 0.0)
    share = np.linalg.pinv(covariance) @ real
    return Calibrated(centre[:, 0] + deviation @ share, max(float(real[0] - real @ share), 0.0))
