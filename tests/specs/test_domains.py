"""One spec, a task for each of its domains."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.request import from_arguments, from_suite, roles_of
from harness.specs import TranslationTask, load_suite, load_task, load_tasks
from harness.tasks_commands import pin_task, pin_tasks, show_task

SPEC = """description: German to English
kind: translation
languages: {source: de, target: en}
splits: {score: test}
source: "{{ translation.de }}"
target: "{{ translation.en }}"
rows: {test: 9}
decoding: {beams: 2}
domains:
  news: {data: {path: a/news, name: de-en}}
  captions:
    data: {path: a/captions}
    splits: {score: validation}
    source: "{{ de }}"
    target: "{{ en }}"
    first: 7
    decoding: {beams: 3}
    description: Captions
"""
ALONE = """description: Captions
kind: translation
languages: {source: de, target: en}
data: {path: a/captions}
splits: {score: validation}
source: "{{ de }}"
target: "{{ en }}"
first: 7
decoding: {beams: 3}
"""
NAMES = ("de/news", "de/captions")


def written(folder: Path, text: str, name: str = "de.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def loaded(folder: Path, text: str = SPEC) -> list[TranslationTask]:
    return load_tasks(Path(written(folder, text)).name, folder=folder)


def test_a_spec_with_domains_is_a_task_for_each(tmp_path):
    news, captions = loaded(tmp_path)
    assert (news.name, captions.name) == NAMES
    assert news.data.path == "a/news" and news.source == "{{ translation.de }}" and news.rows == {}
    assert captions.source == "{{ de }}" and captions.first == 7 and captions.decoding.beams == 3
    assert (news.description, captions.description) == ("German to English", "Captions")
    assert news.place("data").endswith("de.yaml:10") and captions.place("first").endswith("de.yaml:16")


def test_one_domain_is_a_task_as_if_written_alone(tmp_path):
    """Its definition has nothing of the other domains."""
    _, captions = loaded(tmp_path)
    (tmp_path / "alone").mkdir()
    (alone,) = loaded(tmp_path / "alone", ALONE)
    definition = captions.definition()
    assert definition | {"name": ""} == alone.definition() | {"name": ""}
    (fewer,) = loaded(tmp_path, SPEC.replace("  news: {data: {path: a/news, name: de-en}}\n", ""))
    assert fewer.definition() == definition and fewer.name == "de/captions"


def test_a_domain_is_named_behind_its_spec(tmp_path):
    path = written(tmp_path, SPEC)
    assert load_task(f"{path}/captions").first == 7
    with pytest.raises(
        HarnessError, match=r"de\.yaml is 2 tasks, one for each domain; name one of .*de/news, .*de/captions"
    ):
        load_task(path)
    with pytest.raises(HarnessError, match=r"de\.yaml:9: no domain 'captoins'; did you mean 'captions'\?"):
        load_task(f"{path}/captoins")
    written(tmp_path, ALONE, "alone.yaml")
    with pytest.raises(HarnessError, match="no domain 'news'; it is one task"):
        load_task(f"{tmp_path}/alone.yaml/news")


def test_a_spec_that_includes_one_may_change_all_its_domains_or_take_one(tmp_path):
    """What it says anew holds for every domain, whatever the domains below say."""
    written(tmp_path, SPEC)
    changed = written(tmp_path, "include: de.yaml\ndecoding: {beams: 5}\n", "five.yaml")
    assert [task.decoding.beams for task in load_tasks(changed)] == [5, 5]
    other = written(tmp_path, "include: de.yaml\ndata: {path: a/other}\n", "other.yaml")
    assert {task.data.path for task in load_tasks(other)} == {"a/other"}
    one = load_task(written(tmp_path, "include: de.yaml/captions\nfirst: 3\n", "one.yaml"))
    assert one.first == 3 and one.data.path == "a/captions" and one.name.endswith("one")
    own = written(tmp_path, "include: de.yaml\ndomains: {talks: {data: {path: a/talks}}}\n", "own.yaml")
    assert [task.data.path for task in load_tasks(own)] == ["a/talks"]
    with pytest.raises(HarnessError, match="no domain 'nwes'; did you mean 'news'"):
        load_tasks(written(tmp_path, "include: de.yaml/nwes\n", "wrong.yaml"))


SUITE = """families:
  one: {checkpoints: [a/b]}
  two: {checkpoints: [c/d]}
