"""Linear contrasts of least squares whose errors may go together within clusters, such as the checkpoints of a run.

CR2 (Bell and McCaffrey 2002): residuals of a cluster are scaled by (I - H_gg)^(-1/2), which makes the variance unbiased where
errors are equal and independent; its degrees of freedom are Satterthwaite's under the same. With a point a cluster it is HC2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import Array, t_quantile

SMALL = 1e-9
"""Eigenvalues of I - H_gg below it belong to directions that the cluster alone decides, whose residuals are zero."""
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Contrast:
    """A linear combination of coefficients with its standard error and degrees of freedom."""

    value: float
    stderr: float
    freedom: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Value -+ t standard errors."""
        half = t_quantile(0.5 + level / 2, self.freedom) * self.stderr
        return self.value - half, self.value + half

    @property
    def p(self) -> float:
        """Two-sided, of no difference."""
        return float(2 * stdtr(self.freedom, -abs(self.value) / self.stderr)) if self.stderr > 0 else 1.0

    @property
    def smallest(self) -> float:
        """The size that would have excluded zero with 80 % power."""
        return (t_quantile(0.975, self.freedom) + t_quantile(POWER, self.freedom)) * self.stderr


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Least squares of y on columns.

    Attributes:
        columns: (n, p) of full rank, n > p.
        bread: (p, p) inverse of X'X.
        coefficients: (p,).
        residual: (n,).
        cluster: (n,) which cluster each point is of, from 0.
    """

    columns: Array
    bread: Array
    coefficients: Array
    residual: Array
    cluster: npt.NDArray[np.intp]

    def contrast(self, weights: Array) -> Contrast:
        """The combination c'b with its CR2 error.

        With q_g = (I - H_gg)^(-1/2) X_g (X'X)^-1 c: variance sum (q_g' e_g)², and with G of columns (I - H)_g q_g
        freedom tr(G'G)² / |G'G|².

        Args:
            weights: (p,) c.
        """
        inside = self.columns @ self.bread @ weights
        hat = self.columns @ self.bread @ self.columns.T
        maker = np.eye(inside.size) - hat
        parts, variance = [], 0.0
        for number in range(int(self.cluster.max()) + 1):
            at = np.flatnonzero(self.cluster == number)
            values, vectors = np.linalg.eigh(maker[np.ix_(at, at)])
            kept = values > SMALL
            root = vectors[:, kept] / np.sqrt(values[kept]) @ vectors[:, kept].T
            scaled = root @ inside[at]
            variance += float(scaled @ self.residual[at]) ** 2
            parts.append(maker[:, at] @ scaled)
        gram = np.array(parts) @ np.array(parts).T
        size = float(np.sum(gram**2))
        freedom = float(np.trace(gram)) ** 2 / size if size > 0 else 1.0
        return Contrast(float(weights @ self.coefficients), variance**0.5, max(freedom, 1.0))


def linear_model(columns: Array, y: Array, cluster: npt.NDArray[np.intp]) -> LinearModel:
    """Fit y to columns.

    Raises:
        HarnessError: there are no more points than columns, or columns that say the same.

    >>> group, y = np.array([0.0, 0, 0, 1, 1, 1]), np.array([1.0, 2, 3, 3, 4, 5])
    >>> model = linear_model(np.column_stack([np.ones(6), group]), y, np.arange(6))
    >>> found = model.contrast(np.array([0.0, 1.0]))
    >>> round(found.value, 6), round(found.stderr, 4), round(found.freedom, 4)  # Welch's t of two times three
    (2.0, 0.8165, 4.0)
    """
    size = np.linalg.norm(columns, axis=0)
    n, p = columns.shape
    if n <= p or np.linalg.matrix_rank(columns / np.where(size > 0, size, 1.0)) < p:
        raise HarnessError(f"{n} points do not tell {p} coefficients apart; measure more checkpoints at other values")
    scaled = columns / size
    bread = np.linalg.inv(scaled.T @ scaled) / np.outer(size, size)
    coefficients = bread @ columns.T @ y
    return LinearModel(columns, bread, coefficients, y - columns @ coefficients, cluster)
