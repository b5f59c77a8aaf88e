"""Which part of a network a parameter belongs to, by its name and shape: block and layer."""

from __future__ import annotations

import re

BLOCKS = ("embedding", "attention", "mlp", "norm+bias", "head", "other")

_ATTENTION = re.compile(r"attn|attention")
_MLP = re.compile(
    r"mlp|ffn|ffd|feed_?forward|intermediate|output|expert|densereludense|(^|\.)(fc\d*|lin\d|ff|w[io123])\b"
)
_HEAD = re.compile(r"(^|\.)((\w+_)?head|embed_out|cls|predictions|vocab_\w+|score|classifier|qa_outputs)(\.|$)")
_EMBEDDING = re.compile(r"embed|(^|\.)(wte|wpe|shared)(\.|$)")
_NORM = re.compile(r"norm|(^|\.)ln(_\w+|\d)?(\.|$)", re.IGNORECASE)


def layer_of(name: str) -> str:
    """The layer a parameter stands in: the first number in its name, or its block outside the layers.

    >>> layer_of("transformer.h.3.attn.c_attn.weight"), layer_of("transformer.wte.weight")
    ('layer 3', 'embedding')
    >>> layer_of("model.decoder.layers.0.fc1.weight"), layer_of("transformer.ln_f.weight")
    ('decoder layer 0', 'outside')
    """
    words = name.split(".")
    number = next((word for word in words if word.isdigit()), None)
    if number is not None:
        side = "decoder " if "decoder" in words else "encoder " if "encoder" in words else ""
        return f"{side}layer {number}"
    block = block_of(name)
    return block if block in ("embedding", "head") else "outside"


def block_of(name: str, ndim: int = 2) -> str:
    """One of ``BLOCKS``. Vectors and gains of norms are "norm+bias" wherever they stand.

    A tied embedding is counted once, under its first name: "embedding".

    >>> [block_of(n) for n in ("transformer.h.0.attn.c_attn.weight", "transformer.h.0.mlp.c_fc.weight", "lm_head.weight")]
    ['attention', 'mlp', 'head']
    >>> block_of("transformer.h.0.mlp.c_fc.bias", ndim=1), block_of("bert.embeddings.position_embeddings.weight")
    ('norm+bias', 'embedding')
    """
    if ndim < 2 or name.endswith(".bias") or _NORM.search(name):
        return "norm+bias"
    inside = any(word.isdigit() for word in name.split("."))
    rules = [("head", _HEAD), ("embedding", _EMBEDDING)]
    if inside:
        rules = [("attention", _ATTENTION), ("mlp", _MLP), *rules]
    return next((block for block, pattern in rules if pattern.search(name.lower())), "other")
