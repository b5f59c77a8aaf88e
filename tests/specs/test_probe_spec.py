from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.specs import Skill, load_task, task_names

START = 'description: d\nkind: probe\ndata: {world: hmm, name: state}\nsplits: {train: train, score: test}\ninputs: ["{{ text }}"]\n'
LABELS = 'labels: ["0", "1", "2", "3"]\n'


@pytest.fixture
def load(tmp_path):
    def load(rest: str):
        (tmp_path / "own.yaml").write_text(START + "metrics: [accuracy]\n" + rest)
        return load_task(str(tmp_path / "own.yaml"))

    return load


@pytest.mark.parametrize(("rest", "message"), [
    ("probe: {layers: [1, 1]}", "layers repeats a number"),
    ("probe: {layers: some}", "give 'all', or a list of layers"),
    ("probe: {layers: []}", "give 'all', or a list of layers"),
    ("probe: {layers: [1.5]}", "give 'all', or a list of layers"),
    ("probe: {epochs: 3}", "a linear head does not read epochs"),
    ("probe: {head: mlp, l2: [1.0]}", "a mlp head does not read l2"),
    ("probe: {features: one_hot, layers: [0]}", "one_hot features have no layers"),
    ("probe: {features: conditionals, layers: [0]}", "conditionals features have no layers"),
    ("probe: {features: conditionals, max_length: 9}", "conditionals are of whole sentences"),
    ("probe: {pooling: maximum}", r"own\.yaml:8: 'probe.pooling' is 'maximum'"),
    ("probe: {l2: [0.0]}", "greater than 0"),
    ("probe: {hiden: 3}", r"own\.yaml:8: unknown field 'probe.hiden'; did you mean 'hidden'"),
    ("protocol: glue", "unknown field 'protocol'"),
])  # fmt: skip
def test_what_a_probe_cannot_be_is_refused(load, rest, message):
    with pytest.raises(HarnessError, match=message):
        load(LABELS + rest + "\n")


def test_a_probe_needs_both_splits_and_classes_or_a_range(tmp_path, load):
    with pytest.raises(HarnessError, match="give either labels"):
        load("")
    (tmp_path / "x.yaml").write_text(START.replace("train: train, ", "") + "metrics: [accuracy]\n" + LABELS)
    with pytest.raises(HarnessError, match=r"a probe task has \['score', 'train'\]"):
        load_task(str(tmp_path / "x.yaml"))


def test_only_what_was_set_is_part_of_the_definition(load):
    assert "probe" not in load(LABELS).definition()
    assert load(LABELS + "probe: {pooling: last}\n").definition()["probe"] == {"pooling": "last"}
    assert load(LABELS).default_role == "downstream"


def test_a_skill_brings_its_classes(tmp_path):
    def of(name: str, more: str = "", rest: str = ""):
        data = f"{{world: hmm, skill: {{name: {name}{more}}}}}"
        (tmp_path / "s.yaml").write_text(
            START.replace("{world: hmm, name: state}", data) + "metrics: [accuracy]\n" + rest
        )
        return load_task(str(tmp_path / "s.yaml"))

    assert of("bigram_shift").labels == ("as written", "shifted")
    assert len(of("word_content", ", words: 7").labels) == 7
    assert of("sentence_length", ", bins: 2, shortest: 5, longest: 8").labels == ("5 to 6 words", "7 to 8 words")
    for rest in ("labels: [a, b]\n", "range: [0, 1]\n"):
        with pytest.raises(HarnessError, match="the classes of the skill bigram_shift are its own"):
            of("bigram_shift", rest=rest)
    with pytest.raises(HarnessError, match="skill.name"):
        of("bigram_shfit")
    with pytest.raises(HarnessError, match="6 bins of 4 lengths"):
        of("sentence_length", ", longest: 8")


def test_a_model_may_be_fine_tuned_on_a_skill(tmp_path):
    (tmp_path / "tuned.yaml").write_text(
        "include: skills/bigram_shift\nkind: finetune\nprotocol: glue_quick\n"
    )  # fmt: skip
    task = load_task(str(tmp_path / "tuned.yaml"))
    assert task.labels == ("as written", "shifted") and task.protocol == "glue_quick"
    assert task.definition()["data"]["skill"] == {"name": "bigram_shift", "splits": ["validation", "test"]}


def test_bins_share_lengths_that_do_not_divide_evenly():
    assert Skill(name="sentence_length", shortest=5, longest=11, bins=3).edges == (5, 7, 9, 12)


def test_shipped_probes_have_the_metrics_and_classes_of_fine_tuning():
    probes = [
        name for name in task_names() if name.startswith("probe/") and not name.startswith(("probe/hmm", "probe/pcfg"))
    ]
    assert len(probes) == 8
    for name in probes:
        probe, tuned = load_task(name), load_task(name.replace("probe", "glue"))
        for field in ("data", "splits", "rows", "inputs", "labels", "range", "metrics"):
            assert getattr(probe, field) == getattr(tuned, field), (name, field)
    skills = [name for name in task_names() if name.startswith("skills/")]
    assert [load_task(name).data.skill.name for name in skills] == [name.removeprefix("skills/") for name in skills]


def test_probes_of_the_grammar_ask_what_fine_tuning_asks():
    for what in ("root", "span_4", "depth"):
        probe, fine = load_task(f"probe/pcfg_{what}"), load_task(f"synthetic/pcfg_{what}")
        assert (probe.data, probe.labels, probe.splits) == (fine.data, fine.labels, fine.splits)
        controls = [load_task(f"{probe.name}_{f}") for f in ("one_hot", "conditionals") if what != "depth"]
        assert all((c.data, c.labels, c.probe.pooling) == (probe.data, probe.labels, "concat") for c in controls)


@pytest.mark.parametrize(("before", "after", "message"), [
    ("{world: hmm, name: state}", "{files: [a.jsonl]}", r"known of sentences of a world, and .* reads a\.jsonl; choose states"),
    ("{world: hmm, name: state}", "{world: hmm, skill: {name: bigram_shift}}", "reads a skill on hmm"),
    ("{{ text }}", "{{ text }}!", "are of the text alone; found inputs"),
])  # fmt: skip
def test_conditionals_are_of_sentences_of_worlds_alone(tmp_path, before, after, message):
    (tmp_path / "a.jsonl").write_text("")
    labels = "" if "skill" in after else LABELS
    rest = "metrics: [accuracy]\nprobe: {features: conditionals, pooling: concat}\n"
    (tmp_path / "own.yaml").write_text(START.replace(before, after) + labels + rest)
    with pytest.raises(HarnessError, match=message):
        load_task(str(tmp_path / "own.yaml"))
