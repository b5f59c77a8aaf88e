from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.specs import load_task, task_names

SPEC = """description: d
kind: choice
data: {path: a/b}
splits: {score: validation}
context: "{{ question }}"
choices: endings
target: label
metrics: [accuracy]
"""


def spec(tmp_path, *changes: tuple[str, str]) -> str:
    text = SPEC
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "t.yaml").write_text(text)
    return str(tmp_path / "t.yaml")


@pytest.mark.parametrize(("change", "told"), [
    (("[accuracy]", "[accuracy, acuracy]"), r"t\.yaml:8: unknown metric 'acuracy'; did you mean 'accuracy'\?"),
    (("[accuracy]", "[accuracy, perplexity]"), "mix those of choosing"),
    (("[accuracy]", "[perplexity]"), "choose nothing; leave out 'target'"),
    (("target: label\n", ""), r"metrics \['accuracy'\] choose; give 'target'"),
    (("target: label\nmetrics: [accuracy]", "metrics: [perplexity]"), "of one continuation; give one context and a list of one"),
    (("choices: endings", "choices: 3"), r"t\.yaml:6: found 3; give a text, or a list of texts"),
    (("choices: endings", "choices: [a, 3]"), r"t\.yaml:6: found \['a', 3\]; give a text"),
    (("choices: endings", "choices: [yes]"), "one choice is none; give two or more"),
    (("choices: endings", "choices: my endings"), r"t\.yaml:6: found 'my endings'; name a column, or write one"),
    (("target: label", "target: label\nclustr: x"), r"t\.yaml:8: unknown field .clustr.; did you mean .cluster.\?"),
    (('"{{ question }}"', '[a, b]'), "2 contexts; give a list of one choice that they share, or of 2"),
    (("score: validation", "score: validation, examples: train"), r"with 0 shots has \['score'\]"),
    (("target: label", "target: label\nshots: 2"), r"with 2 shots has \['examples', 'score'\]"),
    (("splits: {score: validation}", "splits: {score: v, examples: v}\nshots: 2"), "give examples their own"),
    (("splits: {score: validation}", "splits: {score: v, examples: t}\nshots: 2\nshot_rows: [1, 1]"), "name 2 different rows"),
    (("splits: {score: validation}", "splits: {score: v}\nrows: {w: 3}"), "rows names"),
])  # fmt: skip
def test_a_fault_is_one_message_with_its_line(tmp_path, change, told):
    with pytest.raises(HarnessError, match=told) as error:
        load_task(spec(tmp_path, change))
    assert "t.yaml:" in str(error.value) and len(str(error.value).splitlines()) == 1


def test_a_template_that_is_no_jinja_is_told_with_its_line(tmp_path):
    from harness.measures.kinds import kind_of

    for number, change in ((5, ("{{ question }}", "{{ question")), (6, ("endings", "'{{ endings | }}'"))):
        task = load_task(spec(tmp_path, change))
        with pytest.raises(HarnessError, match=rf"t\.yaml:{number}: template"):
            kind_of(task).columns(task)


def test_shots_are_the_first_rows_unless_others_are_named(tmp_path):
    splits = ("splits: {score: validation}", "splits: {score: validation, examples: train}\nshots: 2")
    assert load_task(spec(tmp_path, splits)).chosen_shots == (0, 1)
    named = (splits[0], splits[1] + "\nshot_rows: [7, 3]")
    assert load_task(spec(tmp_path, named)).chosen_shots == (7, 3)


def test_the_shipped_sets_are_downstream_and_an_unknown_revision_is_marked():
    names = [name for name in task_names() if name.startswith("choice/")]
    assert len(names) == 12
    for task in map(load_task, names):
        assert task.default_role == "downstream" and set(task.splits) == {"score"}
        assert (task.data.revision is None) == (task.status == "unverified"), task.name
