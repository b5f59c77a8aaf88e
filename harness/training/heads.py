"""A language model without its last layer: what it returns as logits are then the states that layer would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch

Head = Callable[[torch.Tensor], torch.Tensor]
_IS_LAST: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()


@contextmanager
def head_off(model: Any, input_ids: torch.Tensor, **more: Any) -> Iterator[Head | None]:
    """Take the last layer off for a while; yields it, or None where the model has none whose output are its logits.

    ``input_ids`` (1, T), with what ``more`` the model wants, is any short input, to try that with.
    """
    layer = model.get_output_embeddings()
    with bias_off(model) as bias:
        if layer is None or not is_last(model, layer, {"input_ids": input_ids, **more}):
            yield None
            return
        forward = layer.forward
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


def is_last(model: Any, layer: torch.nn.Module, inputs: Mapping[str, Any]) -> bool:
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
                found = model(**inputs).logits
        finally:
            hook.remove()
            for module, training in modes:
                module.training = training
        _IS_LAST[layer] = len(put) == 1 and torch.equal(found.to(put[0].dtype), put[0])
    return _IS_LAST[layer]
