"""Products of gradients with the parameters they belong to: what scale-free measures are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.measures.flatness.blocks import block_of
from harness.measures.flatness.layout import ParameterLayout

CHUNK = 2**17
"""Elements at a time: what is read twice stays in the cache."""


def parameter_products(parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> tuple[float, float]:
    """``sum_i theta_i g_i`` and ``sum_i (theta_i g_i)^2`` over all parameters.

    The square of the first has the mean ``theta' G theta``, and the second the mean ``sum_i theta_i^2 G_ii``, where
    ``g`` is the gradient at labels sampled from the model.

    >>> parameter_products([torch.tensor([1.0, 2.0]), torch.ones(3)], [torch.tensor([3.0, -1.0]), None])
    (1.0, 13.0)
    """
    first, second = [], []
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if gradient is None:
            continue
        wide = torch.float64 if parameter.dtype == torch.float64 else torch.float32
        left, right = parameter.detach().reshape(-1), gradient.reshape(-1)
        for a, b in zip(left.split(CHUNK), right.split(CHUNK), strict=True):
            product = (a * b).to(wide)
            first.append(product.sum())
            second.append(torch.dot(product, product))
    if not first:
        return 0.0, 0.0
    return float(torch.stack(first).double().sum()), float(torch.stack(second).double().sum())


def relative_flatness(layout: ParameterLayout, gradients: Sequence[Tensor | None]) -> float:
    """``sum_W |W' g_W|_F^2`` over the weight matrices that stand between layers, ``(outputs, inputs)`` each.

    Its mean over sampled labels is ``sum_{s,s'} <w_s, w_s'> Tr(G_ss')`` with the rows ``w_s`` of a matrix and the
    blocks ``G_ss'`` that belong to pairs of them: the relative flatness of Petzka et al., arXiv 2001.00939,
    definition 3, with the Fisher in place of the Hessian. Token and position tables are left out: their rows are no
    neurons. Computed as it stands, or as ``<W W', g g'>`` where there are fewer outputs.

    >>> from harness.measures.flatness.layout import ParameterLayout
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False))
    >>> _ = torch.nn.init.constant_(model[0].weight, 2.0)
    >>> relative_flatness(ParameterLayout.of(model), [torch.tensor([[1.0, 3.0]])])
    80.0
    """
    total = 0.0
    for name, weight, gradient, transposed in zip(
        layout.names, layout.tensors, gradients, layout.transposed, strict=True
    ):
        if gradient is None or weight.ndim != 2 or block_of(name, 2) == "embedding":
            continue
        w, g = (weight.detach().t(), gradient.t()) if transposed else (weight.detach(), gradient)  # (outputs, inputs)
        if w.shape[1] <= w.shape[0]:
            total += float((w.t() @ g).double().square().sum())
        else:
            total += float(((w @ w.t()).double() * (g @ g.t()).double()).sum())
    return total
