"""What ``harness results`` and ``harness submit`` do."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.errors import HarnessError
from harness.render import wide_console
from harness.results import Record
from harness.results.dropping import chosen
from harness.results.dropping import drop as take_out
from harness.slope_commands import read_folder


def grouped(records: Sequence[Record]) -> list[dict[str, Any]]:
    """A row for each task and version: how many checkpoints, seeds, records, failures and records of a part of the data."""
    groups: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        groups.setdefault((record.task, record.task_version), []).append(record)
    return [
        {
            "task": task, "version": version, "checkpoints": len({record.checkpoint for record in found}),
            "seeds": len({record.seed for record in found}), "records": len(found),
            "metrics": len({record.metric for record in found if record.error is None}),
            "partial": sum(record.partial is not None for record in found),
            "failed": sum(record.error is not None for record in found),
        }
        for (task, version), found in groups.items()
    ]  # fmt: skip


def list_results(folder: Path, tasks: Sequence[str], checkpoints: Sequence[str], *, as_json: bool) -> None:
    """Print what a folder holds, task by task."""
    store, _ = read_folder(folder)
    show(str(folder), grouped(chosen(store, tasks, checkpoints)), as_json=as_json)


def show(title: str, rows: Sequence[dict[str, Any]], *, as_json: bool = False) -> None:
    """Print rows as a table or as JSON."""
    if as_json:
        print(json.dumps(list(rows), allow_nan=False))
        return
    table = Table(title=title)
    for name in rows[0] if rows else ():
        table.add_column(name, justify="right" if isinstance(rows[0][name], int | float) else "left")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row.values()))
    wide_console().print(table if rows else f"{title}: nothing")


def stale(folder: Path, *, as_json: bool) -> None:
    """Print the records that an older task version or measuring code made, by task and reason."""
    from harness.stale import stale_records

    store, _ = read_folder(folder)
    counts: dict[tuple[str, str], list[Record]] = {}
    for record, reason in stale_records(folder, store):
        counts.setdefault((record.task, reason), []).append(record)
    rows = [
        {"task": task, "records": len(found), "checkpoints": len({r.checkpoint for r in found}), "because": reason}
        for (task, reason), found in counts.items()
    ]
    show(f"stale records in {folder}", rows, as_json=as_json)


def drop(folder: Path, tasks: Sequence[str], checkpoints: Sequence[str], *, only_stale: bool, yes: bool) -> None:
    """Print what would go, and take it out where that is said.

    Raises:
        HarnessError: nothing says which records.
    """
    if not (tasks or checkpoints or only_stale):
        raise HarnessError("say which records to drop: --task, --checkpoint or --stale")
    store, _ = read_folder(folder)
    found = chosen(store, tasks, checkpoints)
    if only_stale:
        from harness.stale import stale_records

        old = {(record.key, record.metric) for record, _ in stale_records(folder, store)}
        found = [record for record in found if (record.key, record.metric) in old]
    show(f"to be dropped from {folder}", grouped(found))
    if found and not yes:
        print(f"nothing was dropped: {len(found)} of {len(store.records)} records would go; say so with --yes")
    elif found:
        take_out(folder, found)
        print(f"dropped {len(found)} of {len(store.records)} records; 'harness board {folder}' writes the board anew")


def submit_check(
    folder: Path,
    checkpoints: Sequence[str],
    sample: int,
    seed: int | None,
    *,
    device: str,
    offline: bool,
    as_json: bool,
) -> bool:
    """Check the records of a folder, or of some checkpoints of it, and measure a random sample of them again; returns whether anything is wrong."""
    from harness.request import Options
    from harness.submission import draw, faults, measure_again

    store, _ = read_folder(folder)
    records = chosen(store, [], checkpoints)
    found = list(faults(store, records))
    seed = secrets.randbelow(2**31) if seed is None else seed
    drawn, away = draw(folder, store, records, sample, seed) if sample else ([], 0)
    options = Options(device=device, offline=offline)
    rows = [asdict(row) for one in drawn for row in measure_again(folder, store, one, options)]
    wrong = bool(found) or any(row["fault"] for row in rows)
    if as_json:
        print(json.dumps({"faults": found, "seed": seed, "again": rows, "not_here": away, "wrong": wrong}))
        return wrong
    for fault in found:
        print(f"fault: {fault}")
    if rows:
        show(f"{len(drawn)} measurements of {folder} made again (--seed {seed})", rows)
    if away:
        print(f"{away} measurements of made checkpoints were not drawn: the weights are not in {folder / 'families'}")
    print("this must be mended before it can be merged" if wrong else f"{len(records)} records are in order")
    return wrong
