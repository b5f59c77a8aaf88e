"""A language model without its last layer: what it returns as logits are then the states that layer would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn import functional

Head = Callable[[torch.Tensor], torch.Tensor]
_IS_LAST: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class LastLayer:
    """A layer that was taken off: from states to logits.

    Attributes:
        layer: the layer.
        forward: what it did before it was taken off.
        bias: what the model added to its output, ``(1, V)``, or None.
        divisible: whether it is torch's linear layer and nothing else, so that a part of its words can be had alone.
    """

    layer: torch.nn.Module
    forward: Callable[[torch.Tensor], torch.Tensor]
    bias: torch.Tensor | None
    divisible: bool

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """All logits ``(N, V)`` of states ``(N, d)``."""
        logits = self.forward(states)
        return logits if self.bias is None else logits + self.bias

    @property
    def vocabulary(self) -> int:
        """Words of a divisible layer."""
        return len(self.layer.weight)  # type: ignore[arg-type]

    def part(self, states: torch.Tensor, words: slice) -> torch.Tensor:
        """Logits of some words, of a divisible layer."""
        weight, own = self.layer.weight, self.layer.bias
        logits = functional.linear(states, weight[words], None if own is None else own[words])  # type: ignore[index]
        return logits if self.bias is None else logits + self.bias[:, words]


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
        whole = type(layer) is torch.nn.Linear and "forward" not in layer.__dict__
        head = LastLayer(layer, layer.forward, bias, whole)
        own = layer.__dict__.get("forward")  # hooks of other libraries put one there
        layer.forward = lambda states: states
        try:
            yield head
        finally:
            layer.__dict__.pop("forward", None)
            if own is not None:
                layer.forward = own


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
