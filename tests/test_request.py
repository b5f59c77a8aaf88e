"""What a suite or a command line asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.request import from_arguments, from_suite, save_suite

SUITE = """title: Mine # kept as it is written
families:
  f:
    make:
      maker: pretrain
      objective: causal
      architecture: {model_type: gpt2, n_embd: 8, n_layer: 1, n_head: 1, n_positions: 8}
      corpus: [{data: {world: hmm, name: text}}]
      steps: [1]
tasks: {upstream: [synthetic/hmm_loss]}
"""


@pytest.mark.parametrize("named", ["suite.yaml", ".", "absolute"])
def test_a_suite_that_stands_with_its_results_is_left_as_it_is(named: str, tmp_path: Path, monkeypatch) -> None:
    """From its own folder too, whose relative name is that of no folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.yaml").write_text(SUITE)
    save_suite(from_suite(tmp_path if named == "absolute" else Path(named)), Path())
    assert (tmp_path / "suite.yaml").read_text() == SUITE


def test_what_command_lines_ask_for_is_joined(tmp_path: Path, monkeypatch) -> None:
    """The second adds its checkpoint and its task to those of the first, in the folder that it is typed in too."""
    monkeypatch.chdir(tmp_path)
    for name, task in (("runs/step-1", "lm_loss/wiki"), ("runs/step-2", "synthetic/hmm_loss")):
        save_suite(from_arguments([name], [task], (1,)), Path())
    found = from_suite(Path())
    assert found.families == {"runs": ("runs/step-1", "runs/step-2")}
    assert set(found.tasks) == {"lm_loss/wiki", "synthetic/hmm_loss"}
