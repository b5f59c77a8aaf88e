"""The states of a text's tokens become one vector."""

from __future__ import annotations

import torch
from torch.nn import functional


def pooled(states: torch.Tensor, mask: torch.Tensor, how: str, width: int) -> torch.Tensor:
    """One vector a text, special tokens included.

    Args:
        states: ``(B, T, d)`` float32, padded on the right.
        mask: ``(B, T)``, 1 at tokens and 0 at padding.
        how: ``mean``, ``cls`` (the first token), ``last`` (the last one), or ``concat``.
        width: of ``concat``: so many tokens side by side, zeros where the text has fewer; further ones are left out.

    Returns:
        ``(B, d)``, of ``concat`` ``(B, width * d)``.

    >>> states, mask = torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[1, 1, 0]])
    >>> [pooled(states, mask, how, 4).tolist()[0] for how in ("mean", "cls", "last", "concat")]
    [[2.0], [1.0], [3.0], [1.0, 3.0, 0.0, 0.0]]
    """
    if how == "cls":
        return states[:, 0]
    if how == "last":
        return states[torch.arange(len(states)), mask.sum(1) - 1]
    present = states * mask[..., None].to(states.dtype)
    if how == "mean":
        return present.sum(1) / mask.sum(1, keepdim=True)
    cut = present[:, :width]
    return functional.pad(cut, (0, 0, 0, width - cut.shape[1])).flatten(1)
