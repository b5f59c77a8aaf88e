"""transfer-harness: score checkpoints on upstream loss, flatness and downstream metrics, and fit what transfers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from harness.callback import TransferCallback
    from harness.evaluator import evaluate

__all__ = ["TransferCallback", "__version__", "evaluate"]

LAZY = {"evaluate": "harness.evaluator", "TransferCallback": "harness.callback"}


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(importlib.import_module(LAZY[name]), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
