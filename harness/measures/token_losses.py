r"""Cross-entropy of tokens from the states that the last layer would take, a block of the vocabulary at a time.

:math:`-\log p(y) = \log \sum_v e^{z_v} - z_y` with :math:`z = W h + b`. The sum is kept while blocks of :math:`W` go by,
relative to the largest logit so far, so that no table of tokens x vocabulary is ever held, each block of :math:`W` is read
once for all tokens, and what is worked on stays in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from harness.training.heads import Head, LastLayer

BLOCK_ELEMENTS = 2**22
"""Logits held at once: 16 MB in float32."""
ROWS = 2048
"""Tokens worked on at once, so that a block is 2,048 words wide or more and its matrix product efficient."""
WHOLE_ROWS = 64
"""The same where all logits of a token are formed at once."""


def token_losses(
    head: Head, states: torch.Tensor, targets: torch.Tensor, *, greedy: bool = False
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Losses in nats, float32 ``(N,)``, whatever the dtype of the states.

    Args:
        head: from states to logits.
        states: what the head takes, ``(N, d)``; overwritten where they are logits already.
        targets: the tokens that came, int64 ``(N,)``.
        greedy: whether to find out too which of them were the likeliest; of equal logits the first counts.

    Returns:
        The losses and, if asked for, bool ``(N,)``.
    """
    losses, likeliest = torch.empty(len(targets), device=states.device), torch.empty_like(targets)
    size = ROWS if isinstance(head, LastLayer) and head.divisible else WHOLE_ROWS
    for start in range(0, len(targets), size):
        part = slice(start, start + size)
        losses[part], likeliest[part] = losses_of(logits_in_blocks(head, states[part]), targets[part], greedy)
    return losses, likeliest == targets if greedy else None


def logits_in_blocks(head: Head, states: torch.Tensor) -> Iterator[torch.Tensor]:
    """Logits of one part of the vocabulary after another, float32 ``(N, part)``, to be overwritten by who takes them."""
    if not (isinstance(head, LastLayer) and head.divisible):
        yield head(states).float()
        return
    width = BLOCK_ELEMENTS // len(states)
    for start in range(0, head.vocabulary, width):
        yield head.part(states, slice(start, start + width)).float()


def losses_of(blocks: Iterator[torch.Tensor], targets: torch.Tensor, greedy: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses of a few rows, and their likeliest tokens if asked for (else the numbers mean nothing)."""
    lowest = torch.finfo(torch.float32).min  # of a word that is ruled out by -inf the exponential is 0 then, not NaN
    best = torch.full(targets.shape, lowest, device=targets.device)
    total, said, likeliest, first = torch.zeros_like(best), torch.zeros_like(best), torch.zeros_like(targets), 0
    for logits in blocks:
        width = logits.shape[1]
        if greedy:
            top, place = logits.max(-1)
            likeliest = torch.where(top > best, place + first, likeliest)
        else:
            top = logits.amax(-1)
        place = targets - first
        within = logits.gather(1, place.clamp(0, width - 1)[:, None])[:, 0]
        said = torch.where((place >= 0) & (place < width), within, said)
        highest = torch.maximum(best, top)
        total = total * (best - highest).exp() + logits.sub_(highest[:, None]).exp_().sum(-1)
        best, first = highest, first + width
    return total.log() - (said - best), likeliest
