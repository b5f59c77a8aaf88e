"""M1 and M4, straight lines behind a link: an accuracy between chance and one, a BLEU that decays exponentially.

Logit is the usual link of an accuracy against a loss; probit of an accuracy against an accuracy (Miller et al. 2021,
arXiv 2107.04649). log BLEU = log C + k L after Gordon, Duh and Kaplan 2021 (Data and parameter scaling laws for
neural machine translation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from harness.slopes.curves.base import Array, Curve, Scale, named


@dataclass(frozen=True)
class Link:
    """g((y - low) / (high - low)) = a + b x, by least squares on the link's own scale."""

    name: str
    formula: str
    to_line: Callable[[Array], Array]
    from_line: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    """Of the share with respect to the link, at a share."""
    bounded: bool = True
    linked: bool = True
    parameters: int = 2
    least_levels: int = 5
    least_points: int = 5

    def __reduce__(self) -> tuple[Callable[[str], Curve], tuple[str]]:
        """A pickled link is the menu's own again; its functions have no names to be found by."""
        return named, (self.name,)

    def proper(self, y: Array, scale: Scale) -> bool:
        """Every value lies inside the range of the metric."""
        if self.bounded and not scale.known:
            return False
        share = self.share(y, scale)
        return bool(np.all(share > 0) and (not self.bounded or np.all(share < 1)))

    def share(self, y: Array, scale: Scale) -> Array:
        """How far y is from the low to the high end; y itself for the logarithm, whose low end is zero."""
        if not self.bounded:
            return y
        low, high = ends(scale)
        return (y - low) / (high - low)

    def thetas(self, x: Array) -> Array:
        """No shape to choose: (1, 0)."""
        return np.zeros((1, 0))

    def between(self, x: Array, thetas: Array) -> Array:
        """None: one shape is all."""
        return thetas[:0]

    def basis(self, x: Array, thetas: Array) -> Array:
        """X itself, (1, m, 1)."""
        return x[None, :, None].astype(np.float64)

    def forward(self, y: Array, scale: Scale) -> Array:
        """The link of the share."""
        return self.to_line(self.share(y, scale))

    def backward(self, g: Array, scale: Scale) -> Array:
        """The metric whose share has this link."""
        share = self.from_line(g)
        if not self.bounded:
            return share
        low, high = ends(scale)
        return low + (high - low) * share

    def weights(self, y: Array, scale: Scale) -> Array:
        """(dy/dg)², (n,), at most one."""
        squared = self.derivative(self.share(y, scale)) ** 2
        return np.maximum(squared / squared.max(), LEAST_WEIGHT)


LEAST_WEIGHT = 1e-4
"""Next to the largest: no point is left out altogether."""


def ends(scale: Scale) -> tuple[float, float]:
    """Both ends of a range that is known."""
    assert scale.low is not None and scale.high is not None, "proper() comes first"
    return scale.low, scale.high


def exponential(g: Array) -> Array:
    """E to the g, where that is a float."""
    return np.exp(np.minimum(g, 700.0))


def normal_density_at(share: Array) -> Array:
    """Density of the normal distribution at its quantile of this share."""
    return np.exp(-0.5 * special.ndtri(share) ** 2)


LOGIT = Link(
    "logit", "logit((y - low)/(high - low)) = a + b x", special.logit, special.expit, lambda share: share * (1 - share)
)
PROBIT = Link("probit", "probit((y - low)/(high - low)) = a + b x", special.ndtri, special.ndtr, normal_density_at)
EXPONENTIAL = Link("exponential", "log y = a + b x", np.log, exponential, lambda share: share, bounded=False)
