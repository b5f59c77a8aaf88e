"""Gradients one tensor at a time: each is read while it is still in the cache, and freed before the next is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 2**17
"""Elements at a time: what is read twice stays in the cache."""


def stream_gradients(
    outputs: Tensor, cotangents: Tensor, tensors: Sequence[Tensor], consume: Callable[[int, Tensor], None]
) -> None:
    """Hand the gradient of each tensor on as soon as it is complete, and let it go.

    The peak is that of the largest gradient, not of all of them; a tensor that is used twice (tied) is handed on once,
    with the sum; one that the outputs do not depend on is never handed on. ``.grad`` is as before afterwards.

    Args:
        outputs: What is differentiated.
        cotangents: Of the outputs' shape.
        tensors: Leaves that require a gradient, each once.
        consume: Called with a tensor's number and its gradient, which it must not change.

    >>> x, y = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    >>> stream_gradients(x * 3, torch.ones(2), [x, y], lambda number, gradient: print(number, gradient.tolist()))
    0 [3.0, 3.0]
    """
    kept = [tensor.grad for tensor in tensors]
    numbers = {id(tensor): number for number, tensor in enumerate(tensors)}

    def hand_on(tensor: Tensor) -> None:
        gradient, tensor.grad = tensor.grad, None
        if gradient is not None:
            consume(numbers[id(tensor)], gradient)

    hooks = [tensor.register_post_accumulate_grad_hook(hand_on) for tensor in tensors]
    try:
        for tensor in tensors:
            tensor.grad = None
        torch.autograd.backward(outputs, cotangents, inputs=list(tensors))
    finally:
        for hook in hooks:
            hook.remove()
        for tensor, gradient in zip(tensors, kept, strict=True):
            tensor.grad = gradient


@dataclass(frozen=True, slots=True)
class Products:
    """What one gradient ``g`` of a parameter ``w`` gives.

    Attributes:
        rows: Squared norm of every row, float32 or wider.
        radial: ``sum_i w_i g_i``, a tensor of one number.
        element: ``sum_i (w_i g_i)^2``, a tensor of one number.
    """

    rows: Tensor
    radial: Tensor
    element: Tensor


def products_of(parameter: Tensor, gradient: Tensor, transposed: bool) -> Products:
    """Row norms and both products in one pass, by blocks that fit the cache.

    Args:
        parameter: Of any shape.
        gradient: Of the same shape.
        transposed: Whether rows of the layout are columns of the tensor (GPT-2's ``Conv1D``).

    >>> p = products_of(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]]), transposed=False)
    >>> p.rows.tolist(), p.radial.item(), p.element.item()
    ([10.0], 1.0, 13.0)
    """
    wide = torch.float64 if gradient.dtype == torch.float64 else torch.float32
    width = gradient.shape[-1] if gradient.ndim > 1 else 1
    block = max(1, CHUNK // width)
    w, g = parameter.detach().reshape(-1, width), gradient.reshape(-1, width)
    room = torch.empty(min(block, len(g)), width, dtype=wide, device=g.device)
    rows, radial, element = [], [], []
    for a, b in zip(w.split(block), g.split(block), strict=True):
        b = b.to(wide)
        here = torch.mul(a, b, out=room[: len(b)])
        radial.append(here.sum())
        element.append(torch.dot(here.view(-1), here.view(-1)))
        if transposed:
            rows.append(torch.mul(b, b, out=here).sum(0))  # a norm down the columns of a row-major matrix is far slower
        else:
            rows.append(torch.linalg.vector_norm(b, dim=1).square_())
    return Products(torch.stack(rows).sum(0) if transposed else torch.cat(rows), _total(radial), _total(element))


def _total(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).double().sum()
