"""Which spans of a text are corrupted: drawn as T5 and BART drew them, from random numbers that are handed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

Span = tuple[int, int]
"""First token and the one after the last; the two are equal where nothing is taken out."""


def noise_spans(length: int, rate: float, mean: float, most: int, random: np.random.Generator) -> list[Span]:
    """Spans of T5's span corruption (Raffel et al. 2020, section 3.1.4, and their ``random_spans_noise_mask``).

    ``round(rate * length)`` tokens in ``round(that / mean)`` spans. Kept and corrupted stretches take turns, a kept one
    first and a corrupted one last, none of them empty; all such divisions are equally likely.

    Args:
        length: tokens of the text.
        rate: the share of them to corrupt.
        mean: mean length of a span in tokens.
        most: spans there may be; the number of sentinels.
        random: where chance comes from.

    Returns:
        Spans from left to right; none for a text of less than two tokens.
    """
    if length < 2:
        return []
    noise = min(max(round(rate * length), 1), length - 1)
    count = min(max(round(noise / mean), 1), most, noise, length - noise)
    corrupted, kept = stretches(noise, count, random), stretches(length - noise, count, random)
    return list(placed(kept, corrupted))


def stretches(total: int, count: int, random: np.random.Generator) -> list[int]:
    """Lengths of ``count`` stretches that are not empty and make up ``total``, all divisions equally likely.

    >>> stretches(3, 3, np.random.default_rng(0))
    [1, 1, 1]
    """
    cuts = np.sort(random.permutation(total - 1)[: count - 1]) + 1
    return np.diff([0, *cuts, total]).tolist()


def infilling_spans(length: int, rate: float, mean: float, random: np.random.Generator) -> list[Span]:
    """Spans of BART's text infilling (Lewis et al. 2020, section 2.2).

    Lengths are drawn from a Poisson distribution until they hold ``round(rate * length)`` tokens, at least one; the
    last is cut to that number. Spans stand anywhere among the tokens that are kept, all orders equally likely; one of
    length 0 takes nothing out and marks a place between two tokens. There are no more of those than corrupted tokens
    less spans that hold some, so that a corrupted text is never longer than the text.

    Args:
        length: tokens of the text.
        rate: the share of them to corrupt.
        mean: mean of the Poisson distribution.
        random: where chance comes from.
    """
    if not length:
        return []
    noise = min(max(round(rate * length), 1), length)
    drawn: list[int] = []
    while sum(drawn) < noise:
        drawn.append(min(int(random.poisson(mean)), noise - sum(drawn)))
    full = [size for size in drawn if size]
    lengths = random.permutation(full + [0] * min(drawn.count(0), noise - len(full))).tolist()
    slots = np.sort(random.permutation(length - noise + len(lengths))[: len(lengths)])
    kept = np.diff([-1, *slots]) - 1
    return list(placed(kept.tolist(), lengths))


def placed(kept: Sequence[int], corrupted: Sequence[int]) -> Iterator[Span]:
    """Spans from the lengths of kept and corrupted stretches, which take turns.

    >>> list(placed([1, 2], [1, 3]))
    [(1, 2), (4, 7)]
    """
    place = 0
    for keep, take in zip(kept, corrupted, strict=True):
        yield place + keep, place + keep + take
        place += keep + take


def replaced(tokens: Sequence[int], spans: Sequence[Span], replacements: Sequence[int]) -> list[int]:
    """The tokens with each span replaced by one token.

    >>> replaced([1, 2, 3, 4], [(1, 3), (4, 4)], [90, 91])
    [1, 90, 4, 91]
    """
    found: list[int] = []
    last = 0
    for (first, stop), token in zip(spans, replacements, strict=True):
        found += [*tokens[last:first], token]
        last = stop
    return [*found, *tokens[last:]]


def taken_out(tokens: Sequence[int], spans: Sequence[Span], replacements: Sequence[int]) -> list[int]:
    """The tokens of the spans, each span after the token that stands in its place.

    >>> taken_out([1, 2, 3, 4], [(1, 3), (3, 4)], [90, 91])
    [90, 2, 3, 91, 4]
    """
    pairs = zip(spans, replacements, strict=True)
    return [token for (first, stop), by in pairs for token in (by, *tokens[first:stop])]
