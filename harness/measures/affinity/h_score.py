r"""H-score: how much of the features' spread the classes explain, tr(cov(f)^-1 cov(E[f | y])) (Bao et al. 2019, ICIP).

With many features and few rows the covariance is shrunk towards a multiple of the identity and the score by the same
factor: H = (1 - a) tr(S_a^-1 cov(E[f | y])), S_a = (1 - a) cov(f) + a tr(cov(f)) / d I, a by Ledoit and Wolf (2004,
Journal of Multivariate Analysis 88, 365), as in Ibrahim, Ponomareva and Mazumder 2021 (arXiv 2110.06893).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.measures.affinity.estimate import Array, Estimate, check_labelled, check_varies

METHOD = "infinitesimal jackknife over rows, the shrinkage given"


def h_score(features: Array, labels: npt.NDArray[np.intp], shrinkage: float | None = None) -> Estimate:
    """H-score, from 0 to the number of classes less one; higher is better.

    Without shrinkage and with one feature it is the share of variance between classes (eta squared).

    Args:
        features: (n, d).
        labels: (n,) class of each row.
        shrinkage: a in [0, 1]; None for Ledoit and Wolf's.

    Raises:
        HarnessError: features that are not finite or do not vary, one class alone, or a covariance without inverse.

    >>> h_score(np.array([[0.0], [2], [4], [6]]), np.array([0, 0, 1, 1]), shrinkage=0.0).value
    0.8
    """
    features = np.asarray(features, dtype=np.float64)
    check_labelled(features, labels)
    check_varies(features)
    n, d = features.shape
    a = ledoit_wolf(features) if shrinkage is None else shrinkage
    own = features - features.mean(0)
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.stack([own[index == k].mean(0) for k in range(len(classes))])  # (k, d)
    between = (means * (counts / n)[:, None]).T @ means
    covariance = own.T @ own / n
    scale = float(np.trace(covariance)) / d
    shrunk = (1 - a) * covariance + a * scale * np.eye(d)
    if np.linalg.matrix_rank(shrunk, hermitian=True) < d:
        raise HarnessError(f"the covariance of {n} rows of {d} features has no inverse; use shrinkage")
    inverse = np.linalg.inv(shrunk)
    value = (1 - a) * float(np.sum(inverse * between))
    influence = (1 - a) * influences(own, means[index], inverse, between, covariance, scale, a)
    return Estimate(value, float(np.sqrt(np.sum(influence**2)) / n), METHOD, n)


def influences(
    own: Array, mean: Array, inverse: Array, between: Array, covariance: Array, scale: float, a: float
) -> Array:
    """(n,) derivative of tr(S^-1 B) by the weight of each row; ``mean`` (n, d) is that of the row's class.

    dB = c c' - B + (u - c) c' + c (u - c)' for a centred row u with class mean c; dS = (1 - a)(u u' - cov)
    + a (|u|^2 / d - scale) I.
    """
    sandwich = inverse @ between @ inverse
    by_mean = mean @ inverse
    up = 2 * np.sum(own * by_mean, axis=1) - np.sum(mean * by_mean, axis=1) - float(np.sum(inverse * between))
    down = np.sum((own @ sandwich) * own, axis=1) - float(np.sum(sandwich * covariance))
    wide = (np.sum(own**2, axis=1) / own.shape[1] - scale) * float(np.trace(sandwich))
    return up - (1 - a) * down - a * wide


def ledoit_wolf(features: Array) -> float:
    """Ledoit and Wolf's shrinkage, in [0, 1]."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    return float(ledoit_wolf_shrinkage(features))
