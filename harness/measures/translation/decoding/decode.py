"""Sources in batches of like length, each searched greedily or with a beam.

Why this is faster than ``generate`` and says the same: a batch holds sources of like length, so that little of it is padding;
a source is read once, whatever the beam; a text that has ended leaves the batch, and its keys and values with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.data.batches import by_token_budget
from harness.errors import HarnessError
from harness.measures.translation.decoding.beam import beam
from harness.measures.translation.decoding.constraints import constraints_of
from harness.measures.translation.decoding.greedy import greedy
from harness.measures.translation.decoding.hypothesis import Hypothesis
from harness.measures.translation.decoding.limits import check_positions
from harness.measures.translation.decoding.rows import begin
from harness.specs.translation import Decoding

Tokens = Sequence[int]


def decode(
    model: Any, sources: Sequence[Tokens], decoding: Decoding, *, start: Tokens, end: int | Sequence[int],
    token_budget: int, advance: Callable[[int], None] | None = None,
) -> list[Hypothesis]:  # fmt: skip
    """What a model writes for each source, in their order.

    The outputs are those of ``model.generate`` with ``num_beams``, ``length_penalty``, ``max_new_tokens``,
    ``do_sample=False`` and ``early_stopping=False``, and with what the model's generation config forbids or forces.
    Scores are float32 whatever the model's type, and added up in float64.

    Args:
        model: an encoder-decoder or a causal model; it is set to eval mode.
        sources: token ids with special tokens: what the encoder reads, or the prompt of a causal model.
        decoding: beams, length penalty and greatest length.
        start: what the decoder reads first: its start token, and the token of the language where the model wants one.
            A causal model has none.
        end: the token that ends a text, or several.
        token_budget: tokens of a batch: those of its sources with padding, and as many again for each beam.
        advance: told the source tokens of each finished batch.

    Raises:
        HarnessError: a source is empty, the model has too few positions, its config asks for what is not done here, or a
            log-probability is not finite.
    """
    ends = [end] if isinstance(end, int) else list(end)
    check_sources(model, sources, start, ends)
    check_positions(model.config, sources, start, decoding.maximum_length)
    model.eval()
    found: list[Hypothesis | None] = [None] * len(sources)
    lengths = [len(source) * (1 + decoding.beams) for source in sources]
    with torch.inference_mode():
        for batch in by_token_budget(lengths, token_budget):
            chosen = [sources[index] for index in batch]
            for index, hypothesis in zip(batch, search(model, chosen, decoding, start, ends), strict=True):
                found[index] = hypothesis
            if advance is not None:
                advance(sum(len(source) for source in chosen))
    return [hypothesis for hypothesis in found if hypothesis is not None]


def search(
    model: Any, sources: Sequence[Tokens], decoding: Decoding, start: Tokens, ends: list[int]
) -> list[Hypothesis]:
    """What the model writes for the sources of one batch."""
    rows = begin(model, sources, start)
    constraints = constraints_of(model, rows.begun, ends, decoding)
    if decoding.beams == 1:
        return greedy(rows, constraints)
    return beam(rows, constraints, decoding.beams, decoding.length_penalty)


def check_sources(model: Any, sources: Sequence[Tokens], start: Tokens, ends: list[int]) -> None:
    """Refuse what no search can begin with.

    Raises:
        HarnessError: an empty source, no start for a decoder, one for a causal model, or no end.
    """
    for number, source in enumerate(sources):
        if not len(source):
            raise HarnessError(f"source {number} has no tokens; expected at least one: a special token, or a prompt")
    if model.config.is_encoder_decoder and not len(start):
        raise HarnessError("start is empty; expected the token that the decoder reads first (decoder_start_token_id)")
    if not model.config.is_encoder_decoder and len(start):
        raise HarnessError(f"start is {list(start)}; expected none for a causal model: put it at the end of the prompt")
    if not ends:
        raise HarnessError("no token ends a text; expected at least one (eos_token_id)")
