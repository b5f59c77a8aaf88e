"""Features of published tasks become affinity records, and their chance the floor of the tasks' accuracies."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.results.feature_table import TASK, read_features, with_features
from harness.results.table import import_columns
from harness.slopes.fit import fit_all
from harness.slopes.join import join
from harness.slopes.slope_features import predictions

LOSSES = np.linspace(2, 3, 9)


def table(slopes):
    """One family, an accuracy of a line for each slope."""
    rng = np.random.default_rng(0)
    rows = [
        ("f", f"c{i}", x, f"task {t}", "accuracy", 0.8 - slope * (x - 2) + rng.normal(0, 0.001), 500)
        for t, slope in enumerate(slopes)
        for i, x in enumerate(LOSSES)
    ]
    names = ("family", "checkpoint", "upstream", "task", "metric", "value", "n")
    return import_columns(dict(zip(names, zip(*rows, strict=True), strict=True)), source="a paper")


def written(tmp_path, text: str):
    path = tmp_path / "features.csv"
    path.write_text(text)
    return path


def test_slopes_are_predicted_from_what_is_published_of_their_tasks(tmp_path) -> None:
    slopes = np.linspace(0.05, 0.3, 12)
    lines = [f"task {t},{slope * 10:.4f},{0.25 if t % 2 else 0.5},{t % 3}" for t, slope in enumerate(slopes)]
    path = written(tmp_path, "# a note\ntask,steepness,chance,odd\n" + "\n".join(lines) + "\nanother task,1,0.5,0\n")
    found = with_features(table(slopes), read_features(path), "a paper")
    assert found.roles.affinity == (TASK,)
    kept = [record for record in found.records if record.task == TASK]
    assert len(kept) == 12 * 3 and {record.checkpoint for record in kept} == {found.checkpoints[0].identity}
    checkpoints = {info.identity: info for info in found.checkpoints}
    fits = fit_all(join(found.records, checkpoints, found.roles))
    assert {fit.cell.downstream.chance for fit in fits} == {0.25, 0.5}
    (answer,) = predictions(found.records, checkpoints, found.roles, fits)
    assert answer.found.best.name == "steepness" and answer.found.best.p <= 0.01
    assert {feature.name for feature in answer.found.features} == {"steepness", "chance", "odd"}


def test_a_blank_cell_is_unknown_and_the_chance_of_an_error_is_turned(tmp_path) -> None:
    path = written(tmp_path, "task,chance,size\nrte,0.5,\n")
    assert read_features(path) == {"rte": {"chance": 0.5}}
    columns = {
        "family": ["f"],
        "checkpoint": ["c"],
        "upstream": [2.0],
        "task": ["rte"],
        "metric": ["error"],
        "value": [0.3],
    }
    found = with_features(import_columns(columns, source="s"), {"rte": {"chance": 0.4}}, "s")
    (record,) = (record for record in found.records if record.metric == "error")
    assert record.details["chance"] == pytest.approx(0.6)  # not the majority class of RTE, which is known too


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,size\nrte,1\n", "expected a header 'task'"),
        ("task,size,size\nrte,1,2\n", "each once"),
        ("task,size\nrte,big\n", ":2: size is 'big'; expected a number"),
        ("# note\ntask,chance\nrte,50\n", ":3: chance is '50'; expected a share between 0 and 1"),
        ("task,size\nrte,1\nrte,2\n", ":3: the task 'rte' is blank or stands twice"),
        ("task,size\nrte,1,2\n", ":2: 3 fields under 2 columns"),
        ("", "expected a header"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(text: str, said: str, tmp_path) -> None:
    with pytest.raises(HarnessError, match=said):
        read_features(written(tmp_path, text))


def test_features_of_other_tasks_and_a_missing_file(tmp_path) -> None:
    with pytest.raises(HarnessError, match="no task of the features is in the table"):
        with_features(table([0.1]), {"elsewhere": {"size": 1.0}}, "s")
    with pytest.raises(HarnessError, match="cannot be read"):
        read_features(tmp_path / "none.csv")
