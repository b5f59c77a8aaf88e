"""Queries, keys and values that one tensor holds: which of its rows are which."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

_THIRDS = re.compile(r"\.(c_attn|Wqkv|in_proj|qkv)(\.weight|\.bias|_weight|_bias)$")
_BY_HEAD = re.compile(r"\.query_key_value\.(weight|bias)$")
_GROUPED = re.compile(r"\.qkv_proj\.(weight|bias)$")
_HALVES = re.compile(r"\.(gate_up_proj|Wi)\.(weight|bias)$")


def packed_parts(name: str, rows: int, config: Any) -> NDArray[np.int64]:
    """The part, 0 to 2, that each row of a tensor belongs to: all 0 where nothing is packed, or how is not known.

    GPT-2, ModernBERT and MPT put queries, keys and values one after another, GPT-NeoX and BLOOM head by head, Phi-3 as
    many keys as it has key heads; ModernBERT and Phi-3 also put the gate beside the input of a feed-forward layer.
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
    heads = getattr(config, "num_attention_heads", None)
    if _THIRDS.search(name) and rows % 3 == 0:
        return np.repeat(np.arange(3), rows // 3)
    if _BY_HEAD.search(name) and heads and rows == 3 * config.hidden_size and rows % (3 * heads) == 0:
        return np.tile(np.repeat(np.arange(3), rows // (3 * heads)), heads)
    if _GROUPED.search(name) and heads:
        key_heads = getattr(config, "num_key_value_heads", None) or heads
        size = rows // (heads + 2 * key_heads)
        if size * (heads + 2 * key_heads) == rows:
            return np.repeat(np.arange(3), [heads * size, key_heads * size, key_heads * size])
    if _HALVES.search(name) and rows % 2 == 0:
        return np.repeat(np.arange(2), rows // 2)
    return np.zeros(rows, dtype=np.int64)
