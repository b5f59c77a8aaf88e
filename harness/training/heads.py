"""A language model without its last layer: what it returns as logits are then the states that layer would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch

Head = Callable[[torch.Tensor], torch.Tensor]
_IS_LAST: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()


@contextmanager
def head_off(model: Any, ids: torch.Tensor) -> Iterator[Head | None]:
    """Take the last layer off for a while; yields it, or None where the model has none whose output are its logits.

    ``ids`` (1, T) is any short input, to try that with.
    """
    layer = model.get_output_embeddings()
    if layer is None or not is_last(model, layer, ids):
        yield None
        return
    forward = layer.forward
    layer.forward = lambda states: states
    try:
        yield forward
    finally:
        layer.__dict__.pop("forward", None)


def is_last(model: Any, layer: torch.nn.Module, ids: torch.Tensor) -> bool:
    """Whether a model returns as logits what a layer returns, bit by bit; asked once of each layer.

    It does not where a cap, a scale or another layer comes after: numbers from -30 to 30, put in place of the layer's
    own, show each of them.
    """
    if layer not in _IS_LAST:
        put: list[torch.Tensor] = []

        def replace(_: Any, __: Any, output: torch.Tensor) -> torch.Tensor:
            numbers = torch.linspace(-30, 30, output.numel(), device=output.device, dtype=torch.float32)
            put.append(numbers.to(output.dtype).view_as(output))
            return put[-1]

        modes = [(module, module.training) for module in model.modules()]
        hook = layer.register_forward_hook(replace)
        model.eval()  # dropout would draw random numbers that a training run counts on
        try:
            with torch.no_grad():
                found = model(input_ids=ids).logits
        finally:
            hook.remove()
            for module, training in modes:
                module.training = training
        _IS_LAST[layer] = len(put) == 1 and torch.equal(found.to(put[0].dtype), put[0])
    return _IS_LAST[layer]
