"""What must hold while curvature is measured: evaluation mode, gradients on, exact arithmetic, one loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.forward import scored_logits
from harness.training.heads import Head


@contextmanager
def measuring(model: nn.Module) -> Iterator[None]:
    """Evaluation mode (dropout off), gradients on, no autocast, no TF32; every setting is restored."""
    modes = [(module, module.training) for module in model.modules()]
    precision = torch.get_float32_matmul_precision()
    device = next(model.parameters()).device.type
    model.eval()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.enable_grad(), torch.autocast(device_type=device, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        for module, training in modes:
            module.training = training


def check_dtype(model: nn.Module, refused: tuple[torch.dtype, ...], why: str) -> str:
    """The floating types of the trainable parameters, as one word.

    Raises:
        HarnessError: One of them is refused.
    """
    found = {p.dtype for p in model.parameters() if p.requires_grad}
    bad = [dtype for dtype in refused if dtype in found]
    if bad:
        raise HarnessError(f"the model's parameters are {_word(bad[0])}: {why}; load the checkpoint in float32")
    return "+".join(sorted(_word(dtype) for dtype in found))


def check_deterministic(model: nn.Module, sequence: ScoredSequence, objective: str, head: Head | None = None) -> None:
    """Run one sequence twice: curvature of a loss that changes by itself means nothing.

    Raises:
        HarnessError: The two losses differ by more than rounding (dropout or routing noise in eval mode).
    """
    with torch.no_grad():
        first, second = (cross_entropy(*scored_logits(model, sequence, objective, head)).item() for _ in range(2))
    if abs(first - second) > 1e-4 * abs(first):
        raise HarnessError(
            f"the model's loss is not deterministic in evaluation mode ({first:.6f}, then {second:.6f} on the same "
            "sequence); switch off dropout that ignores eval(), and routing noise"
        )


def attention_kernel(model: nn.Module) -> str:
    """The attention implementation the model was loaded with, or "own" for a model without one."""
    return str(getattr(getattr(model, "config", None), "_attn_implementation", None) or "own")


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
