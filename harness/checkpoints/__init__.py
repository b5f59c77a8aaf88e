"""A name becomes a loaded model with an identity. Lazy: names are parsed without importing torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.checkpoints.load import load_classifier, load_language_model, load_with_new_head
    from harness.checkpoints.memory import resolve_in_memory
    from harness.checkpoints.names import expand, parse
    from harness.checkpoints.resolution import resolve
    from harness.checkpoints.resolved import Resolved
    from harness.checkpoints.tokenizer import load_tokenizer

__all__ = ["Resolved", "expand", "load_classifier", "load_language_model", "load_tokenizer",
           "load_with_new_head", "parse", "resolve", "resolve_in_memory"]  # fmt: skip

LAZY = {
    "Resolved": "resolved",
    "expand": "names",
    "load_classifier": "load",
    "load_language_model": "load",
    "load_tokenizer": "tokenizer",
    "load_with_new_head": "load",
    "parse": "names",
    "resolve": "resolution",
    "resolve_in_memory": "memory",
}


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(importlib.import_module(f"harness.checkpoints.{LAZY[name]}"), name)
    raise AttributeError(f"module 'harness.checkpoints' has no attribute {name!r}")
