"""Two files of text whose lines translate one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.parallel import Pair, corpus_pairs, pairs_of
from harness.data.rows import load_rows, revision_of
from harness.errors import HarnessError
from harness.specs import ParallelText, TranslationTask, load_task

SPEC = """description: d
kind: translation
languages: {source: de, target: en}
data: {files: {source: a.de, target: a.en}}
splits: {score: train}
source: "{{ source }}"
target: "{{ target }}"
"""
GERMAN, ENGLISH = "Ja\r\nGut\u2028so\r\n", "Yes\nWell done\n"


def task(folder: Path, text: str = SPEC, german: str = GERMAN, english: str = ENGLISH) -> TranslationTask:
    (folder / "a.de").write_bytes(german.encode())
    (folder / "a.en").write_bytes(english.encode())
    (folder / "mine.yaml").write_text(text)
    return load_task(str(folder / "mine.yaml"))


def test_line_n_translates_line_n(tmp_path: Path) -> None:
    """A line ends with a line feed, whatever else Unicode calls a separator."""
    mine = task(tmp_path)
    rows = load_rows(mine, "score", ("source", "target"))
    assert pairs_of(mine, rows) == [Pair(0, "Ja", "Yes"), Pair(1, "Gut\u2028so", "Well done")]
    assert rows.total == 2 and rows.revision == revision_of(mine) and rows.revision.startswith("files:")
    assert len(load_rows(mine, "score", ("source",), first=1)) == 1
    again = task(tmp_path, english="Yes\nWell made\n")
    assert load_rows(again, "score", ("source", "target")).revision != rows.revision


def test_a_corpus_to_train_on_may_be_two_files(tmp_path: Path) -> None:
    """As in a recipe, whose folder they stand beside."""
    task(tmp_path)
    part = ParallelText.model_validate(
        {"data": {"files": {"de": "a.de", "en": "a.en"}}, "source": "{{ de }}", "target": "{{ en }}"}
    )
    pairs, name = corpus_pairs([part], tmp_path, offline=True)
    assert pairs == [[Pair(0, "Ja", "Yes"), Pair(1, "Gut\u2028so", "Well done")]] and "a.de" in name


def test_different_lengths_are_one_message_with_both_counts(tmp_path: Path) -> None:
    """The line of the spec, both files and both counts."""
    mine = task(tmp_path, english="Yes\nGood\nBad\n")
    with pytest.raises(
        HarnessError, match=r"mine\.yaml:4: .*a\.de has 2 lines and .*a\.en has 3; expected as many"
    ) as error:
        load_rows(mine, "score", ("source", "target"))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(("old", "new", "told"), [
    ("a.en}", "b.en}", r"mine\.yaml:4: no file .*b\.en"),
    ("score: train", "score: test", r"mine\.yaml:5: no split 'test'; valid: train"),
    ("{{ target }}", "{{ targte }}", "the data has no column 'targte'; did you mean 'target'"),
    ("a.en}", "../a.en}", r"mine\.yaml:4: '\.\./a\.en' leaves the folder"),
    ("{source: a.de, target: a.en}", "a.de", r"mine\.yaml:4: files is 'a\.de'; expected a list .* or columns such as"),
    ("target: a.en}", "target: 3}", r"mine\.yaml:4: files is .*3}; expected a list"),
    ("{files:", "{path: a/b, files:", r"mine\.yaml:4: data names path and files; give exactly one of path, files, test_set, world"),
])  # fmt: skip
def test_a_fault_names_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Where the spec is loaded, or where its rows are."""
    with pytest.raises(HarnessError, match=told):
        mine = task(tmp_path, SPEC.replace(old, new))
        load_rows(mine, "score", tuple(word.strip("{} ") for word in (mine.source, mine.target)))


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    """Nothing can be measured on it."""
    with pytest.raises(HarnessError, match=r"mine\.yaml:5: split 'train' has no rows"):
        load_rows(task(tmp_path, german="", english=""), "score", ("source", "target"))