tasks:
  upstream: [lm_loss/wiki]
  downstream:
    - de.yaml
    - {name: mine, include: de.yaml, decoding: {beams: 4}}
    - {name: single, include: de.yaml/news}
only: [{tasks: [mine], families: [one]}, {tasks: [mine/news], families: [two]}]
headline: {mine: chrf, mine/news: bleu}
controls: [{task: de, metric: bleu, slope: 0}, {task: mine/captions, metric: bleu, slope: 0}]
"""
DOWNSTREAM = (*NAMES, "mine/news", "mine/captions", "single")


def suite(folder: Path, text: str = SUITE) -> Path:
    written(folder, SPEC)
    written(folder, text, "suite.yaml")
    return folder


def test_a_suite_measures_every_domain_and_may_name_all_or_one(tmp_path):
    roles, request = roles_of(suite(tmp_path)), from_suite(tmp_path)
    assert roles.downstream == DOWNSTREAM and list(request.tasks) == ["lm_loss/wiki", *DOWNSTREAM]
    assert request.leave_out == {("two", "mine/captions")}
    assert [c.task for c in roles.controls] == [*NAMES, "mine/captions"]
    assert roles.headline == {"mine/news": "bleu", "mine/captions": "chrf"}
    assert {request.tasks[name].decoding.beams for name in ("mine/news", "mine/captions")} == {4}


def test_a_suite_may_take_one_domain_of_a_file(tmp_path):
    text = SUITE.replace("    - de.yaml\n", "    - de.yaml/news\n").replace("task: de,", "task: de/news,")
    roles = roles_of(suite(tmp_path, text))
    assert (
        roles.downstream == (NAMES[0], *DOWNSTREAM[2:])
        and tuple(load_suite(tmp_path)[1]["downstream"]) == roles.downstream
    )


def test_a_command_measures_every_domain_or_one(tmp_path, monkeypatch):
    written(tmp_path, SPEC)
    monkeypatch.chdir(tmp_path)
    request = from_arguments(["a/b"], ["de.yaml"], (1,))
    assert tuple(request.tasks) == request.roles.downstream == NAMES
    assert tuple(from_arguments(["a/b"], ["de.yaml/captions"], (1,)).tasks) == NAMES[1:]


@pytest.mark.parametrize(("old", "new", "message"), [
    ("    first: 7", "    frist: 7", r"de\.yaml:16: unknown field 'frist'; did you mean 'first'\?"),
    ("    first: 7", "    first: -7", r"de\.yaml:16: 'first' is -7"),
    ("    first: 7", "    kind: choice", r"de\.yaml:16: kind stands in a domain; say it of the whole spec"),
    ("{path: a/news,", "{", r"de\.yaml:10: data names no source"),
    ("news: {data: {path: a/news, name: de-en}}", "news: 3", r"de\.yaml:10: the domain news is 3; expected what differs"),
    ("  news: {data", "  news: {dat", r"de\.yaml:10: (unknown field 'dat'|the field 'data' is missing)"),
    ("  news:", "  2014:", r"de\.yaml:10: a domain named 2014; expected letters"),
    ("  news:", "  a/b:", r"de\.yaml:10: a domain named 'a/b'; expected letters"),
    ("kind: translation", "kind: translaton", r"de\.yaml:2: unknown kind 'translaton'; did you mean 'translation'\?"),
    ("kind: translation", "kind: lm_loss", r"de\.yaml:9: a task of kind lm_loss has no domains; those of kind translation have"),
    (SPEC[SPEC.index("domains:"):], "domains: [news]\n", r"de\.yaml:9: domains is \['news'\]; expected a mapping"),
    (SPEC[SPEC.index("domains:"):], "domains: {}\n", r"de\.yaml:9: domains is {}; expected a mapping"),
])  # fmt: skip
def test_a_fault_names_its_line(tmp_path, old, new, message):
    assert old in SPEC
    with pytest.raises(HarnessError, match=message):
        loaded(tmp_path, SPEC.replace(old, new))


@pytest.mark.parametrize(("old", "new", "message"), [
    ("task: de,", "task: de/nws,", r"suite\.yaml:12: the suite has no task 'de/nws'; did you mean 'de/news'\?"),
    ("[mine/news]", "[mine/nws]", r"suite\.yaml:10: the suite has no tasks 'mine/nws'; did you mean 'mine/news'\?"),
    ("    - de.yaml\n", "    - de.yaml/nws\n", r"suite\.yaml:7: .*no domain 'nws'; did you mean 'news'\?"),
    ("de.yaml, decoding: {beams", "de.yaml, decoding: {beems", r"suite\.yaml:8: unknown field 'decoding\.beems'"),
])  # fmt: skip
def test_a_fault_of_a_suite_names_its_line(tmp_path, old, new, message):
    assert old in SUITE
    with pytest.raises(HarnessError, match=message):
        load_suite(suite(tmp_path, SUITE.replace(old, new)))


def test_one_domain_is_shown_as_it_would_stand_alone(tmp_path, capsys):
    path = written(tmp_path, SPEC)
    show_task(path)
    assert capsys.readouterr().out == f"# {path}\n{SPEC}"
    show_task(f"{path}/captions")
    shown = written(tmp_path, capsys.readouterr().out, "shown.yaml")
    (whole,), (captions,) = load_tasks(shown), load_tasks(f"{path}/captions")
    assert whole.definition() | {"name": ""} == captions.definition() | {"name": ""}


def test_a_domain_is_pinned_in_its_place(tmp_path, monkeypatch):
    """Those of another domain, and what else stands there, stay as they are."""
    commits = {"a/news": "a1" * 20, "a/captions": "b2" * 20}
    monkeypatch.setattr("harness.data.hub.resolve_revision", lambda data, offline: commits[data.path])
    path = written(tmp_path, SPEC)
    assert pin_task(f"{path}/captions").endswith(f"de/captions: revision {'b2' * 20}")
    pinned = SPEC.replace("{path: a/captions}", f"{{path: a/captions, revision: {'b2' * 20}}}")
    assert Path(path).read_text() == pinned
    commits["a/captions"] = "c3" * 20
    assert pin_tasks(path).count("revision") == 2
    both = pinned.replace("{path: a/news,", f"{{path: a/news, revision: {'a1' * 20},").replace("b2" * 20, "c3" * 20)
    assert Path(path).read_text() == both
    derived = written(tmp_path, "include: de.yaml\nmetrics: [bleu]\n", "derived.yaml")
    with pytest.raises(HarnessError, match=r"data\.path is inherited; pin the file it comes from"):
        pin_tasks(derived)


def test_sizes_and_domains_are_one_idea(tmp_path):
    """Translation trains on nothing, so that a size has no meaning; the message is that of any such kind."""
    text = SUITE.replace("decoding: {beams: 4}", "train_rows: [5]")
    assert "mine/news@5" in roles_without_check(tmp_path, text)
    with pytest.raises(HarnessError, match=r"suite\.yaml:8: a task of kind translation is trained on nothing"):
        load_suite(suite(tmp_path, text))


def roles_without_check(folder: Path, text: str) -> tuple[str, ...]:
    from harness.specs.several import names_of

    written(folder, SPEC)
    return names_of({"name": "mine", "include": "de.yaml", "train_rows": [5]}, folder)
