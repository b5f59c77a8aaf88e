from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.request import from_suite, roles_of
from harness.specs import Source, Spec, load_suite, protocol_of
from harness.specs.train_sizes import at_size, holder_of

SUITE = """families:
  one: {checkpoints: [a/b]}
  two: {checkpoints: [c/d]}
tasks:
  upstream: [lm_loss/wiki]
  downstream:
    - {name: mine/sst2, include: glue/sst2, protocol: {learning_rates: [1e-4], train_rows: 7}, train_rows: [500, 4000, full]}
    - {name: mine/cola, include: glue/cola, train_rows: [500]}
    - {name: other, include: glue/cola}
only: [{tasks: [mine/sst2], families: [one]}, {tasks: [mine/sst2@full], families: [two]}]
headline: {mine/sst2: accuracy, mine/sst2@500: other}
controls: [{task: mine/sst2, metric: accuracy, slope: 0}, {task: mine/cola@500, metric: accuracy, slope: 0}]
"""
NAMES = ("mine/sst2@500", "mine/sst2@4000", "mine/sst2@full", "mine/cola@500", "other")


def written(folder: Path, text: str = SUITE) -> Path:
    (folder / "suite.yaml").write_text(text)
    return folder


def test_an_entry_is_a_task_for_each_size(tmp_path):
    _, tasks = load_suite(written(tmp_path))
    assert tuple(tasks["downstream"]) == NAMES
    rows = {name: protocol_of(task).train_rows for name, task in tasks["downstream"].items()}
    assert rows == dict(zip(NAMES, (500, 4000, None, 500, None), strict=True))
    rates = {name: protocol_of(task).learning_rates for name, task in tasks["downstream"].items()}
    assert rates["mine/sst2@full"] == (1e-4,) and rates["mine/cola@500"] == rates["other"]


def test_roles_families_controls_and_headlines_may_name_all_sizes_or_one(tmp_path):
    roles, request = roles_of(written(tmp_path)), from_suite(tmp_path)
    assert roles.downstream == NAMES and list(request.tasks) == ["lm_loss/wiki", *NAMES]
    assert request.leave_out == {("two", NAMES[0]), ("two", NAMES[1])}
    assert [c.task for c in roles.controls] == [*NAMES[:3], "mine/cola@500"]
    assert roles.headline == {NAMES[0]: "other", NAMES[1]: "accuracy", NAMES[2]: "accuracy"}


def test_a_size_is_measured_as_a_task_of_that_protocol(tmp_path):
    """The same definition and protocol as of a task written out, so that nothing is measured twice."""
    for name in ("axis", "plain"):
        (tmp_path / name).mkdir()
    entry = "{name: mine/sst2, include: glue/sst2, protocol: {learning_rates: [1e-4], train_rows: 7}, train_rows: [500, 4000, full]}"
    plain = "{name: mine/sst2@500, include: glue/sst2, protocol: {learning_rates: [1e-4], train_rows: 500}}"
    text = SUITE.split("only:")[0]
    _, sizes = load_suite(written(tmp_path / "axis", text))
    _, alone = load_suite(written(tmp_path / "plain", text.replace(entry, plain)))
    one, other = sizes["downstream"]["mine/sst2@500"], alone["downstream"]["mine/sst2@500"]
    assert one.definition() == other.definition() and protocol_of(one) == protocol_of(other)


class Settings(Spec):
    train_rows: int | None = None
    layers: int = 1


class Frozen(Spec):
    kind: str
    settings: Settings = Settings()


def test_any_kind_whose_settings_name_train_rows_has_sizes():
    source = Source(Path("suite.yaml"), {"kind": "frozen", "settings": {"layers": 3, "train_rows": 9}})
    plain = Source(Path("suite.yaml"), {"kind": "frozen"})
    assert holder_of(Frozen) == "settings" and holder_of(Settings) is None
    assert at_size(source, 5, Frozen, dict).value["settings"] == {"layers": 3, "train_rows": 5}
    assert at_size(source, "full", Frozen, dict).value["settings"] == {"layers": 3}
    assert at_size(plain, 5, Frozen, dict).value["settings"] == {"train_rows": 5}
    assert at_size(plain, "full", Frozen, dict).value["settings"] == {}


@pytest.mark.parametrize(("old", "new", "message"), [
    ("[500]", "500", r"suite\.yaml:8: train_rows is 500; expected a list such as \[500, 5000, full\]"),
    ("[500]", "[]", r"suite\.yaml:8: train_rows is \[\]; expected a list"),
    ("[500]", "[500, all]", r"suite\.yaml:8: train_rows names 'all'; expected a number of rows, or full"),
    ("[500]", "[-5]", "train_rows names -5"),
    ("[500]", "[500, 500]", "names a size twice"),
    ("[500]", "[9000]", r"suite\.yaml:8: 9,000 rows to train on, and the split has 8,551; full is all of them"),
    ("include: glue/cola, train_rows", "include: lm_loss/wiki, train_rows", "kind lm_loss is trained on nothing; leave train_rows out"),
    ("include: glue/cola, train_rows", "include: glue/axb, train_rows", r"nothing called 'glue/axb'"),
    ("include: glue/cola, train_rows", "include: super_glue/axb, train_rows", r"scores the model of 'glue/mnli'; give train_rows there"),
    ("glue/cola, train_rows", "glue/cola, protocol: [3], train_rows", r"suite\.yaml:8: 'protocol"),
    ("glue/cola, train_rows", "glue/cola, protocol: glu, train_rows", r"suite\.yaml:8: unknown protocol 'glu'"),
    ("name: mine/cola, ", "", "needs a name: of its own"),
    ("task: mine/sst2,", "task: mine/sst,", r"suite\.yaml:12: the suite has no task 'mine/sst'; did you mean 'mine/sst2'"),
    ("[mine/sst2@full]", "[mine/sst2@ful]", r"suite\.yaml:10: the suite has no tasks 'mine/sst2@ful'; did you mean 'mine/sst2@full'"),
    ("{mine/sst2: accuracy", "{mine/sst: accuracy", r"suite\.yaml:11: the suite has no task 'mine/sst'"),
])  # fmt: skip
def test_a_fault_names_its_line(tmp_path, old, new, message):
    with pytest.raises(HarnessError, match=message):
        load_suite(written(tmp_path, SUITE.replace(old, new)))
