"""Documents become pairs of a corrupted text and what restores it, as a sequence-to-sequence model was trained.

T5 and its kin were trained by span corruption: each span becomes a sentinel of its own, and the target says for each
sentinel what stood there. BART and mBART by text infilling: each span becomes one mask, and the target is the text. The
order of sentences, which BART's training also shuffled, is left alone. Which spans are taken is fixed by a hash of the
window and the mask seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.data.pairs import Tokens, frame, scored_pair
from harness.data.sequences import ScoredSequence
from harness.data.spans import Span, infilling_spans, noise_spans, replaced, taken_out
from harness.data.windows import Tokenised, byte_length, generator
from harness.errors import HarnessError
from harness.specs import Loss

SPAN_CORRUPTION, TEXT_INFILLING = "span corruption", "text infilling"
TRAINED_BY = dict.fromkeys(("t5", "mt5", "umt5", "longt5", "switch_transformers"), SPAN_CORRUPTION) | dict.fromkeys(
    ("bart", "mbart"), TEXT_INFILLING
)
"""How models of a type were pre-trained; a translation model such as Marian was never shown a corrupted text."""
RATES = {SPAN_CORRUPTION: 0.15, TEXT_INFILLING: 0.3}
SCORED = {
    SPAN_CORRUPTION: "the whole target: sentinels, spans and end",
    TEXT_INFILLING: "the tokens of the text, not the special ones around it",
}
SENTINEL = re.compile(r"▁?<extra_id_(\d+)>")


def corruption_policy(loss: Loss, architecture: str, checkpoint: str) -> dict[str, Any]:
    """How a checkpoint's text is corrupted and what is scored: part of the signature.

    Raises:
        HarnessError: models of this architecture are not trained to restore text.
    """
    kind = TRAINED_BY.get(architecture)
    if kind is None:
        raise HarnessError(
            f"{checkpoint} is a sequence-to-sequence model ({architecture}) that was not pre-trained to restore corrupted "
            f"text, so it has no loss on plain text; expected one of {', '.join(TRAINED_BY)}. A translation model is "
            "scored on pairs of texts: tasks of the kind 'translation'"
        )
    return {
        "corruption": kind,
        "span_rate": RATES[kind] if loss.span_rate is None else loss.span_rate,
        "span_length": loss.span_length,
        "mask_seed": loss.mask_seed,
        "scored": SCORED[kind],
    }


@dataclass(frozen=True, slots=True)
class Corruption:
    """How texts are corrupted, with the tokens of one tokenizer.

    Attributes:
        kind: ``span corruption`` or ``text infilling``.
        replacements: the sentinels in their order, or the mask alone.
        before: special tokens before a text.
        after: special tokens after it.
        rate: the share of tokens to corrupt.
        mean: mean length of a span, in tokens.
        seed: of the choice of spans.
    """

    kind: str
    replacements: Tokens
    before: Tokens
    after: Tokens
    rate: float
    mean: float
    seed: int

    @classmethod
    def of(cls, tokenizer: Any, policy: dict[str, Any]) -> Corruption:
        """A policy met by a tokenizer.

        Raises:
            HarnessError: the tokenizer has no sentinels, or no mask token.
        """
        kind = policy["corruption"]
        found = sentinels(tokenizer) if kind == SPAN_CORRUPTION else [tokenizer.mask_token_id]
        if not found or found[0] is None:
            wanted = "sentinels (<extra_id_0> and so on)" if kind == SPAN_CORRUPTION else "mask token"
            raise HarnessError(
                f"the tokenizer of {tokenizer.name_or_path!r} has no {wanted}; {kind} needs them: load the tokenizer the "
                "model was pre-trained with"
            )
        return cls(kind, found, *frame(tokenizer), policy["span_rate"], policy["span_length"], policy["mask_seed"])

    def spans(self, text: Tokens) -> list[Span]:
        """The spans to take out of a window: the same whenever it is asked for."""
        return self.drawn(len(text), generator(self.kind.encode(), np.array(text).tobytes(), self.seed))

    def drawn(self, length: int, random: np.random.Generator) -> list[Span]:
        """Spans of a text of some length, from random numbers that are handed in."""
        if self.kind == SPAN_CORRUPTION:
            return noise_spans(length, self.rate, self.mean, len(self.replacements), random)
        return infilling_spans(length, self.rate, self.mean, random)

    def source(self, text: Tokens, spans: Sequence[Span]) -> Tokens:
        """What the encoder reads."""
        return [*self.before, *replaced(text, spans, self.stand_ins(spans)), *self.after]

    def target(self, text: Tokens, spans: Sequence[Span]) -> tuple[Tokens, list[bool]]:
        """What the decoder should say, and which tokens of it count."""
        if self.kind == SPAN_CORRUPTION:
            said = [*taken_out(text, spans, self.stand_ins(spans)), *self.after]
            return said, [True] * len(said)
        counts = [False] * len(self.before) + [True] * len(text) + [False] * len(self.after)
        return [*self.before, *text, *self.after], counts

    def stand_ins(self, spans: Sequence[Span]) -> Tokens:
        """The token in the place of each span."""
        return self.replacements[: len(spans)] if self.kind == SPAN_CORRUPTION else self.replacements * len(spans)


def sentinels(tokenizer: Any) -> Tokens:
    """Ids of ``<extra_id_0>``, ``<extra_id_1>`` ..., in that order; mT5 writes them with a space before."""
    found = {
        int(match[1]): number for token, number in tokenizer.get_vocab().items() if (match := SENTINEL.fullmatch(token))
    }
    return [found[place] for place in sorted(found)]


def corrupted_windows(
    document: Tokenised, cluster: int, corruption: Corruption, window: int, start: int
) -> Iterator[ScoredSequence]:
    """Pairs of a document, cut into windows of ``window`` tokens with the special ones; ``start`` begins a target.

    Neither side of a pair is longer than its window.

    Raises:
        HarnessError: the window has no room for a text.
    """
    size = window - len(corruption.before) - len(corruption.after)
    if size < 2:
        raise HarnessError(f"a window of {window} tokens, special ones included, has no room to corrupt a text")
    for first in range(0, len(document.ids), size):
        text, offsets = document.ids[first : first + size], document.offsets[first : first + size]
        spans = corruption.spans(text)
        if not spans:
            continue
        target, scored = corruption.target(text, spans)
        counted = spans if corruption.kind == SPAN_CORRUPTION else [(0, len(text))]
        yield scored_pair(
            corruption.source(text, spans), target, start, cluster=cluster, key=f"{cluster}:{first}", scored=scored,
            length_in_bytes=sum(byte_length(document.text, offsets[slice(*span)]) for span in counted),
        )  # fmt: skip
