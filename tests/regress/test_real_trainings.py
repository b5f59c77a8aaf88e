"""Trainings and no simulation: seeds of one fine-tuning are noise, and a checkpoint pruned to sixty percent is not."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from harness.regress.baseline import read_baseline
from harness.regress.cell import Answer, Measured, Name, Pair, status_of
from harness.regress.compare import Question, compare
from harness.regress.evidence import evidence
from harness.regress.outcomes import read_kept
from harness.regress.side import Side, read_side
from harness.regress.tolerance import parse
from harness.regress.verdict import judged

SUITE = """
families:
  whole:
    make: {maker: pretrain, objective: causal, architecture: {model_type: gpt2, n_embd: 64, n_layer: 2, n_head: 2, n_positions: 64},
           tokenizer: {kind: word, vocabulary: 256}, corpus: [{data: {world: hmm, name: text}, split: train}], seeds: [1],
           steps: [60], learning_rate: 3e-3, warmup_steps: 20, batch_size: 32, length: 33}
  pruned: {make: {maker: prune, start: whole/seed=1/step=60, method: magnitude, sparsity: [0.6]}}
tasks:
  upstream: [synthetic/hmm_loss]
  downstream:
    - name: state
      include: synthetic/hmm_state
      protocol: {learning_rates: [1e-3], epochs: 2, batch_size: 32, dropout: 0.0, train_rows: 300}
only: [{tasks: [state], families: [whole]}]
seeds: [1, 2, 3, 4, 5, 6]
"""
WHOLE, PRUNED = "whole/seed=1/step=60", "pruned/sparsity=0.6"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One checkpoint, fine-tuned under six seeds, and its pruned copy."""
    from harness import evaluator
    from harness.request import Options, from_suite

    place = tmp_path_factory.mktemp("trained")
    (place / "suite.yaml").write_text(SUITE)
    outcome = evaluator.run(from_suite(place), place, Options())
    assert not outcome.failed, outcome.failed
    return place


def between(side: Side, seeds: tuple[int, ...], others: tuple[int, ...], tolerance: str) -> Answer:
    """One fine-tuning under some seeds held against the same under others."""
    whole = side.newest(Name("state", "accuracy", WHOLE))

    def of(some: tuple[int, ...]) -> Measured:
        return replace(whole, records=tuple(record for record in whole.records if record.seed in some))

    pair = Pair(Name("state", "accuracy", WHOLE), "metric", of(seeds), of(others))
    kept = read_kept(side.folder, {record.key for record in whole.records})
    return judged(evidence([pair], kept, kept, [parse(tolerance)]), [True])[0]


@pytest.mark.slow
def test_seeds_of_one_fine_tuning_do_not_regress_more_often_than_stated(trained):
    side = read_side(trained)
    splits = [(some, tuple(set(range(1, 7)) - set(some))) for some in combinations(range(1, 7), 3)]
    verdicts = {
        tolerance: [between(side, *split, tolerance).verdict for split in splits] for tolerance in ("0", "0.01")
    }
    # Of twenty splits, ten are the others turned round: each has one side that did worse.
    assert verdicts["0"].count("worse") <= 2 and verdicts["0.01"].count("worse") <= 1
    assert {between(side, (seed,), (other,), "0").verdict for seed, other in combinations(range(1, 7), 2)} == {
        "undecided"
    }


@pytest.mark.slow
def test_a_checkpoint_pruned_to_sixty_percent_always_regresses(trained, tmp_path):
    (tmp_path / "baseline.yaml").write_text(f"results: {trained}\nonly: [{{checkpoint: {WHOLE}}}]\n")
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in trained.iterdir():
        if path.name != "families":
            (copy / path.name).symlink_to(path)
    losses = Name("synthetic/hmm_loss", "*", "*")
    question = Question(only=(losses,), aliases={PRUNED: WHOLE, WHOLE: "itself"})
    found = compare(read_baseline(tmp_path / "baseline.yaml"), copy, question)
    assert {answer.verdict for answer in found.answers} == {"worse"} and status_of(found.answers) == 1
