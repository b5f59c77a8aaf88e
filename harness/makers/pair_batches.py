"""Pairs of texts as tokens, in batches of a bounded number of tokens whose pairs have similar lengths.

Pairs are drawn in pools of about two hundred batches; within a pool they are sorted by length and cut, and the batches
shuffled, so that little is padding and pairs meet other pairs whenever they come again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.checkpoints import Resolved
from harness.data.parallel import Pair
from harness.errors import HarnessError
from harness.measures.translation.languages import Told, language_codes, speaking, target_tokens, told, told_by
from harness.specs import Languages

BATCHES_OF_A_POOL = 200
NOTHING = Told()
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PairTokens:
    """Pairs as tokens, special ones included.

    Attributes:
        sources: tokens of each text to read.
        targets: tokens of each translation.
        parts: which pairs are drawn together, as their places; one where no weights are given.
        weights: the share of each part, relative to the others.
        left_out: pairs that were longer than the length allows.
    """

    sources: list[list[int]]
    targets: list[list[int]]
    parts: tuple[Places, ...]
    weights: tuple[float, ...] = (1.0,)
    left_out: int = 0

    @property
    def told(self) -> dict[str, int]:
        """For ``family.yaml``."""
        return {"trained_on": len(self.sources), "left_out": self.left_out}

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of source and target, ``(N, 2)``."""
        return np.array([(len(s), len(t)) for s, t in zip(self.sources, self.targets, strict=True)], dtype=np.int64)


def mixed(own: PairTokens, general: PairTokens, share: float) -> PairTokens:
    """Pairs of which a share is general; those of each side keep their proportions."""
    first = len(own.sources)
    return PairTokens(
        own.sources + general.sources, own.targets + general.targets,
        (*own.parts, *(part + first for part in general.parts)),
        (*((1 - share) * weight / sum(own.weights) for weight in own.weights),
         *(share * weight / sum(general.weights) for weight in general.weights)),
        own.left_out + general.left_out,
    )  # fmt: skip


def tokenised(
    parts: Sequence[Sequence[Pair]],
    weights: Sequence[float | None],
    tokenizer: Any,
    length: int,
    spoken: Told = NOTHING,
) -> PairTokens:
    """Pairs as tokens, without those of which a side has more than ``length`` tokens; ``spoken`` is what a model is told of the languages.

    Raises:
        HarnessError: a part has no pair left.
    """
    sources: list[list[int]] = []
    targets: list[list[int]] = []
    places, left_out = [], 0
    for number, part in enumerate(parts):
        with speaking(tokenizer, spoken):
            texts, targets_of = [spoken.prefix + pair.source for pair in part], [pair.target for pair in part]
            read = tokenizer(texts, return_attention_mask=False, verbose=False)["input_ids"]
            said = tokenizer(text_target=targets_of, return_attention_mask=False, verbose=False)["input_ids"]
        if spoken.token is not None:
            read = [[tokenizer.convert_tokens_to_ids(spoken.token), *tokens] for tokens in read]
        kept = [(s, t) for s, t in zip(read, said, strict=True) if max(len(s), len(t)) <= length]
        if not kept:
            raise HarnessError(
                f"pairs: none of the {len(part):,} pairs of part {number + 1} has at most {length} tokens a side, its end "
                "included; raise length"
            )
        places.append(np.arange(len(sources), len(sources) + len(kept)))
        left_out += len(part) - len(kept)
        sources += [list(source) for source, _ in kept]
        targets += [list(target) for _, target in kept]
    if weights[0] is None:
        return PairTokens(sources, targets, (np.concatenate(places),), left_out=left_out)
    return PairTokens(sources, targets, tuple(places), tuple(float(weight or 0) for weight in weights), left_out)


def told_of(languages: Languages | None, start: Resolved | None, tokenizer: Any) -> Told:
    """What a model in training is told of the languages of its pairs: the same as when it is scored.

    Raises:
        HarnessError: its tokenizer has languages, and the recipe does not say which, or others.
    """
    if languages is not None:
        return told_by(None, tokenizer, languages) if start is None else told(start, languages)
    known = language_codes(tokenizer) or target_tokens(tokenizer)
    if known:
        raise HarnessError(
            f"the tokenizer has languages ({', '.join(known[:5])}{', ...' if len(known) > 5 else ''}), and the recipe names none; "
            "say which the pairs are of, such as languages: {source: de, target: en}"
        )
    return NOTHING


