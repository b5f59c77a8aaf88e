"""What a model's generation config forbids and forces while it writes, in the order in which ``generate`` does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    LogitsProcessorList,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
)

from harness.errors import HarnessError
from harness.specs.translation import Decoding

NOT_DONE = {
    "guidance_scale": (None, 1), "encoder_repetition_penalty": (None, 1), "encoder_no_repeat_ngram_size": (None, 0),
    "exponential_decay_length_penalty": (None,), "watermarking_config": (None,),
}  # fmt: skip
"""Options that would change what is written and are refused, with the values that ask for nothing."""


@dataclass(frozen=True)
class Constraints:
    """What may be written at each step; steps count from 0, at the first token written.

    Attributes:
        ends: tokens that end a text.
        maximum_length: tokens of a text at most.
        least: tokens that come before an end.
        never: tokens that are forbidden, such as padding in Marian.
        suppressed: tokens that are forbidden even where they are forced.
        not_at: a step, and tokens forbidden there.
        first: the token that is forced at the beginning, or none.
        last: the tokens that are forced at the greatest length (one of them), or none.
        by_history: what depends on all that was read and written.
        of_probabilities: whether that is applied to log-probabilities, as in a beam, and not to logits.
        renormalised: whether probabilities sum to one over what is allowed.
    """

    ends: list[int]
    maximum_length: int
    least: int
    never: list[int]
    suppressed: list[int]
    not_at: tuple[int, list[int]]
    first: int | None
    last: list[int]
    by_history: LogitsProcessorList
    of_probabilities: bool
    renormalised: bool

    def forced(self, step: int) -> list[int]:
        """Tokens one of which is forced at a step, or none."""
        if self.last and step == self.maximum_length - 1:
            return self.last
        return [self.first] if self.first is not None and step == 0 else []

    def best(
        self, logits: torch.Tensor, read: torch.Tensor, step: int, count: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The likeliest next tokens of each row and their log-probabilities, both ``(R, count)``, best first.

        Args:
            logits: float32 ``(R, V)``; changed.
            read: all that each row has read and written, ``(R, T)``.
            step: tokens written so far.
            count: tokens a row.
        """
        total = logits.logsumexp(-1, keepdim=True)  # (R, 1)
        if self.by_history:
            if self.of_probabilities:
                logits, total = logits - total, torch.zeros_like(total)
            logits = self.by_history(read, logits)
        self.mask(logits, total, step)
        if self.renormalised:
            total = logits.logsumexp(-1, keepdim=True)
        values, tokens = logits.topk(count)
        return values - total, tokens

    def mask(self, logits: torch.Tensor, total: torch.Tensor, step: int) -> None:
        """Write minus infinity where a token may not stand; a forced token gets log-probability 0."""
        logits[:, self.never] = -torch.inf
        if step < self.least:
            logits[:, self.ends] = -torch.inf
        forced = self.forced(step)
        if forced:
            logits.fill_(-torch.inf)
            logits[:, forced] = total
        logits[:, self.suppressed] = -torch.inf
        if step == self.not_at[0]:
            logits[:, self.not_at[1]] = -torch.inf


def constraints_of(model: Any, read: int, ends: list[int], decoding: Decoding) -> Constraints:
    """The constraints of a model's generation config, where ``read`` tokens come before the first that is written.

    Raises:
        HarnessError: it asks for what is not done here.
    """
    config = model.generation_config
    for name, nothing in NOT_DONE.items():
        if getattr(config, name, None) not in nothing:
            raise HarnessError(
                f"the generation config says {name}: {getattr(config, name)}, which decoding does not do; expected none: "
                "take it out of generation_config.json"
            )
    first = config.forced_bos_token_id if read == 1 and model.config.is_encoder_decoder else None
    words = [list(word) for word in config.bad_words_ids or [] if len(word) == 1 and word[0] not in ends]
    return Constraints(
        ends=ends, maximum_length=decoding.maximum_length,
        least=max((config.min_length or 0) - read, config.min_new_tokens or 0),
        never=[word[0] for word in words], suppressed=tokens_of(config.suppress_tokens),
        not_at=(0 if first is None else 1, tokens_of(config.begin_suppress_tokens)),
        first=first, last=tokens_of(config.forced_eos_token_id), by_history=by_history(config, model.device),
        of_probabilities=decoding.beams > 1, renormalised=bool(config.renormalize_logits),
    )  # fmt: skip


def tokens_of(found: int | Iterable[int] | None) -> list[int]:
    """Tokens that a config names: one, several or none."""
    if found is None:
        return []
    return [found] if isinstance(found, int) else list(found)


def by_history(config: Any, device: Any) -> LogitsProcessorList:
    """Transformers' own processors for what depends on all tokens so far."""
    found = LogitsProcessorList()
    if config.sequence_bias is not None:
        found.append(SequenceBiasLogitsProcessor(config.sequence_bias))
    if config.repetition_penalty not in (None, 1):
        found.append(RepetitionPenaltyLogitsProcessor(config.repetition_penalty))
    if config.no_repeat_ngram_size:
        found.append(NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size))
    phrases = [word for word in config.bad_words_ids or [] if len(word) > 1]
    if phrases:
        found.append(NoBadWordsLogitsProcessor(phrases))
    return found
