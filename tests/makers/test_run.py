"""A run that goes on after a kill ends where one ends that was never broken off, or says why it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.makers import run
from harness.makers.registry import make
from harness.specs import Pretrain
from tests.makers.test_pretrain import CAUSAL, hashes


def recipe(*steps: int) -> Pretrain:
    small = {"seeds": [1], "corpus": "words.txt", "batch_size": 2, "length": 9}
    return Pretrain.model_validate(CAUSAL | small | {"steps": list(steps)})


def write(folder: Path, words: str) -> None:
    (folder / "words.txt").write_text(f"{words} " * 60)


def killed(folder: Path, spec_folder: Path, monkeypatch: pytest.MonkeyPatch, *steps: int) -> None:
    """Make a family and break off in its third step; its state stands."""
    step = maker.Loop.step

    def until(self: Any, batch: Any) -> float:
        if self.step_number == 2:
            raise KeyboardInterrupt
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(run, "SECONDS_BETWEEN_STATES", -1.0)
        patch.setattr(maker.Loop, "step", until)
        with pytest.raises(KeyboardInterrupt):
            make(recipe(*steps), folder, spec_folder=spec_folder)
    assert (folder / ".training" / "seed=1.state").is_file()


@pytest.mark.parametrize("changed", ["text", "state"])
def test_a_state_of_another_text_or_a_damaged_one_is_not_gone_on_from(tmp_path, monkeypatch, changed):
    write(tmp_path, "the cat sat on a mat")
    killed(tmp_path / "f", tmp_path, monkeypatch, 4)
    if changed == "text":
        write(tmp_path, "a dog ran under the tree")
    else:
        (tmp_path / "f/.training/seed=1.state").write_bytes(b"torn")
    make(recipe(4), tmp_path / "f", spec_folder=tmp_path)
    make(recipe(4), tmp_path / "whole", spec_folder=tmp_path)
    assert hashes(tmp_path / "f") == hashes(tmp_path / "whole")
    assert not (tmp_path / "f/.training").exists()


def test_members_of_one_family_are_trained_on_one_text(tmp_path, monkeypatch):
    write(tmp_path, "the cat sat on a mat")
    killed(tmp_path / "f", tmp_path, monkeypatch, 1, 4)
    write(tmp_path, "a dog ran under the tree")
    with pytest.raises(HarnessError, match=r"members were trained on words.txt\[train\]@.*, and the recipe now names"):
        make(recipe(1, 4), tmp_path / "f", spec_folder=tmp_path)
