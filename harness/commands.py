"""What the commands that measure do: each calls the library and prints its answer; ``slope_commands.py`` is the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, nearest
from harness.results import Record, Store, differences
from harness.slope_commands import write_board


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
    from harness.checkpoints import expand
    from harness.machine import check_device
    from harness.request import Options, from_arguments, from_suite
    from harness.specs.shipped import SUITE, suite_path

    check_device(how["device"], how["dtype"])
    permitted = [
        frozenset(one for name in names for one in expand(name)) for names in (allow_pickle, trust_remote_code)
    ]
    options = Options(allow_pickle=permitted[0], trust_remote_code=permitted[1], **how)
    if suite is None:
        request = from_arguments(checkpoints, tasks, tuple(range(1, seeds + 1)), text=text, column=column)
        return Wanted(request, output or Path("results"), options)
    if checkpoints or tasks:
        raise HarnessError(f"give either the suite {suite} or --checkpoint and --task, not both")
    if str(suite).startswith(SUITE):
        path = suite_path(str(suite))
        return Wanted(from_suite(path), output or Path("results") / path.stem, options)
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
