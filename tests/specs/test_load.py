from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.measures.metrics import metric_names as measured_names
from harness.specs import FinetuneTask, load_protocol, load_suite, load_task, load_tasks, task_names
from harness.specs.load import metric_names

RTE = """description: d
kind: finetune
data: {path: nyu-mll/glue, name: rte}
splits: {train: train, score: validation}
inputs: ["{{ sentence1 }}", "{{ sentence2 }}"]
labels: [entailment, not_entailment]
metrics: [accuracy]
protocol: glue
"""


def spec(folder: Path, text: str) -> str:
    (folder / "task.yaml").write_text(text)
    return str(folder / "task.yaml")


def test_every_shipped_task_loads_and_glue_is_whole():
    tasks = {task.name: task for name in task_names() for task in load_tasks(name)}
    glue = {name.split("/")[1] for name in tasks if name.startswith("glue/")}
    assert glue == {"ax", "cola", "mnli", "mnli_mismatched", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb", "wnli"}
    assert {
        "lm_loss/web",
        "lm_loss/wiki",
        "lm_loss/books",
        "lm_loss/text",
        "flatness/fisher",
        "flatness/hessian",
    } <= set(tasks)
    assert tasks["glue/rte"].labels == ("entailment", "not_entailment")
    assert tasks["glue/wnli"].labels == ("not_entailment", "entailment")


def test_a_shipped_revision_is_a_commit_or_absent():
    for task in (task for name in task_names() for task in load_tasks(name)):
        revision = task.data.revision
        assert revision is None or re.fullmatch("[0-9a-f]{40}", revision), task.name


def test_the_metrics_a_spec_may_name_are_those_that_are_measured():
    assert set(metric_names()) == set(measured_names())


@pytest.mark.parametrize(("change", "message"), [
    (("kind: finetune", "kind: finetuning"), r"task\.yaml:2: unknown kind 'finetuning'; did you mean 'finetune'\?"),
    (("metrics: [accuracy]", "metrics: [acuracy]"), r"task\.yaml:7: unknown metric 'acuracy'; did you mean 'accuracy'\?"),
    (("protocol: glue", "protocl: glue"), r"task\.yaml:8: unknown field 'protocl'; did you mean 'protocol'\?"),
    (("protocol: glue", "protocol: gleu"), r"task\.yaml:8: unknown protocol 'gleu'; did you mean 'glue'\?"),
    (("name: rte}", "nane: rte}"), r"task\.yaml:3: unknown field 'data\.nane'; did you mean 'name'\?"),
    (("description: d\n", ""), r"task\.yaml:1: the field 'description' is missing"),
    (("metrics: [accuracy]", "metrics: accuracy"), r"task\.yaml:7: 'metrics' is 'accuracy'"),
    (("kind: finetune", "kind: finetune\nversion: one"), r"task\.yaml:3: 'version' is 'one'; input should be a valid integer"),
    (("splits: {train: train, score: validation}", "splits: {train: train}"), r"task\.yaml:\d: splits names \['train'\]"),
    (("labels: [entailment, not_entailment]", "labels: [a, a]"), "labels repeats a name"),
    (("path: nyu-mll/glue", "path: glue"), "the Hub wants namespace/name"),
    (("path: nyu-mll/glue", "files: [../x.csv]"), r"task\.yaml:3: '../x.csv' leaves the folder of the spec"),
    (("path: nyu-mll/glue", "files: [/etc/passwd]"), "leaves the folder of the spec"),
    (("path: nyu-mll/glue", "files: ['C:\\x.csv']"), "leaves the folder of the spec"),
])  # fmt: skip
def test_a_fault_names_file_line_and_the_nearest_name(tmp_path, change, message):
    with pytest.raises(HarnessError, match=message):
        load_task(spec(tmp_path, RTE.replace(*change)))


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(HarnessError, match=r"unknown task 'glue/rtee'; did you mean 'glue/rte'\?"):
        load_task("glue/rtee")
    with pytest.raises(HarnessError, match="no file"):
        load_task("nowhere.yaml")


def test_include_takes_a_shipped_task_or_a_file_beside(tmp_path):
    derived = load_task(spec(tmp_path, "include: glue/rte\nprotocol: glue_quick\n"))
    assert isinstance(derived, FinetuneTask) and derived.protocol == "glue_quick" and derived.metrics == ("accuracy",)
    assert derived.name != "glue/rte"
    (tmp_path / "other.yaml").write_text("include: task.yaml\ndescription: other\n")
    assert load_task(str(tmp_path / "other.yaml")).description == "other"


@pytest.mark.parametrize(("text", "message"), [
    ("include: task.yaml\n", "nested deeper"),
    ("include: ../../etc/x.yaml\n", "leaves the folder"),
    ("include: glue/rtt\n", r"nothing called 'glue/rtt'; did you mean"),
    ("include: [a, b]\n", "name one task"),
    ("- 1\n", "a spec is a mapping"),
    ("", "a spec is a mapping"),
])  # fmt: skip
def test_a_bad_include_is_one_message(tmp_path, text, message):
    with pytest.raises(HarnessError, match=message):
        load_task(spec(tmp_path, text))


def test_an_unknown_protocol_names_the_nearest():
    with pytest.raises(HarnessError, match=r"unknown protocol 'glu'; did you mean 'glue'\?"):
        load_protocol("glu")


SUITE = """families:
  one: {checkpoints: ['a/b@step{1,2}']}
tasks:
  upstream: [lm_loss/wiki]
  downstream:
    - {name: mine, include: lm_loss/wiki, loss: {mask_seed: 1}}
seeds: [1, 2]
controls: [{task: mine, metric: nats_per_token, slope: 1.0}]
"""


def suite(folder: Path, text: str):
    (folder / "suite.yaml").write_text(text)
    return load_suite(folder)


def test_a_suite_derives_tasks_under_names_of_their_own(tmp_path):
    _, tasks = suite(tmp_path, SUITE)
    mine, wiki = tasks["downstream"]["mine"], tasks["upstream"]["lm_loss/wiki"]
    assert mine.definition() != wiki.definition() and mine.loss.mask_seed == 1 and mine.data == wiki.data


@pytest.mark.parametrize(("change", "message"), [
    (("name: mine", "name: lm_loss/wiki"), r"suite\.yaml:6: 'lm_loss/wiki' is a shipped task; give the derived one another name"),
    (("task: mine", "task: mino"), r"suite\.yaml:8: the suite has no task 'mino'; did you mean 'mine'\?"),
    (("lm_loss/wiki]", "lm_loss/wikki]"), r"suite\.yaml:4: unknown task 'lm_loss/wikki'; did you mean 'lm_loss/wiki'"),
    (("mask_seed", "mask_sed"), r"suite\.yaml:6: unknown field 'loss\.mask_sed'; did you mean 'mask_seed'\?"),
    (("families:\n  one: {checkpoints: ['a/b@step{1,2}']}\n", "families: {}\n"), "families"),
    (("{checkpoints: ['a/b@step{1,2}']}", "{}"), "a family has either checkpoints: or make:"),
    (("{checkpoints: ['a/b@step{1,2}']}", "{make: {maker: enlargge, start: a/b}}"), r"suite\.yaml:2: unknown maker 'enlargge'; did you mean 'enlarge'\?"),
    (("{checkpoints: ['a/b@step{1,2}']}", "{make: {start: a/b}}"), r"suite\.yaml:2: the field 'families\.one\.make\.maker' is missing"),
    (("{checkpoints: ['a/b@step{1,2}']}", "\n    make:\n      maker: enlarge\n      start: a/b\n      hidden_sise: 8"),
     r"suite\.yaml:6: unknown field 'families\.one\.make\.hidden_sise'; did you mean 'hidden_size'\?"),
    (("{checkpoints: ['a/b@step{1,2}']}", "{make: {maker: enlarge, start: a/b, hidden_size: wide}}"),
     r"suite\.yaml:2: 'families\.one\.make\.hidden_size' is 'wide'; input should be a valid integer"),
    (("{checkpoints: ['a/b@step{1,2}']}", "{make: {maker: enlarge, start: a/b}}"), "name what grows: hidden_size"),
])  # fmt: skip
def test_a_fault_in_a_suite_names_its_line(tmp_path, change, message):
    with pytest.raises(HarnessError, match=message):
        suite(tmp_path, SUITE.replace(*change))


def test_a_folder_without_a_suite_is_one_message(tmp_path):
    with pytest.raises(HarnessError, match="holds suite.yaml"):
        load_suite(tmp_path)
