"""The charts of the flatness section: how a measure moves along training, which blocks and layers hold it, what noise costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.board.charts import NO_FAMILY, Axes, Bars, Chart, Curve, Curves, HeatMap, Stack, log_ticks, narrow_ends
from harness.board.flatness_metrics import ROW_NORMALISED, TRACE
from harness.board.flatness_noise import noise_charts
from harness.board.flatness_spots import Spot, chosen
from harness.board.notation import value_unit, with_error
from harness.board.panels import COLOURS, GREY, Style
from harness.board.text import slug
from harness.results.record import Record

BLOCKS = {"embedding": COLOURS[0], "attention": COLOURS[1], "mlp": COLOURS[2], "norm+bias": COLOURS[3],
          "head": COLOURS[4], "other": GREY}  # fmt: skip
SPREAD = 8.0
"""Steps that differ by more than this factor are drawn on a logarithmic axis."""


def flatness_charts(found: Sequence[Spot], tasks: Sequence[str], styles: Mapping[str, Style]) -> list[Chart]:
    """Every chart there are numbers for: courses first, then what noise costs, blocks and places."""
    charts = [
        chart for task in tasks for metric in measures(found, task) for chart in course(found, task, metric, styles)
    ]
    charts += [chart for task in tasks for chart in noise_charts(found, task, styles)]
    return charts + [chart for task in tasks for chart in (*block_charts(found, task), *place_charts(found, task))]


def measures(found: Sequence[Spot], task: str) -> list[str]:
    """What a task is followed by along training: its trace, and of the Fisher the row-normalised one."""
    names = dict.fromkeys(metric for spot in found for t, metric in spot.values if t == task)
    rows = [name for name in names if ROW_NORMALISED.fullmatch(name)]
    best = [name for name in rows if name.endswith("fisher")] or rows
    elsewhere = any(metric == "row_normalised_fisher" for spot in found for _, metric in spot.values)
    if elsewhere and "row_normalised_fisher" not in names:
        best = []
    return [name for name in names if TRACE.fullmatch(name)] + best


def course(found: Sequence[Spot], task: str, metric: str, styles: Mapping[str, Style]) -> list[Chart]:
    """One measure against the training step, or against the loss where a checkpoint has no step; a line a run."""
    there = [spot for spot in found if spot.value(task, metric) is not None]
    by_step = all(spot.step is not None for spot in there)
    there = [spot for spot in there if by_step or spot.loss is not None]
    if not there:
        return []
    by_run: dict[tuple[str, str], list[Spot]] = {}
    for spot in there:
        by_run.setdefault((spot.family, spot.run), []).append(spot)
    seen: set[str] = set()
    curves = []
    for (family, _), group in by_run.items():
        run = sorted(group, key=lambda spot: place(spot, by_step))
        label = "" if family in seen else family or "no family"
        seen.add(family)
        curves.append(run_curve(run, task, metric, by_step, styles.get(family, NO_FAMILY), label))
    against = "the training step" if by_step else "the loss"
    body = Curves(course_axes(there, task, metric, by_step), tuple(curves))
    return [Chart(slug(f"flatness--{task}.{metric}"), task, f"{metric} against {against}", body)]


def course_axes(there: Sequence[Spot], task: str, metric: str, by_step: bool) -> Axes:
    """Logarithmic steps where they are far apart, and a logarithmic measure where all of it is above zero."""
    xs, values = [place(spot, by_step) for spot in there], [value_of(spot, task, metric) for spot in there]
    unit = value_unit(record_of(there[0], task, metric).unit).replace("nats per", "nats /").replace(" of parameter", "")
    wide = by_step and min(xs) > 0 and max(xs) > SPREAD * min(xs)
    x_ends = narrow_ends(xs, near=0.01)
    y_ends = narrow_ends(values, [record_of(spot, task, metric).stderr or 0.0 for spot in there])
    return Axes(
        "training step" if by_step else f"loss ({there[0].loss_of})", f"{metric.replace('_', ' ')} ({unit})",
        log_ticks(xs) if wide else (), log_ticks(values, y_ends) if min(values) > 0 else (), x_ends, y_ends,
    )  # fmt: skip


def run_curve(run: Sequence[Spot], task: str, metric: str, by_step: bool, style: Style, label: str) -> Curve:
    """One run's values in order."""
    records = [record_of(spot, task, metric) for spot in run]
    return Curve(
        tuple(place(spot, by_step) for spot in run), tuple(value_of(spot, task, metric) for spot in run), style,
        tuple(record.stderr or 0.0 for record in records),
        tuple(hover(spot, record) for spot, record in zip(run, records, strict=True)),
        label=label, group=run[0].family,
    )  # fmt: skip


def record_of(spot: Spot, task: str, metric: str) -> Record:
    """The record of a metric that is there."""
    return spot.values[task, metric]


def value_of(spot: Spot, task: str, metric: str) -> float:
    """Its value."""
    return float(record_of(spot, task, metric).value or 0.0)


def place(spot: Spot, by_step: bool) -> float:
    """Where a checkpoint stands on x."""
    return float((spot.step if by_step else spot.loss) or 0.0)


def hover(spot: Spot, record: Record) -> tuple[str, ...]:
    """Checkpoint, run and step, the value with its error, and the loss beside it."""
    step = "" if spot.step is None else f" · step {spot.step}"
    loss = "" if spot.loss is None else f"loss {spot.loss:.3f} {spot.loss_of}"
    value = f"{record.metric} {with_error(float(record.value or 0.0), record.stderr)} {value_unit(record.unit)}"
    return tuple(line for line in (spot.name, f"{spot.family} · run {spot.run}{step}", value, loss) if line)


