"""Transfer slopes: lines through families of checkpoints, with their intervals, refusals and flags.

Needs numpy and scipy, and no model library; a name is imported when it is first used. Records become cells in
``harness.slopes.join``; the estimators stand in modules of their own names.

>>> from harness import slopes
>>> slopes.fit_points([2.0, 2.2, 2.4], [0.8, 0.7, 0.6]).refusals[0].code
'REFUSE-LEVELS'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.slopes.arrays import fit_points
    from harness.slopes.cell import Axis, Cell, Fit, Flag, Interval, Line, Point
    from harness.slopes.fit import fit_all, fit_cell
    from harness.slopes.report import rows
    from harness.slopes.tables import fit_table

__all__ = [
    "Axis",
    "Cell",
    "Fit",
    "Flag",
    "Interval",
    "Line",
    "Point",
    "fit_all",
    "fit_cell",
    "fit_points",
    "fit_table",
    "rows",
]

_HOME = {
    **dict.fromkeys(("Axis", "Cell", "Fit", "Flag", "Interval", "Line", "Point"), "cell"),
    **dict.fromkeys(("fit_all", "fit_cell"), "fit"),
    "fit_points": "arrays",
    "fit_table": "tables",
    "rows": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'harness.slopes' has no attribute {name!r}")
    return getattr(import_module(f"harness.slopes.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
