"""A language model without its last layer: what it returns as logits are then the states that layer would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Head = Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def head_off(model: Any) -> Iterator[Head | None]:
    """Take the last layer off for a while; yields it, or None where the model names none."""
    layer = model.get_output_embeddings()
    if layer is None:
        yield None
        return
    forward = layer.forward
    with bias_off(model) as bias:
        layer.forward = lambda states: states
        try:
            yield forward if bias is None else lambda states: forward(states) + bias
        finally:
            layer.__dict__.pop("forward", None)


@contextmanager
def bias_off(model: Any) -> Iterator[torch.Tensor | None]:
    """Take off the bias that BART and its kin add to what their last layer gives; yields it, or None without one."""
    bias = getattr(model, "final_logits_bias", None)
    if bias is None:
        yield None
        return
    model.final_logits_bias = torch.zeros_like(bias[:, :1])
    try:
        yield bias
    finally:
        model.final_logits_bias = bias
