"""Relative flatness: the curvature of a matrix between layers, weighted by how its rows point."""

from __future__ import annotations

from torch import Tensor

from harness.measures.flatness.blocks import block_of


def between_layers(name: str, ndim: int) -> bool:
    """Whether a parameter is a matrix whose rows are neurons: a table of tokens or positions is none.

    >>> between_layers("transformer.h.0.mlp.c_fc.weight", 2), between_layers("transformer.wte.weight", 2)
    (True, False)
    """
    return ndim == 2 and block_of(name, ndim) != "embedding"


def relative_flatness(weight: Tensor, gradient: Tensor, transposed: bool) -> float:
    """``|W' g|_F^2`` of a weight matrix ``(outputs, inputs)`` and its gradient.

    Its mean over sampled labels is ``sum_{s,s'} <w_s, w_s'> Tr(G_ss')`` with the rows ``w_s`` of the matrix and the
    blocks ``G_ss'`` that belong to pairs of them: the relative flatness of Petzka et al., arXiv 2001.00939,
    definition 3, with the Fisher in place of the Hessian. Computed as it stands, or as ``<W W', g g'>`` where there are
    fewer outputs.

    Args:
        weight: As the model stores it.
        gradient: Of the same shape.
        transposed: Whether it is stored as ``(inputs, outputs)``.

    >>> import torch
    >>> relative_flatness(torch.tensor([[2.0, 2.0]]), torch.tensor([[1.0, 3.0]]), transposed=False)
    80.0
    """
    w, g = (weight.detach().t(), gradient.t()) if transposed else (weight.detach(), gradient)
    if w.shape[1] <= w.shape[0]:
        return float((w.t() @ g).double().square().sum())
    return float(((w @ w.t()).double() * (g @ g.t()).double()).sum())
