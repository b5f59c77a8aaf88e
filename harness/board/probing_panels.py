"""The charts of probes: the metric by layer, a line a checkpoint, in the colour of its family."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.board.charts import NO_FAMILY, Axes, Chart, Curve, Curves, narrow_ends
from harness.board.notation import number, scale_of, value_unit, with_error
from harness.board.panels import GREY, Style
from harness.board.probing_layers import LayerValues, ProbedTask
from harness.board.text import plain, slug

LINES = 12
"""Most lines of a panel."""
FAMILIES = 4
"""Most families of a panel, so that each has a few lines."""
PALEST = 0.35
"""Opacity of the line of the highest loss."""
NO_NAME = "no family"
TICKS = 12
"""Most layers that are numbered at the axis."""


def probing_charts(probed: Sequence[ProbedTask], styles: Mapping[str, Style]) -> list[Chart]:
    """A panel for each probe that read several layers and each four of its families."""
    charts = []
    for probe in probed:
        groups = list(by_family(probe.found).items()) if probe.deep else []
        for start in range(0, len(groups), FAMILIES):
            place = 1 + start // FAMILIES if len(groups) > FAMILIES else 0
            charts.append(panel(probe, dict(groups[start : start + FAMILIES]), styles, place))
    return charts


def by_family(found: Sequence[LayerValues]) -> dict[str, list[LayerValues]]:
    """Checkpoints under the family that lists them; empty: none does."""
    groups: dict[str, list[LayerValues]] = {}
    for one in found:
        groups.setdefault(one.spot.family, []).append(one)
    return groups


def panel(
    probe: ProbedTask, families: Mapping[str, Sequence[LayerValues]], styles: Mapping[str, Style], place: int
) -> Chart:  # fmt: skip
    """One picture; ``place`` counts those of one probe, 0 where there is one."""
    room = shares([len(group) for group in families.values()], LINES)
    drawn = {family: spread(group, lines) for (family, group), lines in zip(families.items(), room, strict=True)}
    curves = [
        curve for family, kept in drawn.items()
        for curve in family_curves(probe, family, kept, len(families[family]), styles.get(family, NO_FAMILY))
    ]  # fmt: skip
    axes = axes_of(probe, curves)
    if probe.chance is not None:
        last = max(layer for curve in curves for layer in curve.x)
        level = scale_of(probe.unit) * probe.chance
        curves.append(
            Curve((0.0, last), (level, level), Style(GREY, "", ""), dash="dash", label="chance", points=False)
        )
    rest = f"{probe.metric.replace('_', ' ')} by layer, ringed where the score is taken"
    name = slug(f"probe--{probe.task}.{probe.metric}" + (f"--{place}" if place else ""))
    return Chart(
        name, probe.task, rest + (f" ({place})" if place else ""), Curves(axes, tuple(curves)), note(families, drawn)
    )


def shares(counts: Sequence[int], most: int) -> list[int]:
    """How many of each are drawn: dealt one at a time until all are, or ``most``.

    >>> shares([20, 2, 1], 12), shares([3], 12)
    ([9, 2, 1], [3])
    """
    dealt = [0] * len(counts)
    while sum(dealt) < min(most, sum(counts)):
        for place, count in enumerate(counts):
            if dealt[place] < count and sum(dealt) < most:
                dealt[place] += 1
    return dealt


def spread(group: Sequence[LayerValues], lines: int) -> list[LayerValues]:
    """So many checkpoints, evenly over the upstream loss; over the order of training where a loss is unknown."""
    ordered = highest_first(group)
    if len(ordered) <= lines:
        return ordered
    places = [-loss_of(one) for one in ordered] if has_losses(group) else [float(i) for i in range(len(ordered))]
    step = (places[-1] - places[0]) / max(lines - 1, 1)
    left, kept = set(range(len(ordered))), list[LayerValues]()
    for number_drawn in range(lines):  # from the lowest loss, which is kept where one line is drawn
        wanted = places[-1] - step * number_drawn
        nearest = min(left, key=lambda place: (abs(places[place] - wanted), -place))
        left.discard(nearest)
        kept.append(ordered[nearest])
    return highest_first(kept[::-1])


def highest_first(group: Sequence[LayerValues]) -> list[LayerValues]:
    """The highest loss first; as they are where one is unknown."""
    return sorted(group, key=lambda one: -loss_of(one)) if has_losses(group) else list(group)


def has_losses(group: Sequence[LayerValues]) -> bool:
    """Whether the upstream loss of all is known."""
    return all(one.spot.loss is not None and math.isfinite(one.spot.loss) for one in group)


def loss_of(one: LayerValues) -> float:
    """The upstream loss that is there."""
    return float(one.spot.loss or 0.0)


def family_curves(
    probe: ProbedTask, family: str, kept: Sequence[LayerValues], count: int, style: Style
) -> list[Curve]:  # fmt: skip
    """The lines of a family, the palest of the highest loss; the last one has its entry in the legend."""
    graded = has_losses(kept) and len(kept) > 1
    curves = []
    for place, one in enumerate(kept):
        opacity = PALEST + (1 - PALEST) * place / (len(kept) - 1) if graded else 1.0
        label = legend(family, kept, count) if place == len(kept) - 1 else ""
        curves.append(line(probe, one, style, label, opacity))
    return curves


def legend(family: str, kept: Sequence[LayerValues], count: int) -> str:
    """'grown: 9 of 20, loss 3.6 (pale) to 2'."""
    parts = [f"{len(kept)} of {count}"] if len(kept) < count else []
    if has_losses(kept):
        ends = [number(loss_of(one), 3) for one in (kept[0], kept[-1])]
        parts.append(f"loss {ends[0]} (pale) to {ends[1]}" if len(kept) > 1 else f"loss {ends[1]}")
    return plain(family or NO_NAME, 24) + (f": {', '.join(parts)}" if parts else "")


def line(probe: ProbedTask, one: LayerValues, style: Style, label: str, opacity: float) -> Curve:
    """One checkpoint's values by layer."""
    scale = scale_of(probe.unit)
    errors = tuple(scale * (mean.stderr or 0.0) for mean in one.values.values())
    return Curve(
        tuple(map(float, one.values)), tuple(scale * mean.value for mean in one.values.values()), style,
        errors if any(errors) else (), tuple(hover(probe, one, layer) for layer in one.values), label=label,
        group=one.spot.kin, opacity=opacity, ringed=tuple(i for i, layer in enumerate(one.values) if layer in one.taken),
    )  # fmt: skip


