"""What the commands do: each calls the library and prints its answer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, nearest
from harness.results import CheckpointInfo, Record, Roles, Store, differences


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, where its results go, and how to measure."""

    request: Any
    output: Path
    options: Any


def prepare(
    suite: Path | None, checkpoints: Sequence[str], tasks: Sequence[str], seeds: int, output: Path | None, *,
    allow_pickle: Sequence[str], trust_remote_code: Sequence[str], text: Sequence[Path], column: str | None, **how: Any,
) -> Wanted:  # fmt: skip
    """Read the command line of ``run`` and ``plan``.

    Raises:
        HarnessError: a suite and checkpoints were given together, or something named does not exist.
    """
    from harness.machine import check_device
    from harness.request import Options, from_arguments, from_suite

    check_device(how["device"], how["dtype"])
    options = Options(allow_pickle=frozenset(allow_pickle), trust_remote_code=frozenset(trust_remote_code), **how)
    if suite is None:
        request = from_arguments(checkpoints, tasks, tuple(range(1, seeds + 1)), text=text, column=column)
        return Wanted(request, output or Path("results"), options)
    if checkpoints or tasks:
        raise HarnessError(f"give either the suite {suite} or --checkpoint and --task, not both")
    request = from_suite(suite)
    return Wanted(request, output or request.folder, options)


def run(wanted: Wanted, *, board: bool, as_json: bool) -> bool:
    """Measure; returns whether anything failed."""
    from transformers.utils import logging

    from harness import evaluator
    from harness.machine import keep_freed_memory, set_threads

    logging.set_verbosity_error()
    keep_freed_memory()
    set_threads()
    began = time.perf_counter()
    outcome = evaluator.run(wanted.request, wanted.output, wanted.options)
    summary = {
        "measured": outcome.measured, "already": outcome.already, "failed": len(outcome.failed),
        "seconds": round(time.perf_counter() - began, 1), "output": str(wanted.output),
    }  # fmt: skip
    page = next((path for path in write_board(wanted.output) if path.name == "board.html"), None) if board else None
    if as_json:
        errors = [{"task": r.task, "checkpoint": r.checkpoint, "error": r.error} for r in outcome.failed]
        print(json.dumps({**summary, "errors": errors, "board": str(page) if page else None}))
    else:
        print(f"measured {summary['measured']}, already there {summary['already']}, failed {summary['failed']}, "
              f"in {summary['seconds']} s; records in {wanted.output}")  # fmt: skip
        if page:
            print(f"board: {page}")
    return bool(outcome.failed)


def plan(wanted: Wanted, *, as_json: bool) -> None:
    """Print the plan."""
    from harness import plan as planning
    from harness.estimate import estimate
    from harness.render import plan_table

    store = Store(wanted.output)
    planned = planning.plan(wanted.request, wanted.options, wanted.output, store)
    estimates = estimate(wanted.request, wanted.options, wanted.output, store, planned)
    if as_json:
        rows = [
            {"family": p.family, "checkpoint": p.name, "task": p.task.name, "seed": p.seed, "state": p.state, "key": p.key,
             "reason": p.reason, "tokens": e.tokens, "seconds": e.seconds}
            for p, e in zip(planned, estimates.cells, strict=True)
        ]  # fmt: skip
        print(json.dumps({"cells": rows, "make_seconds": estimates.make_seconds}))
    else:
        plan_table(planned, estimates)


