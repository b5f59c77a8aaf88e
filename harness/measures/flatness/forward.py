"""From a sequence to the logits at its scored positions, and the negative log-likelihood there."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from harness.data.sequences import UNSCORED, ScoredSequence
from harness.errors import HarnessError, nearest

OBJECTIVES = ("causal", "masked", "seq2seq")


def check_objective(objective: str) -> None:
    """Refuse an objective whose logits this package cannot line up with labels.

    Raises:
        HarnessError: Not "causal", "masked" or "seq2seq".
    """
    if objective not in OBJECTIVES:
        raise HarnessError(
            f"flatness is measured on causal, masked and seq2seq language models, not on objective {objective!r}; "
            f"{nearest(objective, OBJECTIVES)}"
        )


def scored_logits(model: nn.Module, sequence: ScoredSequence, objective: str) -> tuple[Tensor, Tensor]:
    """Run one sequence and keep the scored positions.

    Position ``t`` of a causal model, or of a decoder, predicts token ``t + 1``: the shift happens here and nowhere else.
    The model's own loss is never used: shift, smoothing and auxiliary terms differ from head to head.

    Returns:
        Logits ``(n, V)`` in float32 (float64 for a float64 model) and true labels ``(n,)``; n may be 0.
    """
    device = next(model.parameters()).device
    labels = sequence.labels.to(device)
    if sequence.source is not None:
        labels = labels[1:]
        logits = _logits(model, sequence.source.to(device)[None], decoder_input_ids=sequence.ids[:-1].to(device)[None])[
            0
        ]
    else:
        logits = _logits(model, sequence.ids.to(device)[None])[0]  # (T, V)
        if objective == "causal":
            logits, labels = logits[:-1], labels[1:]
    scored = labels != UNSCORED
    if not bool(scored.all()):
        logits, labels = logits[scored], labels[scored]
    return logits if logits.dtype == torch.float64 else logits.float(), labels


def has_scored_token(sequence: ScoredSequence, objective: str) -> bool:
    """Whether anything of this sequence is scored, known before the model runs."""
    labels = sequence.labels if objective == "masked" else sequence.labels[1:]
    return bool((labels != UNSCORED).any())


def finite_loss(loss: Tensor, sequence: ScoredSequence) -> float:
    """The summed loss as a number.

    Raises:
        HarnessError: It is infinite or not a number.
    """
    value = float(loss.detach())
    if value - value != 0:
        raise HarnessError(
            f"the loss of sequence {sequence.key!r} is {value}; a finite loss is needed. Load the checkpoint in "
            "float32, and check that its weights are finite and the sequence fits its context"
        )
    return value


def _logits(model: nn.Module, ids: Tensor, **options: Any) -> Tensor:
    # A cache would copy keys and values that nothing here reads.
    if "use_cache" in inspect.signature(model.forward).parameters:
        options["use_cache"] = False
    output = model(input_ids=ids, **options)
    if getattr(output, "logits", None) is None:
        raise HarnessError(
            f"{type(model).__name__} returns no logits: an encoder without a language-model head has no loss to be "
            "flat; load the checkpoint with its head"
        )
    logits: Tensor = output.logits
    return logits
