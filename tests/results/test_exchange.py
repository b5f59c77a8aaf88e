"""Export, then import, gives the same cells; what others' own code reads from an export is what stood in the records."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.errors import HarnessError
from harness.results.exchange.content import Content, Reading, Terms
from harness.results.exchange.formats import READERS, WRITERS, format_of, writer
from tests.results.exchange_folders import CONTENT, FAILURE, FIRST, RECORDS, REVISION, SECOND

SCHEMA = Path(__file__).parents[1] / "golds" / "every_eval_ever-0.3.0.schema.json"
TERMS = Terms(organization="us")


def there_and_back(name: str, file: str, folder: Path) -> Content:
    """Export to a format, then import what was written."""
    writer(name)(CONTENT, folder / file, TERMS)
    assert format_of(folder / file, None) == name
    return READERS[name].read(folder / file, Reading())


@pytest.mark.parametrize(("name", "file"), [("csv", "x.csv"), ("parquet", "x.parquet"), ("every-eval-ever", "eee")])
def test_a_round_trip_loses_nothing_that_the_format_can_hold(tmp_path, name, file):
    back = there_and_back(name, file, tmp_path)
    held = RECORDS if name == "every-eval-ever" else (*RECORDS, FAILURE)
    assert {(r.key, r.metric): r for r in back.records} == {(r.key, r.metric): r for r in held}
    assert back.checkpoints == CONTENT.checkpoints and back.contexts == CONTENT.contexts
    assert {name: set(its) for name, its in back.roles.families.items()} == {
        "f": {FIRST.names[0], SECOND.names[0]},
        "g": {SECOND.names[0]},
    }
    assert back.roles_of("my/loss") == ["upstream", "downstream"] and back.roles_of("glue/rte") == ["downstream"]
    assert back.suite == (CONTENT.suite if name == "parquet" else "")


def test_csv_is_read_by_pandas_as_numbers_with_the_columns_a_person_looks_for(tmp_path):
    import pandas

    writer("csv")(CONTENT, tmp_path / "x.csv", TERMS)
    frame = pandas.read_csv(tmp_path / "x.csv")
    assert list(frame.columns[:3]) == ["family", "role", "name"] and len(frame) == len(CONTENT.records)
    chosen = frame[(frame.task == "glue/rte") & (frame.seed == 2) & (frame.metric == "accuracy")]
    assert chosen.value.tolist() == [0.70] and chosen.name.tolist() == ["org/model@step1"]
    assert frame.made_by.notna().sum() == len(CONTENT.contexts)


@pytest.mark.parametrize(("column", "cell", "part"), [
    ("value", "much", "value is 'much'; expected a number"), ("n", "2.5", "n is '2.5'; expected a whole number"),
    ("higher_is_better", "up", "expected true or false"), ("key", "", "key is blank"), ("warnings", "{", "expected JSON"),
    ("schema", "2", "record schema 2"), ("run", "other", "described otherwise on a row before"),
])  # fmt: skip
def test_a_wrong_cell_is_named_with_its_line(tmp_path, column, cell, part):
    path = tmp_path / "x.csv"
    writer("csv")(CONTENT, path, TERMS)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[2][column] = cell
    with path.open("w", newline="") as file:
        changed = csv.DictWriter(file, list(rows[0]))
        changed.writeheader()
        changed.writerows(rows)
    with pytest.raises(HarnessError, match=r"x\.csv:\d+: ") as raised:
        READERS["csv"].read(path, Reading())
    assert part in str(raised.value)


def test_one_measurement_with_two_values_is_an_error_that_names_both(tmp_path):
    path = tmp_path / "x.parquet"
    twice = replace(CONTENT, records=(RECORDS[0], replace(RECORDS[0], value=9.5)))
    writer("parquet")(twice, path, TERMS)
    with pytest.raises(HarnessError, match=r"is 9\.5 and before 0\.30000000000000004"):
        READERS["parquet"].read(path, Reading())


def test_every_file_of_every_eval_ever_keeps_its_schema(tmp_path):
    written = writer("every-eval-ever")(CONTENT, tmp_path, TERMS)
    schema = json.loads(SCHEMA.read_text())
    places = {path.relative_to(tmp_path).parts[:4] for path in written.paths}
    assert places == {("data", "a-board", "org", "model@step1"), ("data", "a-board", "family", "_img_src=x__50_")}
    for path in written.paths:
        line = json.loads(path.read_text())
        jsonschema.Draft7Validator(schema).validate(line)
    again = writer("every-eval-ever")(CONTENT, tmp_path, TERMS)
    assert again.paths == written.paths and "failed measurements" in written.lost and written.records == len(RECORDS)


def test_every_eval_ever_has_value_error_and_data_in_its_own_fields(tmp_path):
    (path,) = (p for p in writer("every-eval-ever")(CONTENT, tmp_path, TERMS).paths if "org" in p.parts)
    line = json.loads(path.read_text())
    result = line["evaluation_results"][1]
    assert result["score_details"]["score"] == 0.6643 and not result["metric_config"]["lower_is_better"]
    assert result["score_details"]["uncertainty"] == {
        "standard_error": {"value": 0.0284, "method": "binomial"},
        "num_samples": 277,
    }
    assert result["source_data"] == {"dataset_name": "rte", "source_type": "hf_dataset", "hf_repo": "nyu-mll/glue", "hf_split": "validation"}  # fmt: skip
    assert line["evaluation_results"][0]["source_data"] == {"dataset_name": "my/loss", "source_type": "other"}
    assert line["source_metadata"]["source_type"] == "evaluation_run"


@pytest.mark.parametrize(
    ("terms", "part"), [(Terms(), "--organization NAME"), (Terms("us", "first"), "did you mean 'first_party'")]
)
def test_every_eval_ever_asks_for_what_no_record_says(tmp_path, terms, part):
    with pytest.raises(HarnessError, match=part):
        writer("every-eval-ever")(CONTENT, tmp_path, terms)


def test_the_hubs_results_are_read_by_its_own_library(tmp_path):
    from huggingface_hub import EvalResultEntry, parse_eval_result_entries

    written = writer("eval-results")(CONTENT, tmp_path, TERMS)
    assert written.paths == (tmp_path / "org/model@step1/.eval_results/transfer-harness.yaml",)
    (entry,) = parse_eval_result_entries(yaml.safe_load(written.paths[0].read_text()))
    assert entry == EvalResultEntry(
        dataset_id="nyu-mll/glue", task_id="rte", value=pytest.approx((0.6643 + 0.70) / 2), dataset_revision=REVISION,
        notes="accuracy (fraction) on validation, transfer-harness task glue/rte, mean of 2 seeds",
    )  # fmt: skip


def test_a_model_index_is_read_by_the_hubs_own_library(tmp_path):
    from huggingface_hub import ModelCard

    (path,) = writer("model-index")(CONTENT, tmp_path, TERMS).paths
    card = ModelCard(f"---\n{path.read_text()}---\n")
    found = {result.metric_type: result for result in card.data.eval_results}
    assert card.data.model_name == "org/model@step1" and set(found) == {"accuracy", "f1"}
    accuracy = found["accuracy"]
    assert accuracy.metric_value == pytest.approx(0.68215) and accuracy.dataset_revision == REVISION
    assert (accuracy.task_type, accuracy.dataset_type, accuracy.dataset_config) == (
        "text-classification",
        "nyu-mll/glue",
        "rte",
    )


def test_a_latex_table_has_headlines_with_errors_and_escapes_names(tmp_path):
    writer("latex")(CONTENT, tmp_path / "x.tex", TERMS)
    text = (tmp_path / "x.tex").read_text()
    assert r"family/\textless{}img src=x\textgreater{}\_50\%" in text and r"accuracy $\uparrow$" in text
    # The seeds 1 and 2: 0.6643 and 0.70, whose mean has an error of 0.0357 / 2.
    assert r"org/model@step1 & 0.3 & 0.682 (0.018) \\" in text and r"& 1e-17 & -- \\" in text


def test_what_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(HarnessError, match="did you mean 'parquet'"):
        writer("parket")
    with pytest.raises(HarnessError, match="no file and no folder"):
        format_of(tmp_path / "none", None)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(HarnessError, match="say which with --from"):
        format_of(tmp_path / "x.json", None)
    with pytest.raises(HarnessError, match="no export of a results folder|no Parquet file"):
        (tmp_path / "y.parquet").write_bytes(b"PAR1")
        READERS["parquet"].read(tmp_path / "y.parquet", Reading())
    assert set(READERS) - set(WRITERS) == {"lm-eval"}
