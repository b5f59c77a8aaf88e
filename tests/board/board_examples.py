"""Small leaderboards made by hand: records, checkpoints, contexts, roles and fits that belong together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from harness.results.record import CheckpointInfo, Cost, Record
from harness.results.roles import Control, Roles
from harness.slopes.cell import Axis, Cell, Fit, Flag, Interval, Line, Point

NASTY = "<img src=x onerror=alert(1)>"
LOSS = Axis("lm_loss/wiki", "nats_per_token", "nats per token", False)
ACCURACY = Axis("glue/rte", "accuracy", "fraction", True)
BOOKS = Axis("lm_loss/books", "nats_per_token", "nats per token", False)
MATTHEWS = Axis("glue/cola", "matthews_correlation", "correlation", True)

Example = tuple[list[Record], dict[str, CheckpointInfo], dict[str, dict[str, Any]], Roles, list[Fit]]


def record(checkpoint: str, axis: Axis, value: float | None, seed: int | None = None, **more: Any) -> Record:
    """A record of one measurement; its key follows from task, checkpoint and seed."""
    fields: dict[str, Any] = {
        "key": f"{axis.task}:{checkpoint}:{seed}", "metric": axis.metric, "value": value, "unit": axis.unit,
        "higher_is_better": axis.higher_is_better, "task": axis.task, "task_version": 1, "checkpoint": checkpoint,
        "signature": f"{axis.task}-signature".encode().hex().ljust(64, "0"), "context": f"context of {axis.task}",
        "stderr": 0.01, "stderr_method": "clustered by document", "n": 300, "seed": seed,
        "cost": Cost(seconds=2.5, tokens=1000),
    }  # fmt: skip
    return Record(**{**fields, **more})


def context(axis: Axis) -> dict[str, Any]:
    """The line of ``contexts.jsonl`` that ``record`` refers to."""
    parts = {"task": axis.task, "data": {"path": "org/data", "revision": "abc123"}, "protocol": {"epochs": 3}}
    return {"parts": parts, "versions": {"torch": "2.13.0"}, "device": "cpu", "threads": 2}


def points(family: str, losses: list[float], slope: float, runs: int = 2, start: float = 0.9) -> tuple[Point, ...]:
    """Checkpoints near a line of known slope through (2, ``start``), with a fixed wobble."""
    made = []
    for index, loss in enumerate(losses):
        y = start + slope * (loss - 2) + 0.01 * math.sin(5 * index)
        name = f"{family}-{index}"
        made.append(Point(name, name, f"{family}-run{index % runs}", 100 * index, loss, y, 0.01, 0.012, 2))
    return tuple(made)


def fit(cell: Cell, slope: float, half_width: float = 0.05, **more: Any) -> Fit:
    """A fit of native slope ``slope`` ± ``half_width`` through the mean of the cell's points."""
    same = cell.upstream.higher_is_better == cell.downstream.higher_is_better
    factor = 0.1 if same else -0.1
    xs, ys = [p.x for p in cell.points], [p.y for p in cell.points]
    low, high = sorted((factor * (slope - half_width), factor * (slope + half_width)))
    native = Interval(slope - half_width, slope + half_width, "HC3")
    intercept = sum(ys) / len(ys) - slope * sum(xs) / len(xs)
    line = Line(method="OLS", slope=slope, intercept=intercept, interval=native)
    fields: dict[str, Any] = {
        "cell": cell, "status": "ok", "refusals": (), "flags": (), "n_points": len(xs), "n_runs": 4,
        "n_levels": len(xs),
        "window": (min(xs), max(xs)), "slope": slope, "intercept": intercept, "transfer_slope": factor * slope,
        "interval": Interval(low, high, "HC3"), "lines": (line,), "r2": 0.97, "q2": 0.93,
        "q2_method": "leave-one-run-out", "max_leverage": 0.31, "smallest_detectable": 0.004,
        "verdict": "undecided" if low <= 0 <= high else "positive" if low > 0 else "negative",
    }  # fmt: skip
    return Fit(**{**fields, **more})


def refused(cell: Cell) -> Fit:
    """A cell with too few losses."""
    flag = Flag("REFUSE-LEVELS", "3 distinct losses where 4 are needed: add checkpoints at other losses.")
    return Fit(cell=cell, status="refused", refusals=(flag,), flags=(), n_points=len(cell.points), n_runs=1, n_levels=3)


