"""How far the loss rises with the distance from the weights: as measured, and as the row-normalised trace predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.board.charts import NO_FAMILY, Axes, Chart, Curve, Curves, Dash, log_ticks, narrow_ends
from harness.board.flatness_spots import Spot, chosen
from harness.board.notation import with_error
from harness.board.panels import GREY, Style
from harness.board.text import slug
from harness.results.record import Record

SORTS: dict[str, tuple[str, Dash]] = {
    "noise": ("noise, measured", "solid"), "ascent": ("worst direction found, measured", "dot"),
}  # fmt: skip
PREDICTED: dict[str, Dash] = {"row_normalised_fisher": "dash", "row_normalised_hessian": "dashdot"}


def noise_charts(found: Sequence[Spot], task: str, styles: Mapping[str, Style]) -> list[Chart]:
    """One chart of a task that measured rises: the checkpoint that stands for each family, log-log."""
    there = chosen([spot for spot in found if any(spot.rises(task, sort) for sort in SORTS)])
    curves: list[Curve] = []
    hidden = 0
    kinds: dict[str, Dash] = {}
    for spot in there:
        style = styles.get(spot.family, NO_FAMILY)
        for sort, (words, dash) in SORTS.items():
            rises = spot.rises(task, sort)
            above = [(distance, record) for distance, record in rises if float(record.value or 0.0) > 0]
            hidden += len(rises) - len(above)
            if above:
                label = "" if any(curve.group == spot.kin and curve.label for curve in curves) else label_of(spot)
                curves.append(rise_curve(spot, above, style, dash, label))
                kinds[words] = dash
        for metric, value in predictions(spot):
            distances = [distance for distance, _ in spot.rises(task, "noise")]
            if distances:
                curves.insert(0, parabola(spot, value, min(distances), max(distances), style, PREDICTED[metric]))
                kinds[f"ρ² S/2 of {metric.replace('_', ' ')}"] = PREDICTED[metric]
    if not curves:
        return []
    key = [Curve((), (), Style(GREY, "", ""), dash=dash, label=words, points=False) for words, dash in kinds.items()]
    xs, ys = [x for curve in curves for x in curve.x], [y for curve in curves for y in curve.y]
    x_ends, y_ends = narrow_ends(xs), narrow_ends(ys, [error for curve in curves for error in curve.errors])
    axes = Axes(
        "relative size ρ of the noise, or radius", "rise of the loss (nats per token)",
        log_ticks(xs, x_ends), log_ticks(ys, y_ends), x_ends, y_ends,
    )  # fmt: skip
    note = f"{hidden} rises at or below zero have no place on a logarithmic axis." if hidden else ""
    return [
        Chart(
            slug(f"flatness--{task}.rises"),
            task,
            "rise of the loss against the distance",
            Curves(axes, (*curves, *key)),
            note,
        )
    ]


def label_of(spot: Spot) -> str:
    """The family, and which checkpoint stands for it."""
    at = "" if spot.step is None else f", step {spot.step}"
    loss = "" if spot.loss is None else f", loss {spot.loss:.2f}"
    return f"{spot.family or spot.name}{at}{loss}"


def rise_curve(spot: Spot, rises: Sequence[tuple[float, Record]], style: Style, dash: Dash, label: str) -> Curve:
    """What was measured."""
    return Curve(
        tuple(distance for distance, _ in rises), tuple(float(record.value or 0.0) for _, record in rises), style,
        tuple(record.stderr or 0.0 for _, record in rises),
        tuple(
            (spot.name, f"{record.metric} {with_error(float(record.value or 0.0), record.stderr)} {record.unit}")
            for _, record in rises
        ),
        dash=dash, label=label, group=spot.kin,
    )  # fmt: skip


def predictions(spot: Spot) -> list[tuple[str, float]]:
    """Row-normalised traces above zero, the first of each metric."""
    found: dict[str, float] = {}
    for (_, metric), record in spot.values.items():
        if metric in PREDICTED and float(record.value or 0.0) > 0:
            found.setdefault(metric, float(record.value or 0.0))
    return sorted(found.items())


def parabola(spot: Spot, value: float, start: float, end: float, style: Style, dash: Dash) -> Curve:
    """``rho^2 S_row / 2``, straight on logarithmic axes."""
    xs = (start, end)
    return Curve(xs, tuple(x * x * value / 2 for x in xs), style, dash=dash, group=spot.kin, points=False, faint=True)
