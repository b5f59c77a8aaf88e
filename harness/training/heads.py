"""A language model without its last layer: what it returns as logits are then the states that layer would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Head = Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def head_off(model: Any) -> Iterator[Head | None]:
    """Take the last layer off for a while; yields it, or None where the model names none.

    BART and its kin add a bias of their own to what the layer gives; it comes off with the layer.
    """
    layer = model.get_output_embeddings()
    if layer is None:
        yield None
        return
    forward, bias = layer.forward, getattr(model, "final_logits_bias", None)
    layer.forward = lambda states: states
    if bias is not None:
        model.final_logits_bias = torch.zeros_like(bias[:, :1])
    try:
        yield forward if bias is None else lambda states: forward(states) + bias
    finally:
        layer.__dict__.pop("forward", None)
        if bias is not None:
            model.final_logits_bias = bias
