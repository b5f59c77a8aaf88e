"""The commands of exchange as a user meets them."""

from __future__ import annotations

import json

import pytest
import yaml

from harness.results import Store
from tests.results.exchange_folders import CONTENT, FIRST, RECORDS, SECOND
from tests.results.test_foreign_results import LM_EVAL, put
from tests.test_cli import harness, one_message

SUITE = {
    "title": "A board", "families": {"f": {"checkpoints": ["org/model@step1", SECOND.names[0]]}},
    "tasks": {"upstream": [{"name": "my/loss", "include": "lm_loss/wiki"}], "downstream": ["glue/rte"]},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    with Store.writing(tmp_path / "a") as writer:
        writer.add_all(RECORDS, CONTENT.contexts.values(), CONTENT.checkpoints.values())
    (tmp_path / "a" / "suite.yaml").write_text(yaml.safe_dump(SUITE))
    return tmp_path / "a"


def test_export_says_what_is_lost_and_import_gives_the_folder_back(folder, tmp_path):
    done = harness("export", "a", "--to", "parquet", "-o", "x.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "exported 7 values of 7 records to x.parquet\nparquet does not hold: what models wrote" in done.stdout
    done = harness("import", "x.parquet", "-o", "b", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Store(tmp_path / "b").records == Store(folder).records and (tmp_path / "b/board.html").is_file()
    assert yaml.safe_load((tmp_path / "b/suite.yaml").read_text()) == SUITE
    some = harness("export", "a", "--to", "csv", "-o", "x.csv", "-t", "glue/*", "-c", FIRST.identity, cwd=tmp_path)
    assert "exported 4 values of 4 records" in some.stdout


def test_lm_eval_results_become_a_board(tmp_path):
    put(tmp_path / "r", LM_EVAL)
    done = harness("import", "r", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "imported 4 records of 1 checkpoints into out (format lm-eval)\nleft out 2 results" in done.stdout
    assert "lm_eval/arc_easy/0-shot" in (tmp_path / "out/suite.yaml").read_text()
    (info,) = Store(tmp_path / "out").checkpoints.values()
    assert (info.run, info.step) == ("EleutherAI/pythia-70m", 1000)
    again = harness("import", "r", "-o", "out", cwd=tmp_path)
    one_message(again, 3, "holds results already", "harness merge")


def test_merge_joins_folders_and_their_suites(folder, tmp_path):
    put(tmp_path / "r", LM_EVAL)
    assert harness("import", "r", "-o", "b", cwd=tmp_path).returncode == 0
    done = harness("merge", "a", "b", "-o", "c", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "11 records of 3 checkpoints, 0 that stood in more than one" in done.stdout
    assert list(yaml.safe_load((tmp_path / "c/suite.yaml").read_text())["families"]) == ["f", "EleutherAI/pythia-70m"]
    one_message(harness("merge", "a", "-o", "d", cwd=tmp_path), 3, "two results folders or more")
    one_message(harness("merge", "a", "b", "-o", "b", cwd=tmp_path), 3, "one of the folders to merge")


def test_list_and_drop_print_before_anything_goes(folder, tmp_path):
    rows = json.loads(harness("results", "list", "a", "--json", cwd=tmp_path).stdout)
    assert [(row["task"], row["records"], row["partial"]) for row in rows] == [("my/loss", 2, 0), ("glue/rte", 5, 1)]
    asked = harness("results", "drop", "a", "-t", "my/loss", cwd=tmp_path)
    assert asked.returncode == 0 and "2 of 7 records would go; say so with --yes" in asked.stdout
    assert len(Store(folder).records) == 7
    assert "dropped 2 of 7" in harness("results", "drop", "a", "-t", "my/loss", "--yes", cwd=tmp_path).stdout
    assert len(Store(folder).records) == 5
    one_message(harness("results", "drop", "a", cwd=tmp_path), 3, "--task, --checkpoint or --stale")


def test_submit_check_names_what_was_changed(folder, tmp_path):
    path = folder / "results.jsonl"
    path.write_text(path.read_text().replace('"seed": 2', '"seed": 7', 1))
    done = harness("submit", "check", "a", "--sample", "0", cwd=tmp_path)
    assert done.returncode == 1
    assert "its key is not that of its signature, checkpoint and seed: accuracy of glue/rte" in done.stdout
    assert "a part of the data (limited to 10 rows)" in done.stdout and "must be mended" in done.stdout
