"""Names: Hub ids, folders, brace patterns, and what a name tells of its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checkpoints.names import Lineage, Name, expand, lineage, parse
from harness.errors import HarnessError


def test_hub_names() -> None:
    assert parse("google-bert/bert-base-uncased") == Name("google-bert/bert-base-uncased", None, local=False)
    assert parse("a/b@refs/pr/1") == Name("a/b", "refs/pr/1", local=False)


def test_a_folder_that_exists_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org" / "name@x").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert parse("org/name@x") == Name("org/name@x", None, local=True)
    assert not parse("org/name").local


@pytest.mark.parametrize("name", ["", "gpt2", "./missing", "/missing/folder", "a/b/c", "a/b@", "~/nowhere", "../x"])
def test_neither_folder_nor_hub_name(name: str) -> None:
    with pytest.raises(HarnessError, match=r"neither a folder here nor a Hub name; expected org/name"):
        parse(name)


def test_a_file_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(HarnessError, match="is a file; name the folder"):
        parse(str(tmp_path / "model.safetensors"))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a/b", ["a/b"]),
        ("a/b@step{1,2}", ["a/b@step1", "a/b@step2"]),
        ("a/b@step{0:10:5,512,0}", ["a/b@step0", "a/b@step5", "a/b@step512"]),
        ("a/b-{x,y}@s{0:2}", ["a/b-x@s0", "a/b-x@s1", "a/b-y@s0", "a/b-y@s1"]),
        ("{a/b, c/d}", ["a/b", "c/d"]),
    ],
)
def test_expand(pattern: str, names: list[str]) -> None:
    assert expand(pattern) == names


@pytest.mark.parametrize("pattern", ["a/b{1,2", "a/b}1", "a{{1,2}}"])
def test_braces_without_partners(pattern: str) -> None:
    with pytest.raises(HarnessError, match="without its partner"):
        expand(pattern)


@pytest.mark.parametrize("pattern", ["a/b{}", "a/b{,}", "a/b{5:5}", "a/b{0:5:0}"])
def test_empty_braces(pattern: str) -> None:
    with pytest.raises(HarnessError, match="stands for nothing"):
        expand(pattern)


@pytest.mark.parametrize(
    ("revision", "run", "step"),
    [
        ("main", "o/m", None),
        ("step1000", "o/m", 1000),
        ("step1000-tokens4B", "o/m", 1000),
        ("checkpoint-400", "o/m", 400),
        ("global_step1000", "o/m", 1000),
        ("step-1200000", "o/m", 1200000),
        ("stage1-step140000-tokens294B", "o/m", 140000),
        ("stage3-step-4720000", "o/m", 4720000),
        ("stage2-ingredient1-step23852-tokens51B", "o/m@stage2-ingredient1", 23852),
        ("step69369-seed-small-aux-2", "o/m@seed-small-aux-2", 69369),
        ("footstep1", "o/m", None),
    ],
)
def test_revisions_are_steps(revision: str, run: str, step: int | None) -> None:
    assert lineage(parse(f"o/m@{revision}")) == Lineage(run, step)


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("EleutherAI/pythia-70m-seed3", Lineage("EleutherAI/pythia-70m-seed3", None, 3)),
        ("google/multiberts-seed_1-step_1200k", Lineage("google/multiberts-seed_1", 1_200_000, 1)),
        ("EleutherAI/pythia-160m-data-seed2", Lineage("EleutherAI/pythia-160m-data-seed2", None, None)),
    ],
)
def test_repositories_tell_seed_and_step(repository: str, expected: Lineage) -> None:
    assert lineage(parse(repository)) == expected


@pytest.mark.parametrize(("folder", "step"), [("step-500", 500), ("checkpoint-500", 500), ("epoch=1-step=500", 500)])
def test_folders_named_as_steps_share_the_run_above(tmp_path: Path, folder: str, step: int) -> None:
    (tmp_path / "run" / folder).mkdir(parents=True)
    assert lineage(parse(str(tmp_path / "run" / folder))) == Lineage(str(tmp_path / "run"), step)


def test_a_folder_of_another_name_is_a_run(tmp_path: Path) -> None:
    assert lineage(parse(str(tmp_path))) == Lineage(str(tmp_path.resolve()))


def test_one_run_of_several_steps() -> None:
    found = [lineage(parse(name)) for name in expand("EleutherAI/pythia-70m@step{1000,2000,4000}")]
    assert {told.run for told in found} == {"EleutherAI/pythia-70m"}
    assert [told.step for told in found] == [1000, 2000, 4000]
