"""How far a dtype of fewer bits moves the loss: a part of the text is scored in float32 too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.sequences import UNSCORED, ScoredSequence
from harness.measures.cross_entropy import sequence_losses
from harness.progress import say

if TYPE_CHECKING:
    from harness.measures.session import Session

TOKENS = 4096


def precision_effect(
    session: Session, sequences: Sequence[ScoredSequence], losses: np.ndarray, causal: bool
) -> dict[str, Any]:
    """The loss in the session's dtype less that in float32, over about 4,096 tokens; said, and kept with the number.

    Args:
        session: the checkpoint, whose dtype is not float32.
        sequences: what was scored.
        losses: of each sequence, in nats ``(S,)``.
        causal: whether labels are shifted.

    Returns:
        ``dtype_effect`` in nats per token, ``dtype_effect_tokens``, and ``float32`` nats per token there.
    """
    from harness.checkpoints import load_language_model

    count, read = 0, 0
    while count < len(sequences) and (count == 0 or read + len(sequences[count].ids) <= TOKENS):
        read += len(sequences[count].ids)
        count += 1
    part = sequences[:count]
    model, _ = load_language_model(session.checkpoint, session.device, "float32")
    whole = sequence_losses(model, part, causal=causal, token_budget=session.budget(model)).sum()
    tokens = sum(int((s.labels[1:] if causal else s.labels).ne(UNSCORED).sum()) for s in part)
    effect = float(losses[:count].sum() - whole) / tokens
    say(
        f"{session.checkpoint.name}: {session.dtype} moves the loss by {effect:+.5f} nats a token (over {tokens:,} tokens)"
    )
    return {"dtype_effect": effect, "dtype_effect_tokens": tokens, "float32": float(whole) / tokens}
