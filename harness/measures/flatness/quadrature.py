"""Spectral density by stochastic Lanczos quadrature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.measures.flatness.combined import standard_error
from harness.measures.flatness.lanczos import Tridiagonal

POINTS = 1001
WIDTH = 1 / 200
"""Standard deviation of the kernel, as a fraction of the span of the nodes."""


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """Density of the eigenvalues, per unit of eigenvalue; its integral is one.

    Attributes:
        grid: Evenly spaced eigenvalues, ``(G,)``, six kernel widths beyond the outermost nodes.
        density: Mean over probes, ``(G,)``, smoothed by a Gaussian kernel.
        stderr: Its standard error over probes, the documents fixed, ``(G,)``.
        width: Standard deviation of the kernel, in the unit of an eigenvalue.
    """

    grid: NDArray[np.float64]
    density: NDArray[np.float64]
    stderr: NDArray[np.float64]
    width: float

    def mean(self) -> float:
        """Mean eigenvalue, ``trace / P``; smoothing keeps it."""
        return float(np.trapezoid(self.grid * self.density, self.grid))


@dataclass(frozen=True, slots=True, eq=False)
class Quadrature:
    r"""Nodes and weights of each probe: ``Tr f(A) / P ~ sum_i w_i f(x_i)``, averaged over probes.

    A start ``v`` with independent signs has ``E[v' f(A) v] / P = Tr f(A) / P``, and the nodes and weights of its
    Lanczos matrix ``T`` (eigenvalues, squared first components of eigenvectors) are Gauss quadrature for
    ``v' f(A) v / |v|^2``, exact for polynomials of degree ``2m - 1``. Golub and Meurant, Matrices, Moments and
    Quadrature (2010), chapter 11; Ghorbani, Krishnan and Xiao, arXiv 1901.10159, for neural networks.
    Between its outermost nodes the picture is that of ``m`` atoms a probe: read it at the kernel's width.

    Attributes:
        nodes: For each probe ``(m,)``.
        weights: For each probe ``(m,)``, summing to one.
    """

    nodes: tuple[NDArray[np.float64], ...]
    weights: tuple[NDArray[np.float64], ...]

    @classmethod
    def of(cls, runs: Sequence[Tridiagonal]) -> Quadrature:
        """Read nodes and weights from Lanczos runs, one a probe.

        >>> run = Tridiagonal(np.array([2.0, 2.0]), np.array([1.0]), remainder=0.0)
        >>> rule = Quadrature.of([run])
        >>> rule.nodes[0].round(6).tolist(), rule.weights[0].round(6).tolist()
        ([1.0, 3.0], [0.5, 0.5])
        """
        eigen = [run.eigen() for run in runs]
        return cls(tuple(values for values, _ in eigen), tuple(vectors[0] ** 2 for _, vectors in eigen))

    def mean_powers(self, power: int) -> NDArray[np.float64]:
        """For each probe ``sum_i w_i x_i^power``: its estimate of the mean power of the eigenvalues."""
        return np.array([float(w @ x**power) for x, w in zip(self.nodes, self.weights, strict=True)])

    def negative_share(self) -> tuple[float, float]:
        r"""Share of negative mass ``sum_{x<0} |x| / sum |x|`` and its standard error over probes.

        The absolute value is no polynomial: weight that sits nearer to zero than the nodes can tell apart is
        judged by the sign of its node.

        >>> rule = Quadrature((np.array([-1.0, 3.0]), np.array([-1.0, 3.0])), (np.array([0.5, 0.5]),) * 2)
        >>> rule.negative_share()
        (0.25, 0.0)
        """
        pairs = list(zip(self.nodes, self.weights, strict=True))
        negative = np.array([float(w @ np.maximum(-x, 0)) for x, w in pairs])
        whole = np.array([float(w @ np.abs(x)) for x, w in pairs])
        if not whole.any():
            return 0.0, 0.0
        share = negative.sum() / whole.sum()
        return float(share), standard_error(negative - share * whole) / float(whole.mean())

    def density(self) -> Density:
        """Smooth the nodes on a grid."""
        lowest, highest = (float(f([f(x) for x in self.nodes])) for f in (np.min, np.max))
        width = (highest - lowest or max(abs(highest), 1.0)) * WIDTH
        grid = np.linspace(lowest - 6 * width, highest + 6 * width, POINTS)
        kernels = np.stack(
            [
                w @ np.exp(-0.5 * ((grid - x[:, None]) / width) ** 2)
                for x, w in zip(self.nodes, self.weights, strict=True)
            ]
        ) / (width * math.sqrt(2 * math.pi))
        stderr = kernels.std(axis=0, ddof=1) / math.sqrt(len(kernels))
        return Density(grid, kernels.mean(axis=0), stderr, width)