def block_charts(found: Sequence[Spot], task: str) -> list[Chart]:
    """Shares of the blocks, stacked: along training for each family with steps, the other checkpoints side by side."""
    there = [spot for spot in found if shares_of(spot, task)]
    along: dict[str, list[Spot]] = {}
    for spot in there:
        along.setdefault(spot.family, []).append(spot)
    moving = {
        family: group for family, group in along.items()
        if all(spot.step is not None for spot in group) and len({spot.step for spot in group}) > 1
    }  # fmt: skip
    charts = []
    for family, group in moving.items():
        steps = sorted({spot.step or 0 for spot in group})
        bars = [(str(step), [spot for spot in group if (spot.step or 0) == step]) for step in steps]
        charts.append(stacked(task, family or "no family", bars, "training step"))
    still = [spot for spot in there if spot.family not in moving]
    if still:
        alone = {family for family, group in along.items() if len(group) == 1}
        bars = [(short_name(spot, alone), [spot]) for spot in still]
        charts.append(stacked(task, "checkpoints" if len(still) > 1 else bars[0][0], bars, "checkpoint"))
    return charts


def short_name(spot: Spot, alone: set[str]) -> str:
    """A checkpoint's family where it is the only one there, else its family and the end of its name."""
    if spot.family and spot.family in alone:
        return spot.family
    return f"{spot.family} {spot.name.rsplit('/', 1)[-1]}".strip()


def shares_of(spot: Spot, task: str) -> Mapping[str, float]:
    """Share by block."""
    record = spot.trace(task)
    return ((record.details or {}).get("by_block") or {}) if record else {}


def stacked(task: str, whose: str, bars: Sequence[tuple[str, Sequence[Spot]]], x: str) -> Chart:
    """Stacked bars; each is of its checkpoints together."""
    names = [name for name in BLOCKS if any(name in shares_of(spot, task) for _, group in bars for spot in group)]
    names += sorted({name for _, group in bars for spot in group for name in shares_of(spot, task)} - set(BLOCKS))
    stacks = []
    for name in names:
        means = [pooled_share(group, task, name) for _, group in bars]
        colour = BLOCKS.get(name, GREY)
        stacks.append(Stack(name, colour, tuple(m for m, _ in means), tuple(e for _, e in means)))
    metric = trace_words(bars[0][1][0], task)
    several = any(len(group) > 1 for _, group in bars)
    body = Bars(Axes(x, f"share of the {metric} (%)"), tuple(label for label, _ in bars), tuple(stacks))
    rest = f"blocks of {whose}" + (", all runs together" if several else "")
    return Chart(slug(f"flatness--{task}.blocks--{whose}"), task, rest, body)


def trace_words(spot: Spot, task: str) -> str:
    """The name of a task's trace: 'fisher trace'."""
    record = spot.trace(task)
    return record.metric.replace("_", " ") if record else "trace"


def pooled_share(group: Sequence[Spot], task: str, name: str) -> tuple[float, float | None]:
    """A block's part of the summed trace of some checkpoints, in percent, with its standard error.

    With traces t and shares s it is R = sum(t s) / sum(t), which a run whose trace is near zero does not upset as it
    would a mean of shares; the error is that of a ratio over runs, and of one checkpoint its own.
    """
    records = [record for spot in group if (record := spot.trace(task)) is not None]
    details = [record.details or {} for record in records]
    shares = [float((found.get("by_block") or {}).get(name, 0.0)) for found in details]
    if len(shares) == 1:
        own = (details[0].get("by_block_stderr") or {}).get(name)
        return 100 * shares[0], None if own is None else 100 * float(own)
    traces = [float(record.value or 0.0) for record in records]
    parts = [trace * share for trace, share in zip(traces, shares, strict=True)]
    total = sum(traces)
    share = sum(parts) / total if total else math.nan
    left = sum((part - share * trace) ** 2 for part, trace in zip(parts, traces, strict=True))
    runs = len(parts)
    error = math.sqrt(left / (runs * (runs - 1))) / abs(total / runs) if total else None
    return 100 * share, None if error is None else 100 * error


def place_charts(found: Sequence[Spot], task: str) -> list[Chart]:
    """Share of the trace by layer and block, of the checkpoint that stands for each family."""
    charts = []
    for spot in chosen([spot for spot in found if places_of(spot, task)]):
        places = places_of(spot, task)
        columns = [name for name in BLOCKS if any(name in row for row in places.values())]
        columns += sorted({name for row in places.values() for name in row} - set(BLOCKS))
        shares = tuple(
            tuple(None if name not in row else 100 * float(row[name]) for name in columns) for row in places.values()
        )
        at = "" if spot.step is None else f", step {spot.step}"
        loss = "" if spot.loss is None else f", loss {spot.loss:.3f}"
        charts.append(Chart(
            slug(f"flatness--{task}.places--{spot.kin}"), task,
            f"layers of {spot.family or spot.name}{at}{loss}",
            HeatMap(f"share of the {trace_words(spot, task)} (%)", tuple(places), tuple(columns), shares),
        ))  # fmt: skip
    return charts


def places_of(spot: Spot, task: str) -> Mapping[str, Mapping[str, float]]:
    """Share by layer and block; empty in records that are older than it."""
    record = spot.trace(task)
    return ((record.details or {}).get("by_place") or {}) if record else {}
