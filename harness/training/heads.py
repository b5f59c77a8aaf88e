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
    layer.forward = lambda states: states
    try:
        yield forward
    finally:
        layer.__dict__.pop("forward", None)
