"""What ``false_alarms.md`` says, asked again with fewer draws; and the same of what is committed and of real trainings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from false_alarms import Spread, false_alarms, frozen, measured, power

from harness.regress.baseline import read_baseline
from harness.regress.compare import Question, compare
from harness.regress.verdict import judged
from harness.results import Store
from harness.results.outcomes import copy_outcomes

BOARDS = Path(__file__).parents[2] / "leaderboards"


def half(board: str, name: str, folder: Path) -> Path:
    """The records of one checkpoint of a committed board, under the name "model"."""
    store = Store(BOARDS / board)
    info = next(info for info in store.checkpoints.values() if name in info.names)
    records = [record for record in store.records if record.checkpoint == info.identity and record.stage == "selected"]
    contexts = [store.contexts[record.context] for record in records]
    with Store.writing(folder) as writer:
        writer.add_all(records, contexts, [replace(info, names=("model",))])
    copy_outcomes(BOARDS / board, folder, {record.key for record in records})
    return folder


def between(board: str, before: str, now: str, folder: Path) -> dict[str, str]:
    """Verdicts of one committed checkpoint held against another."""
    held = read_baseline(half(board, before, folder / "a"))
    found = compare(held, half(board, now, folder / "b"), Question(fail_on=("metric", "loss", "flatness")))
    return {f"{answer.name.task} {answer.name.metric}": answer.verdict for answer in found.answers if answer.tested}


@pytest.mark.parametrize("regime", ["magnitude", "random"])
def test_a_committed_checkpoint_pruned_to_sixty_percent_regresses_on_every_text(tmp_path, regime):
    found = between("pruned-wiki", f"{regime}/sparsity=0.0", f"{regime}/sparsity=0.6", tmp_path)
    texts = {name: verdict for name, verdict in found.items() if name.endswith("nats_per_token")}
    assert len(texts) == 5 and set(texts.values()) == {"worse"}
    assert found["pruned/sst2 accuracy"] == "undecided"  # fine-tuned under one seed


def test_a_committed_checkpoint_against_itself_is_unchanged_in_every_cell(tmp_path):
    found = between("pruned-wiki", "magnitude/sparsity=0.0", "magnitude/sparsity=0.0", tmp_path)
    assert len(found) > 10 and set(found.values()) == {"equivalent"}


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_false_alarms_of_a_pull_request_are_five_percent_at_most(seeds):
    none, one_point = false_alarms(list(measured()), seeds, (0.0, 0.01), 300)
    assert none <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 300) and one_point <= 0.02


@pytest.mark.slow
def test_seeds_taken_for_examples_would_raise_many_more_alarms():
    draws, spread = np.random.default_rng(0), Spread("task", 0.65, 0.025, 0.15, 5000)
    alarms = 0
    for _ in range(200):
        one = frozen(replace(spread, between_runs=0.0), 0.0, 0.0, draws)
        moved = float(draws.normal(0, 0.025 * np.sqrt(2)))
        naive = replace(one, difference=replace(one.difference, value=one.difference.value + moved, exact=None))
        alarms += judged([naive], [True])[0].verdict == "worse"
    assert alarms / 200 > 0.3


@pytest.mark.slow
def test_large_drops_are_seen_and_those_that_do_not_matter_are_not_called_worse():
    spread = Spread("task", 0.8, 0.008, 0.11, 872)
    assert power(spread, 5, 0.05, 60, 0)["worse"] > 0.9
    assert power(spread, 5, 0.01, 60, 0).get("worse", 0.0) <= 0.15
    assert power(spread, 2, 0.3, 5, 0) == {"undecided": 1.0}
