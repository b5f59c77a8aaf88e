"""Queries, keys and values that one tensor holds: which of its rows are which."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

_THIRDS = re.compile(r"\.(c_attn|Wqkv|in_proj|qkv)(\.weight|\.bias|_weight|_bias)$")
_BY_HEAD = re.compile(r"\.query_key_value\.(weight|bias)$")
_GROUPED = re.compile(r"\.qkv_proj\.(weight|bias)$")
_THIRDS_BY_HEAD = ("gpt_bigcode", "deberta")
"""Models whose tensor has a name of those above and is packed head by head."""
_HALVES = re.compile(r"\.(gate_up_proj|Wi)\.(weight|bias)$")


def packed_parts(name: str, rows: int, config: Any) -> NDArray[np.int64]:
    """The part, 0 to 2, that each row of a tensor belongs to: all 0 where nothing is packed, or how is not known.

    GPT-2, ModernBERT and MPT put queries, keys and values one after another, GPT-NeoX, BLOOM and DeBERTa head by head,
    Phi-3 as many keys as it has key heads, GPT-BigCode those of one head, CodeGen four times a quarter of queries, values
    and keys; ModernBERT and Phi-3 also put the gate beside the input of a feed-forward layer.
    A measure that is normalised by layer changes under a rescaling of queries against keys if these are one layer.

    Args:
        name: Of the parameter.
        rows: How many output units it has.
        config: Of the model; None without one.

    Returns:
        int64 ``(rows,)``.

    >>> packed_parts("transformer.h.0.attn.c_attn.weight", 6, None).tolist()
    [0, 0, 1, 1, 2, 2]
    >>> packed_parts("transformer.h.0.mlp.c_fc.weight", 3, None).tolist()
    [0, 0, 0]
    """
    model, heads, width = (getattr(config, key, None) for key in ("model_type", "num_attention_heads", "hidden_size"))
    if _THIRDS.search(name) and heads and getattr(config, "multi_query", False):
        return grouped(rows, heads, 1)
    by_head = _BY_HEAD.search(name) or (_THIRDS.search(name) and model in _THIRDS_BY_HEAD)
    if by_head and heads and width and rows == 3 * width and rows % (3 * heads) == 0:
        return np.tile(np.repeat(np.arange(3), rows // (3 * heads)), heads)
    if _THIRDS.search(name) and not by_head and rows % 3 == 0 and (width is None or rows == 3 * width):
        return np.repeat(np.arange(3), rows // 3)
    if _GROUPED.search(name) and model == "codegen":
        return np.tile(np.repeat([0, 2, 1], rows // 12), 4)
    if _GROUPED.search(name) and heads:
        return grouped(rows, heads, getattr(config, "num_key_value_heads", None) or heads)
    if _HALVES.search(name) and rows % 2 == 0:
        return np.repeat(np.arange(2), rows // 2)
    return np.zeros(rows, dtype=np.int64)


def grouped(rows: int, heads: int, key_heads: int) -> NDArray[np.int64]:
    """All queries, then keys and values of so many heads; all 0 where that does not come to so many rows.

    >>> grouped(8, 2, 1).tolist(), grouped(7, 2, 1).tolist()
    ([0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 0, 0, 0])
    """
    size = rows // (heads + 2 * key_heads)
    if size * (heads + 2 * key_heads) != rows:
        return np.zeros(rows, dtype=np.int64)
    return np.repeat(np.arange(3), [heads * size, key_heads * size, key_heads * size])
