"""Flatness of a checkpoint: traces of the curvature of its loss, each with a confidence interval.

Importing this package imports no torch; the estimators are loaded when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.measures.flatness.fisher import fisher_trace
    from harness.measures.flatness.hessian import hessian_trace
    from harness.measures.flatness.result import FlatnessResult, Part, SequenceTerms
    from harness.measures.flatness.rise import RiseResult
    from harness.measures.flatness.sharpness import noise_sharpness
    from harness.measures.flatness.worst_case import worst_case_sharpness

__all__ = [
    "FlatnessResult",
    "Part",
    "RiseResult",
    "SequenceTerms",
    "fisher_trace",
    "hessian_trace",
    "noise_sharpness",
    "worst_case_sharpness",
]

_HOMES = {
    "RiseResult": "rise",
    "fisher_trace": "fisher",
    "hessian_trace": "hessian",
    "noise_sharpness": "sharpness",
    "worst_case_sharpness": "worst_case",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'result')}"), name)
