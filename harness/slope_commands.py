"""What is done with records: slopes, predictions, boards, and the import of published tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, nearest
from harness.results import CheckpointInfo, Record, Roles, Store


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
    """Print slopes, and all else that the records say: flatness, claims, features of tasks, probes, other choices.

    As JSON the slopes alone.
    """
    from harness.render_fits import (
        claim_table,
        feature_tables,
        flatness_table,
        group_table,
        probe_table,
        sensitivity_table,
        slope_table,
    )
    from harness.slopes.claims import claim_answers
    from harness.slopes.flatness.join import answers
    from harness.slopes.groups import group_answers
    from harness.slopes.probing import probe_answers
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
    group_table(group_answers(found.records, found.checkpoints, found.roles))
    claim_table(claim_answers(found.records, found.checkpoints, found.roles))
    feature_tables(predictions(found.records, found.checkpoints, found.roles, fits, found.contexts))
    probe_table(probe_answers(found.records, found.checkpoints, found.contexts, found.roles))
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
        and upstream in (None, fit.cell.upstream.task, fit.cell.upstream.title) and metric in (None, fit.cell.downstream.metric)
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
        rows.append({"family": cell.family, "upstream": cell.upstream.title, "task": task,
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


def import_table(
    table: Path,
    source: str,
    output: Path,
    higher: tuple[str, ...],
    lower: tuple[str, ...],
    features: Path | None = None,
) -> None:
    """Import a table, with the features of its tasks where given, and write its board."""
    import yaml

    from harness.makers.family import write_text
    from harness.results.feature_table import read_features, with_features
    from harness.results.table import import_table as read

    found = read(table, source=source, higher_is_better=higher, lower_is_better=lower)
    if features is not None:
        found = with_features(found, read_features(features), f"{source}; features in {features.name}")
    tasks = {"upstream": found.roles.upstream, "downstream": found.roles.downstream, "affinity": found.roles.affinity}
    with Store.writing(output) as writer:
        if writer.store.records:
            raise HarnessError(f"{output} holds results already; import into a new folder")
        writer.add_all(found.records, found.contexts, found.checkpoints)
        suite = {
            "title": output.name, "description": f"Imported from {table.name}. Source: {source}",
            "families": {name: {"checkpoints": list(names)} for name, names in found.roles.families.items()},
            "tasks": {role: list(names) for role, names in tasks.items() if names},
        }  # fmt: skip
        write_text(output / "suite.yaml", yaml.safe_dump(suite, sort_keys=False, allow_unicode=True))
    paths = write_board(output)
    print(f"imported {len(found.records)} records of {len(found.checkpoints)} checkpoints into {output}")
    print(f"board: {next(path for path in paths if path.name == 'board.html')}")
