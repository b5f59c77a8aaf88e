"""What the slope tests share: published tables with their reference fits, and records made by hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from harness.results.record import CheckpointInfo, Record
from harness.results.signature import key_of
from harness.results.table import Imported, import_table
from harness.slopes.cell import Cell, Fit
from harness.slopes.fit import fit_cell
from harness.slopes.join import join

GOLDS = Path(__file__).parents[1] / "golds"

PLACES = {
    "G1": ("gadre_average", "c4_original", "avg46"),
    "G2": ("gadre_average", "rpj", "avg46"),
    "G5": ("ladder_three_tasks", "olmo-ladder", "hellaswag_val"),
    "G6": ("ladder_three_tasks", "olmo-ladder", "arc_easy_test"),
    "G8": ("ladder_three_tasks", "olmo-ladder", "wikitext_103"),
    "G12": ("pruned_bert_figure", "information_deletion_fig1", "MNLI"),
    "G13": ("pruned_bert_figure", "information_deletion_fig1", "CoLA"),
    "G12_table": ("pruned_bert_table", "information_deletion", "MNLI"),
    "G13_table": ("pruned_bert_table", "information_deletion", "CoLA"),
    "kaplan_books_linear": ("kaplan", "kaplan2020_fig8", "books"),
    "kaplan_wikipedia_linear": ("kaplan", "kaplan2020_fig8", "wikipedia"),
}


@cache
def reference(name: str) -> dict[str, Any]:
    """One fit by statsmodels and scipy."""
    return json.loads((GOLDS / "reference_fits.json").read_text())["golds"][name]


@cache
def published(table: str) -> Imported:
    """A published table, imported."""
    unnamed = ("x", "y") if table == "york_pearson" else ()
    return import_table(GOLDS / f"{table}.csv", source="published", higher_is_better=unnamed)


def cells_of(table: Imported) -> list[Cell]:
    """Every line of a table."""
    return join(table.records, {info.identity: info for info in table.checkpoints}, table.roles)


@cache
def gold_fit(name: str) -> Fit:
    """The harness's own fit of a reference."""
    table, family, task = PLACES[name]
    metric = {"pruned_bert_table": "accuracy", "ladder_three_tasks": "acc_norm"}.get(table)
    found = [
        cell
        for cell in cells_of(published(table))
        if cell.family == family
        and cell.downstream.task == task
        and cell.downstream.metric in (metric, "ce", "error", "accuracy")
    ]
    assert len(found) == 1
    return fit_cell(found[0])


def info(identity: str, **known: Any) -> CheckpointInfo:
    """A checkpoint that is a run of its own and goes by its identity."""
    return CheckpointInfo(**{"identity": identity, "names": (identity,), "run": identity, **known})


def record(checkpoint: str, task: str, value: float | None, **known: Any) -> Record:
    """A record of a loss for task "loss", else of an accuracy."""
    loss = task == "loss"
    plain = {
        "metric": "nats_per_token" if loss else "accuracy",
        "unit": "nats per token" if loss else "fraction",
        "higher_is_better": not loss,
        "signature": f"signature of {task}",
        "seed": None,
        "task_version": 1,
    }
    fields = {**plain, **known}
    fields.setdefault("key", key_of(fields["signature"], checkpoint, fields["seed"]))
    return Record(task=task, value=value, checkpoint=checkpoint, context="context", **fields)