class PairBatches:
    """The batches of a training run, as places of pairs: a step's depend on seed and step alone."""

    def __init__(self, pairs: PairTokens, batch_tokens: int, seed: int) -> None:
        """Prepare to draw.

        Args:
            pairs: what is drawn from.
            batch_tokens: the most tokens of a batch, both sides with their padding.
            seed: of order and choice.

        Raises:
            HarnessError: a single pair is longer than a batch may be.
        """
        self.pairs, self.batch_tokens, self.seed, self.lengths = pairs, batch_tokens, seed, pairs.lengths
        longest = int(self.lengths.sum(1).max())
        if longest > batch_tokens:
            raise HarnessError(
                f"batch_tokens: {batch_tokens} holds no pair of {longest} tokens; expected at least {longest}, or a smaller length"
            )
        shares = np.array(pairs.weights) / sum(pairs.weights)
        mean = sum(share * self.lengths[part].sum(1).mean() for share, part in zip(shares, pairs.parts, strict=True))
        wanted = round(BATCHES_OF_A_POOL * batch_tokens / mean)
        # no pair comes twice in a pool of a corpus that is drawn from as a whole
        self.pool_size = min(wanted, len(self.lengths)) if len(pairs.parts) == 1 else wanted
        self.shares = np.cumsum(shares)[:-1]

    def of_steps(self, start: int, stop: int) -> Iterator[Places]:
        """The batches of steps ``start`` to ``stop``."""
        step = 0
        for pool in self.pools():
            yield from pool[max(0, start - step) : max(0, stop - step)]
            step += len(pool)
            if step >= stop:
                return

    def tokens_until(self, step: int) -> int:
        """Tokens of both sides, without padding, that a run has met after a step."""
        return int(sum(self.lengths[batch].sum() for batch in self.of_steps(0, step)))

    def pools(self) -> Iterator[list[Places]]:
        """Batches pool by pool, without end."""
        drawn = [0] * len(self.pairs.parts)
        for number in count():
            random = np.random.default_rng((self.seed, number))
            chosen = np.searchsorted(self.shares, random.random(self.pool_size), side="right")
            taken = np.bincount(chosen, minlength=len(drawn))
            places = [self.take(part, drawn[part], int(more)) for part, more in enumerate(taken)]
            drawn = [before + int(more) for before, more in zip(drawn, taken, strict=True)]
            batches = self.cut(np.concatenate(places))
            yield [batches[place] for place in random.permutation(len(batches))]

    def take(self, part: int, first: int, more: int) -> Places:
        """So many pairs of a part from the ``first`` on: in a new order every time all of them were seen."""
        places = self.pairs.parts[part]
        found = []
        while more > 0:
            epoch, skip = divmod(first, len(places))
            order = np.random.default_rng((self.seed, part, epoch)).permutation(places)[skip : skip + more]
            found.append(order)
            first, more = first + len(order), more - len(order)
        return np.concatenate(found) if found else places[:0]

    def cut(self, places: Places) -> list[Places]:
        """Pairs sorted by length, in batches as large as the bound allows.

        By the target, two lengths at a time; sources rise and fall in turn, so that neighbours have similar ones throughout.
        """
        source_lengths, group = self.lengths[places, 0], self.lengths[places, 1] // 2
        ordered = places[np.lexsort((np.where(group % 2 == 0, source_lengths, -source_lengths), group))]
        edges, source, target, size = [0], 0, 0, 0
        for place, (read, said) in enumerate(self.lengths[ordered].tolist()):
            source, target, size = max(source, read), max(target, said), size + 1
            if (source + target) * size > self.batch_tokens:
                edges.append(place)
                source, target, size = read, said, 1
        return [ordered[a:b] for a, b in zip(edges, [*edges[1:], len(ordered)], strict=True)]
