"""Dropout at a tenth of the price on a CPU: an element is kept by 16 random bits instead of a number of 24.

Torch draws masks on a CPU one number after the other: in a BERT of the usual .1 that is a seventh of a training step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from harness.checkpoints.dropout import rates

LEVELS = 2**16


def keep_mask(shape: Sequence[int], rate: float) -> torch.Tensor:
    """True with probability ``1 - rate``, rounded to 2^-16: a bool tensor on the CPU.

    Each mask has a generator of its own (SFC64), seeded from torch's: the same ``torch.manual_seed`` gives the same masks,
    and the state of torch's generator is all that a resumed run needs.
    """
    seed = int(torch.randint(2**63 - 1, ()))
    count = math.prod(shape)
    bits = np.random.SFC64(seed).random_raw(-(-count // 4)).view(np.int16)
    return (torch.from_numpy(bits)[:count] >= round(rate * LEVELS) - LEVELS // 2).view(*shape)


class Drop(torch.autograd.Function):
    """``x * mask / (1 - rate)``, with the rate that the mask has."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor, rate: float) -> torch.Tensor:
        """Draw the mask and keep it, in numbers and not bools, which cost more to multiply by, for the gradient."""
        mask = keep_mask(x.shape, rate).to(x.dtype).mul_(1 / (1 - round(rate * LEVELS) / LEVELS))
        context.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        """The same mask."""
        (mask,) = context.saved_tensors
        return gradient * mask, None


def dropout(x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    """Takes the place of ``torch.nn.functional.dropout``."""
    if not training or round(p * LEVELS) == 0:
        return x
    return Drop.apply(x, p) if round(p * LEVELS) < LEVELS else x * 0


def attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> torch.Tensor:  # fmt: skip
    """Takes the place of ``scaled_dot_product_attention``, which has no fast way with dropout: ``(B, H, T, d)``."""
    if dropout_p == 0:
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask=attn_mask, is_causal=is_causal, scale=scale, enable_gqa=enable_gqa
        )
    if enable_gqa:
        groups = query.shape[-3] // key.shape[-3]
        key, value = key.repeat_interleave(groups, -3), value.repeat_interleave(groups, -3)
    scores = (query * (scale if scale is not None else query.shape[-1] ** -0.5)) @ key.transpose(-2, -1)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, torch.finfo(scores.dtype).min)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return dropout(scores.softmax(-1).to(value.dtype), dropout_p) @ value


REPLACED: dict[Callable[..., Any], Callable[..., Any]] = {
    functional.dropout: dropout,
    functional.scaled_dot_product_attention: attention,
}


class CheapDropout(TorchFunctionMode):
    """Within it torch's dropout, and attention with dropout, are those above."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called for every function of torch."""
        return REPLACED.get(function, function)(*args, **(kwargs or {}))


def cheap_dropout(model: Any) -> AbstractContextManager[Any]:
    """The mode where it serves: on a CPU, for a model that has a dropout rate."""
    parameter = next(model.parameters())
    config = getattr(model, "config", None)
    if parameter.device.type != "cpu" or config is None:
        return nullcontext()
    layers = (part.p for part in model.modules() if isinstance(part, torch.nn.Dropout))
    return CheapDropout() if any(rates(config).values()) or any(layers) else nullcontext()
