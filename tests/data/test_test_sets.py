"""sacreBLEU's test sets, from a folder that holds what the library would have fetched."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest
from sacrebleu.dataset import DATASETS

from harness.data.parallel import Pair, pair_columns, pairs_of
from harness.data.rows import Rows, load_rows, revision_of
from harness.data.test_sets import registered
from harness.errors import HarnessError
from harness.specs import Data, TranslationTask, load_task
from tests.hub.sacrebleu_sets import plant, plant_documents

SPEC = """description: d
kind: translation
languages: {{source: de, target: en}}
data: {{test_set: {test_set}, name: {pair}}}
splits: {{score: test}}
source: "{{{{ src }}}}"
target: "{{{{ ref }}}}"
{more}
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of ``~/.sacrebleu``, and no network."""
    for name in ("wmt19", "wmt24", "wmt20/tworefs"):
        monkeypatch.setattr(DATASETS[name], "_outdir", str(tmp_path / name))
        monkeypatch.setattr(DATASETS[name], "_rawdir", str(tmp_path / name / "raw"))
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    return tmp_path


def unreachable(*_: object, **__: object) -> Any:
    """What a machine without a network answers."""
    raise urllib.error.URLError("Name or service not known")


def task(folder: Path, test_set: str, pair: str, more: str = "") -> TranslationTask:
    """A task on a test set."""
    (folder / "mine.yaml").write_text(SPEC.format(test_set=test_set, pair=pair, more=more))
    return load_task(str(folder / "mine.yaml"))


def read(mine: TranslationTask, **how: Any) -> Rows:
    """Its rows."""
    return load_rows(mine, "score", pair_columns(mine), **how)


def test_a_test_set_is_read_by_its_id(kept: Path) -> None:
    """Fields are columns, and the revision is the checksum in the registry, known without loading anything."""
    plant(kept, "wmt19", "de-en", src=["Ja", "Nein"], ref=["Yes", "No"], origlang=["de", "en"])
    mine = task(kept, "wmt19", "de-en")
    rows = read(mine, offline=True)
    assert pairs_of(mine, rows) == [Pair(0, "Ja", "Yes"), Pair(1, "Nein", "No")]
    assert rows.revision == revision_of(mine, offline=True) == f"md5:{DATASETS['wmt19'].md5[0]}"
    assert rows.total == 2 and len(read(mine, first=1)) == 1
    original = task(kept, "wmt19", "de-en", "where: {origlang: de}")
    assert pairs_of(original, read(original)) == [Pair(0, "Ja", "Yes")]


def test_the_first_of_several_references_is_ref(kept: Path) -> None:
    """The others are columns too."""
    plant(kept, "wmt20/tworefs", "de-en", src=["Ja"], ref__0=["Yes"], ref__1=["Yeah"])
    mine = task(kept, "wmt20/tworefs", "de-en")
    assert read(mine).columns == {"src": ["Ja"], "ref": ["Yes"]}
    assert load_rows(mine, "score", ("ref_1",)).columns == {"ref_1": ["Yeah"]}


def test_a_test_set_is_split_by_the_domains_it_carries(kept: Path) -> None:
    """From the archive's XML, as the library reads it."""
    segments = [("news", "Yes", "Ja"), ("news", "Well  done", "Gut so"), ("speech", "No", "Nein")]
    plant_documents(kept, "wmt24", "en-de", segments)
    found = {}
    for domain in ("news", "speech"):
        mine = task(kept, "wmt24", "en-de", f"where: {{domain: {domain}}}")
        found[domain] = [(pair.source, pair.target) for pair in pairs_of(mine, read(mine, offline=True))]
    assert found == {"news": [("Yes", "Ja"), ("Well done", "Gut so")], "speech": [("No", "Nein")]}


def test_several_archives_have_one_checksum() -> None:
    """A set of one archive has its own."""
    talks = registered(Data(test_set="iwslt17", name="de-en"))
    assert len(talks) == len(registered(Data(test_set="wmt19", name="de-en"))) == 36
    assert talks != registered(Data(test_set="iwslt17/tst2016", name="de-en"))


@pytest.mark.parametrize("offline", [True, False])
def test_what_is_not_at_hand_is_one_message(kept: Path, offline: bool) -> None:
    """Where it would be, and where it comes from."""
    told = (
        "--offline forbids to fetch it"
        if offline
        else r"cannot be fetched from data\.statmt\.org: .*not known.*; run again later"
    )
    with pytest.raises(
        HarnessError, match=rf"mine\.yaml:4: sacreBLEU's test set wmt19 is not in .*wmt19.*{told}"
    ) as error:
        read(task(kept, "wmt19", "de-en"), offline=offline)
    assert len(str(error.value).splitlines()) == 1


def test_another_checksum_is_one_message(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would leave the program."""
    (kept / "another").write_bytes(b"not what was expected")
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: (kept / "another").open("rb"))
    with pytest.raises(HarnessError, match=r"another checksum than its registry says; delete .*raw and run again"):
        read(task(kept, "wmt19", "de-en"))


@pytest.mark.parametrize(("test_set", "pair", "more", "told"), [
    ("wmt91", "de-en", "", r"mine\.yaml:4: sacreBLEU has no test set 'wmt91'; did you mean 'wmt21'"),
    ("wmt19", "en-dee", "", r"mine\.yaml:4: the test set wmt19 has no pair 'en-dee'; did you mean 'en-de'"),
    ("wmt19", "de-en", "where: {domian: news}", "the data has no column 'domian'"),
    ("wmt19", "de-en, revision: main", "", r"mine\.yaml:4: a test set has a pair under name, .* and no revision"),
])  # fmt: skip
def test_a_fault_names_its_line(kept: Path, test_set: str, pair: str, more: str, told: str) -> None:
    """And the nearest name."""
    plant(kept, "wmt19", "de-en", src=["Ja"], ref=["Yes"])
    with pytest.raises(HarnessError, match=told):
        read(task(kept, test_set, pair, more))
    if not more:
        with pytest.raises(HarnessError, match=told):
            revision_of(task(kept, test_set, pair))


def test_a_test_set_has_one_split(kept: Path) -> None:
    """It is for testing."""
    mine = task(kept, "wmt19", "de-en").model_copy(update={"splits": {"score": "train"}})
    with pytest.raises(HarnessError, match="no split 'train'; valid: test"):
        read(mine)
