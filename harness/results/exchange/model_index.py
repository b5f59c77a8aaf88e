"""Metadata of a model card, ``model-index``: a file of YAML for each checkpoint, to stand at the head of its README.md."""

from __future__ import annotations

from pathlib import Path

import yaml

from harness.results.exchange.cells import Cell, cells_of
from harness.results.exchange.content import Content, Terms, Written
from harness.results.exchange.folders import folder_of

FILE = "model-index.yaml"
LOST = (
    "standard errors, n, seeds one by one, units, whether lower is better, tasks whose data is not on the Hub, and what made "
    "the numbers"
)
TASK_TYPES = {"translation": "translation", "masked": "fill-mask", "causal": "text-generation"}
CLASSIFIED = ("finetune", "probe")


def write(content: Content, output: Path, terms: Terms) -> Written:
    """Write a folder for each checkpoint with results on data of the Hub."""
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    by_checkpoint: dict[str, list[Cell]] = {}
    for cell in cells_of(content):
        if cell.dataset:
            by_checkpoint.setdefault(cell.checkpoint.identity, []).append(cell)
    taken: dict[Path, str] = {}
    paths = []
    for cells in by_checkpoint.values():
        info = cells[0].checkpoint
        path = folder_of(output, info, taken) / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        results = [
            EvalResult(
                task_type=task_type(cell), task_name=cell.task, dataset_type=str(cell.dataset),
                dataset_name=cell.definition["data"].get("name") or str(cell.dataset),
                dataset_config=cell.definition["data"].get("name"), dataset_split=cell.split,
                dataset_revision=cell.revision, metric_type=cell.metric, metric_name=f"{cell.metric} of {cell.task}", metric_value=cell.value,
            )
            for cell in cells
        ]  # fmt: skip
        line = {"model-index": eval_results_to_model_index(info.names[0], results)}
        path.write_text(yaml.safe_dump(line, sort_keys=False, allow_unicode=True), encoding="utf-8")
        paths.append(path)
    return Written(tuple(paths), sum(map(len, by_checkpoint.values())), LOST)


def task_type(cell: Cell) -> str:
    """What the Hub calls a task of this kind."""
    kind = str(cell.definition.get("kind") or "")
    if kind in CLASSIFIED:
        return "text-classification"
    return TASK_TYPES.get(kind) or TASK_TYPES.get(str(cell.parts.get("objective"))) or "other"
