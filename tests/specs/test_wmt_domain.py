"""The shipped tasks of translation, against rows in the columns that their data sets were seen to have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.data.parallel import pair_columns, pairs_of
from harness.data.rows import Rows
from harness.specs import Data, TranslationTask, load_tasks, shipped_tasks, task_names

Row = dict[str, Any]
WORDS = {"de": "Ja", "en": "Yes", "fr": "Oui", "ro": "Da", "ru": "Да", "zh": "是", "cs": "Ano"}
WHOLE = {"train", "validation", "test"}
SPLITS = {"wmt/wmt14": WHOLE, "wmt/wmt16": WHOLE, "bentrevett/multi30k": WHOLE, "Helsinki-NLP/opus_books": {"train"},
          "Helsinki-NLP/opus-100": WHOLE, "google/wmt24pp": {"train"}}  # fmt: skip
"""Splits by data set, and below configurations: from their pages and from public code."""
CONFIGS = {
    "wmt/wmt14": {"cs-en", "de-en", "fr-en", "hi-en", "ru-en"},
    "wmt/wmt16": {"cs-en", "de-en", "fi-en", "ro-en", "ru-en", "tr-en"},
    "bentrevett/multi30k": {None},
    "Helsinki-NLP/opus_books": {"de-en", "en-fr", "en-it"},
    "Helsinki-NLP/opus-100": {"de-en", "en-fr", "en-sk"},
    "google/wmt24pp": {f"en-{p}" for p in ("de_DE", "zh_CN", "ja_JP", "ko_KR", "fr_FR", "es_MX", "ru_RU")},
}


def nested(data: Data) -> list[Row]:
    """WMT and OPUS: a column that has both languages of the configuration."""
    return [{"translation": {language: WORDS[language] for language in str(data.name).split("-")}}]


def flat(data: Data) -> list[Row]:
    """Multi30k."""
    return [{"en": "Yes", "de": "Ja"}]


def with_domains(data: Data) -> list[Row]:
    """WMT24++: a row of each domain, and the canary, which is a bad source."""
    of = {"lp": data.name, "document_id": "a", "segment_id": 0, "original_target": "x", "source": "Yes", "target": "x"}
    bad = {**of, "domain": "canary", "is_bad_source": True, "source": "CANARY"}
    return [bad, *({**of, "domain": name, "is_bad_source": bad} for name in DOMAINS for bad in (False, True))]


DOMAINS = ("literary", "news", "social", "speech")
COLUMNS = {"wmt/wmt14": nested, "wmt/wmt16": nested, "Helsinki-NLP/opus_books": nested, "Helsinki-NLP/opus-100": nested,
           "bentrevett/multi30k": flat, "google/wmt24pp": with_domains}  # fmt: skip
TASKS = [task for name in task_names() if name.startswith("wmt_domain/") for task in load_tasks(name)]


def rows_like(data: Data) -> Rows:
    """Rows as the data set has them; those of a test set in the fields that sacreBLEU's registry gives it."""
    if data.test_set is not None:
        from sacrebleu.dataset import DATASETS

        source, target = str(data.name).split("-")
        found = DATASETS[data.test_set]
        assert {source, target} <= set("-".join(found.langpairs).split("-")) and data.name in found.langpairs
        rows: list[Row] = [{"src": WORDS[source], "ref": WORDS[target], "domain": domain} for domain in DOMAINS]
    else:
        rows = COLUMNS[str(data.path)](data)
    return Rows({name: [row[name] for row in rows] for name in rows[0]}, "r", "f", len(rows))


@pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
def test_a_task_finds_its_texts_in_the_columns_of_its_data(task: TranslationTask) -> None:
    """Each in its own language, and nothing of another domain or of a bad source."""
    rows = rows_like(task.data)
    assert set(pair_columns(task)) <= set(rows.columns)
    found = pairs_of(task, rows)
    assert {pair.source for pair in found} == {WORDS[task.languages.source]}
    assert {pair.target for pair in found} == {
        WORDS.get(task.languages.target, "x")
    } or task.data.path == "google/wmt24pp"
    if task.where:
        domains = [rows.columns["domain"][pair.row] for pair in found]
        assert domains == [task.name.rpartition("/")[2]]
        assert not any(rows.columns["is_bad_source"][pair.row] for pair in found if "is_bad_source" in rows.columns)


@pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
def test_a_task_names_a_split_and_configuration_that_there_are(task: TranslationTask) -> None:
    """Its revision is known, or it says that it is not."""
    split = task.splits["score"]
    if task.data.test_set is not None:
        assert split == "test"
        return
    assert split in SPLITS[str(task.data.path)] and task.data.name in CONFIGS[str(task.data.path)]
    assert (task.data.revision is None) == (task.status == "unverified")


def test_no_two_tasks_are_the_same() -> None:
    """A definition that stands twice would be measured twice under two names."""
    definitions = [str({k: v for k, v in task.definition().items() if k != "name"}) for task in TASKS]
    assert len(set(definitions)) == len(TASKS) > 50


def test_both_directions_of_a_pair_have_the_same_domains() -> None:
    """What is gained and lost in one can be looked at in the other."""
    for one, other in (("de-en", "en-de"), ("fr-en", "en-fr")):
        there, back = (
            {t.name.rpartition("/")[2]: t for t in TASKS if t.name.startswith(f"wmt_domain/{p}/")} for p in (one, other)
        )
        assert list(there) == list(back)
        assert all(back[name].languages.source == there[name].languages.target for name in there)


def test_nothing_that_is_not_public_ships() -> None:
    """``local/`` is on no Hub."""
    assert all("local/" not in path.read_text() for path in Path(shipped_tasks()).rglob("*.yaml"))
