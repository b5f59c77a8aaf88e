"""A record is stale when its task's version or the code that measured it is older than the present one."""

from __future__ import annotations

import pytest
import yaml

from harness.results import Store
from harness.specs import load_task
from harness.stale import code_version, stale_records
from tests.results.exchange_folders import FIRST, RTE, a_context, a_record


def written(folder, task, measured_by, version, parts=None):
    parts = parts or {**RTE, "task": {**RTE["task"], "name": task}, "measured_by": measured_by}
    record = a_record(parts, FIRST.identity, task=task, task_version=version)
    suite = {"families": {"f": {"checkpoints": [FIRST.names[0]]}}, "tasks": {"downstream": [task]}}
    with Store.writing(folder) as writer:
        writer.add_all([record], [a_context(parts)], [FIRST])
    (folder / "suite.yaml").write_text(yaml.safe_dump(suite))
    return [reason for _, reason in stale_records(folder, Store(folder))]


@pytest.mark.parametrize(("measured_by", "version", "reasons"), [
    ("finetune/2", 1, []), ("finetune/1", 1, ["measured by finetune/1, now finetune/2"]), ("gone/1", 1, []),
    ("finetune/2", 0, ["version 0 of the task, now 1"]),
    ("finetune/1", 0, ["version 0 of the task, now 1 and measured by finetune/1, now finetune/2"]),
])  # fmt: skip
def test_what_is_older_is_stale_and_says_why(tmp_path, measured_by, version, reasons):
    assert load_task("glue/rte").version == 1 and code_version("finetune") == 2
    assert written(tmp_path, "glue/rte", measured_by, version) == reasons


def test_published_numbers_are_never_stale(tmp_path):
    parts = {"imported": {"source": "a paper"}, "task": {"name": "some task"}}
    assert written(tmp_path, "some task", "", 0, parts) == []
