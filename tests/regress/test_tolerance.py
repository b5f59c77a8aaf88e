from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.regress.baseline import read_baseline
from harness.regress.cell import GROUPS, Name
from harness.regress.tolerance import parse, tolerance_of


def test_every_sort_of_cell_has_a_tolerance_above_nothing():
    name = Name("t", "m", "c")
    assert all(tolerance_of(name, group, "widgets", []).of(2.0) > 0 for group in GROUPS)
    assert tolerance_of(name, "metric", "percent", []).of(80) == 1.0


def test_the_last_rule_that_fits_counts():
    rules = [parse("0.5"), parse("glue/*=0.02"), parse("glue/rte:f1=3%")]
    given = {
        metric: str(tolerance_of(Name("glue/rte", metric, "m"), "metric", "fraction", rules))
        for metric in ("f1", "acc")
    }
    assert given == {"f1": "3%", "acc": "0.02"}
    assert str(tolerance_of(Name("other", "acc", "m"), "metric", "fraction", rules)) == "0.5"


@pytest.mark.parametrize("text", ["", "glue/rte=", "=0.1", "glue/rte=much", "-0.1", "0.1%%", "nan"])
def test_a_bad_tolerance_says_what_is_expected(text):
    with pytest.raises(HarnessError, match="expected AMOUNT or TASK=AMOUNT"):
        parse(text)


@pytest.mark.parametrize(("text", "parts"), [
    ("tolerance: []", [":1: unknown field 'tolerance'", "did you mean 'tolerances'"]),
    ("tolerances:\n- {task: a, tolerance: 0.1}", [":2: the field 'tolerances.0.because' is missing"]),
    ("tolerances:\n- {task: a, tolerance: lots, because: b}", [":2:", "'lots' is no tolerance"]),
    ("changes:\n- {task: a, state: lost, reason: r, date: 2026-01-01}", [":2:", "'gone' or 'replaced'"]),
    ("changes:\n- {task: a, state: gone, reason: '', date: 2026-01-01}", [":2:", "reason"]),
    ("- 1", ["a spec is a mapping"]),
])  # fmt: skip
def test_a_fault_of_the_file_names_file_and_line(tmp_path, text, parts):
    (tmp_path / "baseline.yaml").write_text(text + "\n")
    with pytest.raises(HarnessError) as told:
        read_baseline(tmp_path / "baseline.yaml")
    for part in ["baseline.yaml", *parts]:
        assert part in str(told.value)


def test_no_baseline_is_named(tmp_path):
    with pytest.raises(HarnessError, match="no baseline at"):
        read_baseline(tmp_path)
