"""The Hub's evaluation results: .eval_results/transfer-harness.yaml in the repository of each model.

An entry has dataset.id, dataset.task_id, value and dataset.revision; the form is huggingface_hub's. A task_id is the name
that the data set's own eval.yaml gives a task, which no record knows: the configuration of the data stands for it.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from harness.results.exchange.cells import Cell, cells_of, headlines
from harness.results.exchange.content import Content, Terms, Written
from harness.results.exchange.folders import folder_of

FILE = Path(".eval_results") / "transfer-harness.yaml"
LOST = (
    "standard errors, n, seeds one by one, units, whether lower is better, all metrics but each task's headline, tasks whose "
    "data is not on the Hub, a second task on the same data, and what made the numbers"
)
DEFAULT_TASK = "default"
"""The task_id of data without a configuration."""


def write(content: Content, output: Path, terms: Terms) -> Written:
    """Write a folder for each checkpoint with results on data of the Hub."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    cells = list(cells_of(content))
    first = headlines(content, cells)
    entries: dict[str, dict[tuple[str, str], Cell]] = {}
    for cell in cells:
        if cell.dataset and first[cell.task] == cell.metric:
            config = str((cell.definition.get("data") or {}).get("name") or DEFAULT_TASK)
            entries.setdefault(cell.checkpoint.identity, {}).setdefault((cell.dataset, config), cell)
    taken: dict[Path, str] = {}
    paths = []
    for identity, found in entries.items():
        path = folder_of(output, content.checkpoints[identity], taken) / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = eval_result_entries_to_yaml(
            [
                EvalResultEntry(
                    dataset_id=dataset,
                    task_id=config,
                    value=cell.value,
                    dataset_revision=cell.revision,
                    notes=notes_on(cell),
                )
                for (dataset, config), cell in found.items()
            ]
        )
        path.write_text(yaml.safe_dump(lines, sort_keys=False, allow_unicode=True), encoding="utf-8")
        paths.append(path)
    return Written(tuple(paths), sum(map(len, entries.values())), LOST)


def notes_on(cell: Cell) -> str:
    """What the value is, in words."""
    mean = f", mean of {cell.seeds} seeds" if cell.seeds > 1 else ""
    split = f" on {cell.split}" if cell.split else ""
    return f"{cell.metric} ({cell.unit}){split}, transfer-harness task {cell.task}{mean}"