def hover(probe: ProbedTask, one: LayerValues, layer: int) -> tuple[str, ...]:
    """Checkpoint, family, run and step, the value of a layer, and the loss."""
    spot, mean = one.spot, one.values[layer]
    step = "" if spot.step is None else f" · step {spot.step}"
    loss = "" if spot.loss is None else f"loss {spot.loss:.3f} {spot.loss_of}"
    seeds = f" ({mean.seeds} seeds)" if mean.seeds > 1 else ""
    value = (
        f"{probe.metric} {with_error(mean.value, mean.stderr, scale_of(probe.unit))} {value_unit(probe.unit)}{seeds}"
    )
    where = f"layer {layer}" + (", where the score is taken" if layer in one.taken else "")
    return tuple(part for part in (spot.name, f"{spot.family} · run {spot.run}{step}", where, value, loss) if part)


def axes_of(probe: ProbedTask, curves: Sequence[Curve]) -> Axes:
    """Whole layers on x; on y ends of its own where all values are nearly one."""
    last = max(layer for curve in curves for layer in curve.x)
    values = [value for curve in curves for value in curve.y]
    values += [] if probe.chance is None else [scale_of(probe.unit) * probe.chance]
    errors = [error for curve in curves for error in curve.errors]
    y = f"{probe.metric.replace('_', ' ')} ({value_unit(probe.unit)})"
    return Axes("layer (0: embeddings)", y, y_ends=narrow_ends(values, errors), x_step=max(1, math.ceil(last / TICKS)))


def note(families: Mapping[str, Sequence[LayerValues]], drawn: Mapping[str, Sequence[LayerValues]]) -> str:
    """Which checkpoints are drawn, where not all are."""
    cut = [family for family, group in families.items() if len(drawn[family]) < len(group)]
    known = all(has_losses(families[family]) for family in cut)
    how = "upstream loss" if known else "upstream loss, or over training where a loss is not known"
    said = [f"{len(drawn[name])} of the {len(families[name])} checkpoints of {name or NO_NAME}" for name in cut]
    return f"Drawn are {'; '.join(said)}, spread evenly by {how}." if cut else ""