def small() -> Example:
    """One family on one line with a nasty name, a refused family, a failure, and two controls."""
    first = points("grown", [2.0, 2.4, 2.8, 3.2, 3.6], -0.15)
    first = (replace(first[0], name=NASTY), *first[1:])
    second = points("pruned", [2.1, 2.5, 2.9], -0.1, start=0.8)
    cells = [Cell("grown", LOSS, ACCURACY, first), Cell("pruned", LOSS, ACCURACY, second)]
    fits = [fit(cells[0], -0.15, flags=(Flag("LEVERAGE", f"{NASTY} | carries the line"),)), refused(cells[1])]
    records, checkpoints = measured([*first, *second], {LOSS: 0, ACCURACY: 2})
    broken = record("grown-4", MATTHEWS, None, 1, stderr=None, error=f"diverged at step 7 | `x` </script>{NASTY}")
    controls = (Control("glue/rte", "accuracy", -0.16, "planted"), Control("glue/rte", "accuracy", -0.5, "wrong"),
                Control("glue/none", "accuracy", 1.0, "never fitted"))  # fmt: skip
    families = {"grown": tuple(p.name for p in first), "pruned": tuple(p.name for p in second)}
    roles = Roles(("lm_loss/wiki",), ("flatness/fisher",), ("glue/rte", "glue/cola"), families, controls,
                  title="Small & sound", description=f"Two families. {NASTY}")  # fmt: skip
    contexts = {f"context of {axis.task}": context(axis) for axis in (LOSS, ACCURACY)}
    return [*records, broken], checkpoints, contexts, roles, fits


def measured(all_points: list[Point], axes: dict[Axis, int]) -> tuple[list[Record], dict[str, CheckpointInfo]]:
    """Records of every point on x (no seed) and y (two seeds), and what is known of the checkpoints."""
    records, checkpoints = [], {}
    for p in all_points:
        checkpoints[p.checkpoint] = CheckpointInfo(identity=p.checkpoint, names=(p.name,), run=p.run, step=p.step)
        for axis, seeds in axes.items():
            if not seeds:
                records.append(record(p.checkpoint, axis, p.x))
            records += [record(p.checkpoint, axis, p.y + 0.01 * (-1) ** seed, seed) for seed in range(seeds)]
    return records, checkpoints


def demo() -> Example:
    """A board with every state a reader may meet: to look at, and to measure the size of its page."""
    families = {"grown": (-0.15, 0.88), "pruned": (-0.24, 0.8), "distilled": (0.02, 0.7), "tartan": (0.12, 0.75)}
    fits: list[Fit] = []
    records: list[Record] = []
    checkpoints: dict[str, CheckpointInfo] = {}
    for family, (slope, start) in families.items():
        base = points(family, [2.0 + 0.3 * i for i in range(6)], slope, 3, start)
        fits += demo_fits(family, base, slope)
        more, infos = measured(list(base), {LOSS: 0, ACCURACY: 2})
        records, checkpoints = records + more, checkpoints | infos
    records.append(record("grown-0", MATTHEWS, None, 1, stderr=None, error="diverged: loss is not finite at step 312"))
    records.append(record("grown-1", MATTHEWS, 0.41, 1, partial="limit 100"))
    records += [record(c, Axis("flatness/fisher", "fisher_trace", "nats per token", False), 312.5, stderr=9.3)
                for c in list(checkpoints)[:9]]  # fmt: skip
    controls = (Control("glue/rte", "accuracy", -0.16, "the readout is linear in the loss by construction"),)
    members = {family: tuple(f"{family}-{i}" for i in range(6)) for family in families}
    upstream, downstream = ("lm_loss/wiki", "lm_loss/books"), ("glue/rte", "glue/cola")
    roles = Roles(
        upstream,
        ("flatness/fisher",),
        downstream,
        members,
        controls,
        "Transfer on a synthetic language",
        "Four families of small models, scored on two tasks.",
    )
    contexts = {f"context of {axis.task}": context(axis) for axis in (LOSS, ACCURACY, MATTHEWS)}
    return records, checkpoints, contexts, roles, fits


def demo_fits(family: str, base: tuple[Point, ...], slope: float) -> list[Fit]:
    """Fits of one family on two upstream corpora and two tasks, in different states."""
    wiki = Cell(family, LOSS, ACCURACY, base)
    books = Cell(family, BOOKS, MATTHEWS, tuple(replace(p, x=p.x + 0.4) for p in base))
    curved = Flag("CURVED", "the quadratic term has p = 0.012: the slope is an average over the window")
    if family == "distilled":
        return [fit(wiki, slope), refused(books)]
    if family == "tartan":
        return [fit(wiki, slope, flags=(curved,)), fit(books, slope, 0.2, status="provisional")]
    flag = Flag("TRAJECTORY", "2 runs where 3 are needed: the interval holds for these runs alone")
    status: dict[str, Any] = (
        {"status": "trajectory", "flags": (flag, curved), "n_runs": 2} if family == "pruned" else {}
    )
    return [fit(wiki, slope, **status), fit(books, slope * 0.8, 0.03)]
