"""Does the line break? The largest F over all places of a break, with a p-value that knows it was looked for.

sup-F after Andrews 1993 (Econometrica 61, 821). The place is no parameter where there is no break, so that the usual
F tables are wrong; p comes from drawing normal errors over the same x, which is exact for equal variances.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import stdtrit

from harness.slopes.curves.base import Array
from harness.slopes.curves.broken_line import BROKEN_LINE

DRAWS = 999
FINER = 8
"""How many steps of the fine grid of places make one of the coarse."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where a line breaks.

    Attributes:
        at: x of the break (least squares).
        low: lower end of its interval: every place whose SSE is within (1 + t²/(n - 4)) of the least, and a step of the
            grid beyond.
        high: upper end.
        before: slope left of it.
        after: slope right of it.
        f: the largest F(1, n - 3).
        p: how often normal errors about a straight line give as large a one.
    """

    at: float
    low: float
    high: float
    before: float
    after: float
    f: float
    p: float


@dataclass(frozen=True, slots=True)
class Hinges:
    """For these x: places (K,), what each hinge adds to a line, of length one (n, K), and the largest F of noise.

    The test is made on a coarse grid of places; where the break lies is read off a fine one.
    """

    places: Array
    directions: Array
    lengths: Array
    null: Array
    fine: tuple[Array, Array, Array]
    """Places, directions and lengths on the fine grid."""


@lru_cache(maxsize=512)
def hinges(x_bytes: bytes) -> Hinges:
    """The hinges max(x - tau, 0) less their line, and the distribution of sup-F under no break (999 draws)."""
    x = np.frombuffer(x_bytes, dtype=np.float64)
    coarse = BROKEN_LINE.thetas(x)[:, 0]
    line = np.linalg.qr(np.stack([np.ones_like(x), x - x.mean()], axis=1))[0]
    places, directions, lengths = hinges_at(coarse, x, line)
    fine = hinges_at(np.linspace(coarse[0], coarse[-1], FINER * (coarse.size - 1) + 1), x, line)
    if not places.size:
        return Hinges(places, directions, lengths, np.zeros(0), fine)
    noise = np.random.default_rng(0).normal(size=(DRAWS, x.size))
    noise -= (noise @ line) @ line.T
    return Hinges(places, directions, lengths, np.sort(largest_f(noise, directions)), fine)


def hinges_at(places: Array, x: Array, line: Array) -> tuple[Array, Array, Array]:
    """Places where a hinge adds something to a line, what it adds, of length one (n, K), and its length before."""
    columns = np.maximum(x[:, None] - places[None, :], 0.0)
    columns = columns - line @ (line.T @ columns)
    lengths = np.sqrt(np.sum(columns**2, axis=0))
    kept = lengths > 1e-6 * max(float(np.ptp(x)), 1e-300)
    return places[kept], columns[:, kept] / lengths[kept], lengths[kept]


def largest_f(residual: Array, directions: Array) -> Array:
    """Largest F over hinges of residuals (..., n) about a line."""
    explained = (residual @ directions) ** 2
    total = np.sum(residual**2, axis=-1, keepdims=True)
    rest = np.maximum(total - explained, 1e-300)
    return np.max(explained / rest, axis=-1) * (residual.shape[-1] - 3)


def break_of(x: Array, y: Array, level: float = 0.95) -> Break | None:
    """Test for a break in the inner 70 % of the window; None with fewer than eight points or no room for one.

    >>> x = np.linspace(2, 4, 21)
    >>> y = 0.8 - 0.3 * (x - 2) + 0.28 * np.maximum(x - 3, 0) + 0.002 * np.cos(40 * x)
    >>> found = break_of(x, y)
    >>> round(found.at, 1), found.p < 0.01, round(found.before, 2), round(found.after, 2)
    (3.0, True, -0.3, -0.02)
    """
    if x.size < 8:
        return None
    hinge = hinges(np.ascontiguousarray(x, dtype=np.float64).tobytes())
    if not hinge.places.size:
        return None
    centred = x - x.mean()
    slope = (y @ centred) / (centred @ centred)
    residual = y - y.mean() - slope * centred
    if residual @ residual <= 1e-24 * np.sum((y - y.mean()) ** 2):
        return None
    found = float(largest_f(residual, hinge.directions))
    places, directions, lengths = hinge.fine
    explained = (residual @ directions) ** 2
    best = int(explained.argmax())
    sse = residual @ residual - explained
    freedom = max(x.size - 4, 1)
    limit = sse[best] * (1 + float(stdtrit(freedom, 0.5 + level / 2)) ** 2 / freedom)
    held = np.flatnonzero(sse <= limit)
    low, high = places[max(held[0] - 1, 0)], places[min(held[-1] + 1, places.size - 1)]
    tau = places[best]
    bend = float(residual @ directions[:, best]) / lengths[best]
    beyond = np.maximum(x - tau, 0.0)
    before = slope - bend * float(beyond @ centred) / float(centred @ centred)
    p = (1 + int(np.sum(hinge.null >= found))) / (hinge.null.size + 1)
    return Break(float(tau), float(low), float(high), float(before), float(before + bend), found, p)
