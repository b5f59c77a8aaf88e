"""From sequences to the logits at their scored positions, and the negative log-likelihood there."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from harness.data.batches import attention_mask, pad
from harness.data.sequences import UNSCORED, ScoredSequence
from harness.errors import HarnessError, nearest
from harness.training.heads import Head, head_off

OBJECTIVES = ("causal", "masked", "seq2seq")
Group = Sequence[ScoredSequence]


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


def scored_logits(
    model: nn.Module, sequences: ScoredSequence | Group, objective: str, head: Head | None = None
) -> tuple[Tensor, Tensor]:
    """Run sequences together and keep the scored positions, one sequence after another.

    Position ``t`` of a causal model, or of a decoder, predicts token ``t + 1``: the shift happens here and nowhere else.
    The model's own loss is never used: shift, smoothing and auxiliary terms differ from head to head.

    Args:
        model: What is run.
        sequences: One sequence, or several that are padded to one length.
        objective: "causal", "masked" or "seq2seq".
        head: The last layer where :func:`head_at_scored` took it off: it is then applied to scored positions alone.

    Returns:
        Logits ``(n, V)`` in float32 (float64 for a float64 model) and true labels ``(n,)``; n may be 0.
    """
    group = [sequences] if isinstance(sequences, ScoredSequence) else sequences
    device = next(model.parameters()).device
    shift = 0 if objective == "masked" else 1
    labels = pad([s.labels[shift:] for s in group], UNSCORED).to(device)  # (B, T)
    scored = labels != UNSCORED
    found = _logits(model, group, objective)
    logits, targets = (found.flatten(0, 1), labels.flatten()) if bool(scored.all()) else (found[scored], labels[scored])
    if head is not None:
        logits = head(logits)
    return logits if logits.dtype == torch.float64 else logits.float(), targets


@contextmanager
def head_at_scored(model: nn.Module, sequence: ScoredSequence, objective: str) -> Iterator[Head | None]:
    """Take the last layer off, for :func:`scored_logits` to apply where something is scored; None where it cannot be.

    A masked model scores one position of seven: its vocabulary-sized layer, and the way back through it, is most of the
    work of a small one.
    """
    if not hasattr(model, "get_output_embeddings"):
        yield None
        return
    inputs = _inputs(model, [sequence], objective)
    with head_off(model, inputs.pop("input_ids"), **inputs) as head:
        yield head


def has_scored_token(sequence: ScoredSequence, objective: str) -> bool:
    """Whether anything of this sequence is scored, known before the model runs."""
    labels = sequence.labels if objective == "masked" else sequence.labels[1:]
    return bool((labels != UNSCORED).any())


def finite_loss(loss: Tensor, sequences: ScoredSequence | Group) -> float:
    """The summed loss as a number.

    Raises:
        HarnessError: It is infinite or not a number.
    """
    value = float(loss.detach())
    if value - value != 0:
        group = [sequences] if isinstance(sequences, ScoredSequence) else sequences
        raise HarnessError(
            f"the loss of sequence {group[0].key!r} is {value}; a finite loss is needed. Load the checkpoint in "
            "float32, and check that its weights are finite and the sequence fits its context"
        )
    return value


def _inputs(model: nn.Module, group: Group, objective: str) -> dict[str, Any]:
    """What the model is called with: no last token that predicts nothing, and no mask where nothing is padded."""
    device = next(model.parameters()).device
    sources = [s.source for s in group if s.source is not None]
    read = [s.ids if objective == "masked" else s.ids[:-1] for s in group]
    given = sources or read
    inputs: dict[str, Any] = {"input_ids": pad(given, 0).to(device)}
    if len({len(ids) for ids in given}) > 1:
        inputs["attention_mask"] = attention_mask(given).to(device)
    if sources:
        inputs["decoder_input_ids"] = pad(read, 0).to(device)
    # A cache would copy keys and values that nothing here reads.
    if "use_cache" in inspect.signature(model.forward).parameters:
        inputs["use_cache"] = False
    return inputs


def _logits(model: nn.Module, group: Group, objective: str) -> Tensor:
    output = model(**_inputs(model, group, objective))
    if getattr(output, "logits", None) is None:
        raise HarnessError(
            f"{type(model).__name__} returns no logits: an encoder without a language-model head has no loss to be "
            "flat; load the checkpoint with its head"
        )
    logits: Tensor = output.logits
    return logits