def fits_of(
    records: Sequence[Record], checkpoints: dict[str, CheckpointInfo], roles: Roles, folder: Path | None = None
) -> list[Any]:
    """The slopes of a set of records; of a folder's, with what the choice of test examples does to them."""
    from harness.slopes.example_errors import with_example_errors
    from harness.slopes.fit import fit_all
    from harness.slopes.join import join

    cells = join(records, checkpoints, roles)
    return fit_all(with_example_errors(cells, records, folder) if folder else cells)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a results folder or a table holds: all that slopes are made of."""

    records: Sequence[Record]
    checkpoints: dict[str, CheckpointInfo]
    contexts: dict[str, dict[str, Any]]
    roles: Roles


def measured_in(source: Path, higher: tuple[str, ...], lower: tuple[str, ...]) -> Measured:
    """Records and roles of a results folder or of a long table.

    Raises:
        HarnessError: there is no such source.
    """
    if source.is_dir():
        store, roles = read_folder(source, Store.of_rows)
        return Measured(store.records, store.checkpoints, store.contexts, roles)
    if source.is_file():
        from harness.results.table import import_table as read

        found = read(source, source=str(source), higher_is_better=higher, lower_is_better=lower)
        contexts = {context["context"]: dict(context) for context in found.contexts}
        return Measured(found.records, {info.identity: info for info in found.checkpoints}, contexts, found.roles)
    raise HarnessError(f"no folder and no file {source}; give a results folder or a table")


def fits_in(source: Path, measured: Measured) -> list[Any]:
    """The slopes of what was measured.

    Raises:
        HarnessError: there is nothing to fit.
    """
    folder = source if source.is_dir() else None
    fits = fits_of(measured.records, measured.checkpoints, measured.roles, folder)
    if not fits:
        raise HarnessError(
            f"{source}: no slope to fit: it takes an upstream task and a downstream task on one family of checkpoints"
        )
    return fits


def fit(source: Path, *, as_json: bool, higher: tuple[str, ...], lower: tuple[str, ...]) -> None:
    """Print slopes, what flatness adds to the loss, what predicts slopes, and what holds under other choices.

    As JSON the slopes alone.
    """
    from harness.render_fits import feature_tables, flatness_table, sensitivity_table, slope_table
    from harness.slopes.flatness.join import answers
    from harness.slopes.report import rows
    from harness.slopes.sensitivity.board import sensitivities
    from harness.slopes.slope_features import predictions

    found = measured_in(source, higher, lower)
    fits = fits_in(source, found)
    if as_json:
        print(json.dumps(rows(fits), allow_nan=False))
        return
    slope_table(fits)
    flatness_table(answers(found.records, found.checkpoints, found.roles, fits))
    feature_tables(predictions(found.records, found.checkpoints, found.roles, fits))
    sensitivity_table(sensitivities(found.records, found.checkpoints, found.contexts, found.roles, fits))


def explain_code(code: str, *, as_json: bool) -> None:
    """Print what a flag or a refusal means and what to do about it."""
    from harness.slopes.codes import explained

    found = explained(code)
    print(json.dumps(dict(found)) if as_json else "\n".join(f"{name}: {text}" for name, text in found))


def predict(
    source: Path, task: str, *, loss: float | None, reach: float | None, family: str | None, upstream: str | None,
    metric: str | None, as_json: bool, higher: tuple[str, ...], lower: tuple[str, ...],
) -> None:  # fmt: skip
    """Print what a checkpoint of a loss would score, or the loss that a score takes.

    Raises:
        HarnessError: both or neither were asked, or no cell is called so.
    """
    from dataclasses import asdict

    from harness.slopes.prediction import needed
    from harness.slopes.prediction import predict as predicted

    if (loss is None) == (reach is None):
        raise HarnessError("give either --loss (what would it score?) or --reach (what loss would it take?)")
    fits = fits_in(source, measured_in(source, higher, lower))
    tasks = {fit.cell.downstream.task for fit in fits}
    if task not in tasks:
        raise HarnessError(f"no slope of {task!r} in {source}; {nearest(task, tasks)}")
    found = [
        fit for fit in fits
        if fit.cell.downstream.task == task and family in (None, fit.cell.family)
        and upstream in (None, fit.cell.upstream.task) and metric in (None, fit.cell.downstream.metric)
    ]  # fmt: skip
    if not found:
        raise HarnessError(
            f"no slope of {task} fits --family, --upstream and --metric; 'harness fit {source}' lists them"
        )
    if metric is None:
        found = [fit for fit in found if fit.cell.downstream.metric == found[0].cell.downstream.metric]
    usable = [fit for fit in found if fit.status != "refused"]
    rows = []
    for fit in usable or found:
        answer = predicted(fit, loss) if loss is not None else needed(fit, float(reach or 0.0))
        cell = fit.cell
        rows.append({"family": cell.family, "upstream": cell.upstream.task, "task": task,
                     "metric": cell.downstream.metric, "model": fit.model, "status": fit.status, **asdict(answer)})  # fmt: skip
    if as_json:
        print(json.dumps(rows, allow_nan=False))
        return
    from harness.render import needed_text, prediction_text

    for fit, row in zip(usable or found, rows, strict=True):
        print(prediction_text(fit, row) if loss is not None else needed_text(fit, row))


def read_folder(folder: Path, read: Callable[[Path], Store] = Store) -> tuple[Store, Roles]:
    """Records and roles of a results folder; ``Store.of_rows`` reads no more of them than slopes need.

    Raises:
        HarnessError: there are no records.
    """
    from harness.request import roles_of

    if not (folder / "results.jsonl").is_file():
        raise HarnessError(f"{folder} holds no results.jsonl; measure first with 'harness run'")
    return read(folder), roles_of(folder)


def write_board(folder: Path) -> list[Path]:
    """Write the board of a folder; returns the files."""
    from harness.board.build import build

    store, roles = read_folder(folder)
    fits = fits_of(store.records, store.checkpoints, roles, folder)
    return build(folder, store.records, store.checkpoints, store.contexts, roles, fits)


def import_table(table: Path, source: str, output: Path, higher: tuple[str, ...], lower: tuple[str, ...]) -> None:
    """Import a table and write its board."""
    import yaml

    from harness.makers.family import write_text
    from harness.results.table import import_table as read

    found = read(table, source=source, higher_is_better=higher, lower_is_better=lower)
    with Store.writing(output) as writer:
        if writer.store.records:
            raise HarnessError(f"{output} holds results already; import into a new folder")
        writer.add_all(found.records, found.contexts, found.checkpoints)
        suite = {
            "title": output.name, "description": f"Imported from {table.name}. Source: {source}",
            "families": {name: {"checkpoints": list(names)} for name, names in found.roles.families.items()},
            "tasks": {"upstream": list(found.roles.upstream), "downstream": list(found.roles.downstream)},
        }  # fmt: skip
        write_text(output / "suite.yaml", yaml.safe_dump(suite, sort_keys=False, allow_unicode=True))
    paths = write_board(output)
    print(f"imported {len(found.records)} records of {len(found.checkpoints)} checkpoints into {output}")
    print(f"board: {next(path for path in paths if path.name == 'board.html')}")


def explain(key_a: str, key_b: str, folders: Sequence[Path], *, as_json: bool) -> None:
    """Print in which parts two signatures differ."""
    stores = [Store(folder) for folder in folders]
    found = [find_record(key, stores, folders) for key in (key_a, key_b)]
    parts = [store.contexts.get(record.context, {}).get("parts", {}) for record, store in found]
    rows = [{"part": part, "a": a, "b": b} for part, a, b in differences(parts[0], parts[1])]
    if as_json:
        print(json.dumps(rows))
        return
    for record, _ in found:
        print(f"{record.key[:16]}  {record.task}  checkpoint {record.checkpoint[:20]}  seed {record.seed}")
    print("the signatures are equal: the two may be compared" if not rows else "the signatures differ in:")
    for row in rows:
        print(f"  {row['part']}: {row['a']!r} / {row['b']!r}")


def find_record(key: str, stores: Sequence[Store], folders: Sequence[Path]) -> tuple[Record, Store]:
    """The record whose key begins so.

    Raises:
        HarnessError: none does, or several keys do.
    """
    hits = {record.key: (record, store) for store in stores for record in store.records if record.key.startswith(key)}
    if len(hits) == 1:
        return next(iter(hits.values()))
    where = ", ".join(map(str, folders))
    if hits:
        raise HarnessError(f"{len(hits)} keys in {where} begin with {key!r}; give more of it")
    raise HarnessError(
        f"no key in {where} begins with {key!r}; {nearest(key, {r.key for s in stores for r in s.records})}"
    )


def make_family(maker: str, recipe: Path, output: Path, *, device: str, offline: bool) -> list[str]:
    """Run a maker on a recipe file."""
    from harness.machine import check_device, keep_freed_memory, set_threads
    from harness.makers.registry import make
    from harness.specs import Source, check, read_yaml
    from harness.specs.makers import MAKERS

    check_device(device, "float32")
    keep_freed_memory()
    set_threads()
    source = read_yaml(recipe)
    if isinstance(source.value, dict):
        source = Source(source.path, {"maker": maker, **source.value}, source.places)
    members = make(check(MAKERS[maker], source), output, spec_folder=recipe.parent, device=device, offline=offline)
    print(f"{len(members)} checkpoints", file=sys.stderr)
    return members
