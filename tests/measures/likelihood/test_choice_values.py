from __future__ import annotations

import numpy as np
import pytest

from harness.measures.likelihood.questions import Question
from harness.measures.likelihood.values import choosing_values, last_word_values
from harness.specs import load_task

PAIR = ("a", "a")
ASKED = [
    Question(0, PAIR, ("ab", "abcdefgh"), 1, "p"),
    Question(1, PAIR, ("ä", "b"), 0, "p"),
    Question(2, PAIR, ("xy", "zw"), 0, "q"),
    Question(3, ("a",) * 4, ("k", "l", "m", "n"), 3, "r"),
]
NATS = [[-3.0, -4.0], [-1.5, -1.0], [-2.0, -2.0], [-4.0, -3.0, -2.0, -1.0]]
TOKENS = [[1, 2], [2, 1], [1, 1], [1, 1, 1, 1]]


def task(tmp_path, metrics: str, more: str = ""):
    (tmp_path / "t.yaml").write_text(f"include: choice/hellaswag\nmetrics: {metrics}\n{more}")
    return load_task(str(tmp_path / "t.yaml"))


def test_each_normalisation_chooses_by_its_own_length(tmp_path):
    names = ["accuracy", "accuracy_per_character", "accuracy_per_byte", "accuracy_per_token", "log_likelihood_margin"]
    values, outcomes = choosing_values(task(tmp_path, str(names)), ASKED, NATS, TOKENS)
    # A tie is won by the first, as in lm-eval; the umlaut is one character and two bytes.
    right = {"correct": [0, 0, 1, 1], "correct_per_character": [1, 0, 1, 1], "correct_per_byte": [1, 1, 1, 1],
             "correct_per_token": [1, 1, 1, 1]}  # fmt: skip
    assert {o.metric: o.outcome.tolist() for o in outcomes} == right
    assert [v.metric for v in values] == names
    assert [v.value for v in values] == pytest.approx([0.5, 0.75, 1.0, 1.0, np.mean([-1.0, -0.5, 0.0, 1.0])])
    assert outcomes[0].row.tolist() == [0, 1, 2, 3] and outcomes[0].cluster.tolist() == [0, 0, 1, 2]
    assert values[0].details == {"chance": (3 * 0.5 + 0.25) / 4, "chance_by": "a choice by lot"}
    assert values[4].details is None and values[4].unit == "nats"


def test_errors_are_clustered_where_the_task_names_passages(tmp_path):
    by_passage = choosing_values(task(tmp_path, "[accuracy]"), ASKED, NATS, TOKENS)[0][0]
    # Sums of the deviations -1/2, -1/2, 1/2, 1/2 within p, q, r: -1, 1/2, 1/2.
    assert by_passage.stderr == pytest.approx(np.sqrt(3 / 2 * 1.5) / 4) and "clustered" in by_passage.stderr_method
    alone = choosing_values(task(tmp_path, "[accuracy]", "cluster: null\n"), ASKED, NATS, TOKENS)[0][0]
    assert alone.stderr == pytest.approx(np.std([0, 0, 1, 1], ddof=1) / 2) and "clustered" not in alone.stderr_method


def test_chance_is_the_commonest_answer_where_choices_never_change(tmp_path):
    asked = [Question(n, PAIR, ("no", "yes"), int(n > 0), str(n)) for n in range(4)]
    values, _ = choosing_values(task(tmp_path, "[accuracy]"), asked, [[-1.0, -2.0]] * 4, [[1, 1]] * 4)
    assert values[0].details == {"chance": 0.75, "chance_by": "always class 1"} and values[0].value == 0.25


def test_perplexity_is_per_word_with_the_delta_method(tmp_path):
    asked = [Question(n, ("a",), ("b",), 0, str(n)) for n in range(4)]
    nats = np.array([-1.0, -2.0, -3.0, -2.0])
    values, (outcome,) = last_word_values(
        load_task("choice/lambada"), asked, nats, np.array([True, False, False, True])
    )
    found = {v.metric: v for v in values}
    assert found["greedy_accuracy"].value == 0.5 and found["greedy_accuracy"].details["chance"] == 0
    assert found["perplexity"].value == pytest.approx(np.exp(2)) and not found["perplexity"].higher_is_better
    assert found["perplexity"].stderr == pytest.approx(np.exp(2) * np.std(nats, ddof=1) / 2)
    assert outcome.outcome.tolist() == [1, 0, 0, 1]
