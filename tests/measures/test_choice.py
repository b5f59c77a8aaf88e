"""The kind, from the command's own entry to its records."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness import evaluate
from harness.errors import HarnessError
from harness.measures import choice
from harness.results.outcomes import read_outcomes
from harness.specs import load_task
from tests.hub import seq2seq
from tests.hub.datasets import publish_dataset
from tests.measures.likelihood.choice_rows import columns_of_rows, rows_of, write_task
from tests.measures.likelihood.test_causal_likelihoods import naive


def test_a_causal_model_is_scored_and_each_answer_kept(content, hub, tmp_path):
    rows = rows_of("hellaswag", 8)
    path = write_task(tmp_path, "hellaswag", rows)
    model, tokenizer = content.make("gpt2")
    records = {r.metric: r for r in evaluate((model.eval(), tokenizer), path, name="m", output=tmp_path / "out")}
    assert not [r.error for r in records.values() if r.error]
    assert set(records) == {"accuracy_per_character", "accuracy", "log_likelihood_margin"}
    accuracy = records["accuracy"]
    assert accuracy.seed is None and accuracy.n == 8 and accuracy.details["chance"] == 0.25
    assert "clustered" in accuracy.stderr_method and accuracy.cost.tokens > 0
    kept = read_outcomes(tmp_path / "out").to_pydict()
    outcomes = {
        row: hit for m, row, hit in zip(kept["metric"], kept["row"], kept["outcome"], strict=True) if m == "correct"
    }
    asked = choice.questions(load_task(path), as_rows(rows))
    best = [int(np.argmax([naive(model, tokenizer, *pair)[0] for pair in q.pairs()])) for q in asked]
    assert [outcomes[n] for n in range(8)] == [float(b == q.target) for b, q in zip(best, asked, strict=True)]
    assert accuracy.value == pytest.approx(np.mean(list(outcomes.values())))


def as_rows(rows):
    from harness.data.rows import Rows

    return Rows(columns_of_rows(rows), "r", "f", len(rows))


@pytest.mark.parametrize("name", ["winogrande", "copa"])
def test_a_masked_model_gives_pseudo_log_likelihoods(content, hub, tmp_path, name):
    path = write_task(tmp_path, name, rows_of(name, 4))
    records = {r.metric: r for r in evaluate(content.make("bert"), path, name="m")}
    assert records["accuracy"].error is None and records["accuracy"].n == 4
    assert np.isfinite(records["log_likelihood_margin"].value)


def test_the_last_word_is_for_causal_models(content, hub, tmp_path):
    path = write_task(tmp_path, "lambada", rows_of("lambada", 5))
    records = {r.metric: r for r in evaluate(content.make("gpt2"), path, name="m")}
    assert records["perplexity"].value > 1 and records["greedy_accuracy"].error is None
    (failed,) = evaluate(content.make("bert"), path, name="n")
    assert "is masked, and greedy_accuracy is of a model that reads from left to right" in failed.error


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_a_sequence_to_sequence_model_says_the_continuation_after_reading_the_context(hub, tmp_path, name):
    """Accuracies and the last word, as of a causal model; a context longer than the encoder's window is counted."""
    model = seq2seq.make(name)
    path = write_task(tmp_path, "hellaswag", rows_of("hellaswag", 6), "window: 40\n")
    records = {r.metric: r for r in evaluate(model, path, name="m")}
    assert set(records) == {"accuracy_per_character", "accuracy", "log_likelihood_margin"}
    assert records["accuracy"].n == 6 and np.isfinite(records["log_likelihood_margin"].value)
    path = write_task(tmp_path, "lambada", rows_of("lambada", 5), "window: 12\n")
    records = {r.metric: r for r in evaluate(model, path, name="m")}
    assert records["perplexity"].value > 1 and 0 <= records["greedy_accuracy"].value <= 1
    assert records["perplexity"].warnings == ("5 of 5 questions were cut at the left to 12 tokens",)


def test_a_model_without_likelihoods_is_refused_in_one_message(content, hub, tmp_path):
    path = write_task(tmp_path, "copa", rows_of("copa", 4))
    (failed,) = evaluate(content.make("encoder"), path, name="m")
    assert failed.error.endswith("multiple choice by likelihood takes causal, masked and seq2seq models")
    assert len(failed.error.splitlines()) == 1


def test_a_window_too_wide_is_refused_and_policies_are_as_they_were(content, hub, tmp_path):
    from harness.checkpoints import resolve_in_memory

    path = write_task(tmp_path, "copa", rows_of("copa", 4), "window: 65\n")
    found = resolve_in_memory(*content.make("gpt2"), name="m")
    with pytest.raises(HarnessError, match=r"copa\.yaml:5: window 65; m reads 64 tokens at most"):
        choice.policy(load_task(path), found)
    assert choice.policy(load_task("choice/copa"), found) == {"window": 64, "bos": "tokenizer"}
    seq2seq_policy = choice.policy(load_task("choice/copa"), dataclasses.replace(found, objective="seq2seq"))
    assert seq2seq_policy["window"] == 64 and "bos" not in seq2seq_policy


def test_questions_cut_to_the_window_are_counted(content, hub, tmp_path):
    path = write_task(tmp_path, "boolq", rows_of("boolq", 5), "window: 12\n")
    record = evaluate(content.make("gpt2"), path, name="m")[0]
    assert record.error is None and record.warnings == ("5 of 5 questions were cut at the left to 12 tokens",)


def test_an_unknown_column_and_a_bad_row_are_failures_with_file_and_line(content, hub, tmp_path):
    path = write_task(tmp_path, "piqa", rows_of("piqa", 3), "target: lable\n")
    (failed,) = evaluate(content.make("gpt2"), path, name="m")
    assert "piqa.yaml:1: the data has no column 'lable'; did you mean 'label'?" in failed.error
    rows = rows_of("piqa", 3)
    path = write_task(tmp_path, "piqa", [*rows, rows[0] | {"label": 2}])
    (failed,) = evaluate(content.make("gpt2"), path, name="n")
    assert "row 3 of split 'train' has target 2, outside 0 to 1" in failed.error and ".yaml:" in failed.error


def test_shots_come_by_row_number_from_another_split_whatever_the_limit(content, hub, tmp_path):
    splits = {name: columns_of_rows(rows_of("piqa", 6, seed)) for seed, name in enumerate(("train", "validation"))}
    publish_dataset(hub, "tests/piqa", {"default": splits})
    spec = ("include: choice/piqa\ndata: {{path: tests/piqa, name: default}}\nrows: {{}}\n"
            "splits: {{score: validation, examples: train}}\nshots: 1\nshot_rows: [{row}]\n")  # fmt: skip
    found = []
    for row in (0, 4):
        (tmp_path / f"s{row}.yaml").write_text(spec.format(row=row))
        records = evaluate(content.make("gpt2"), str(tmp_path / f"s{row}.yaml"), name="m", limit=3)
        assert records[0].error is None and records[0].n == 3 and "limited to 3 rows" in records[0].partial
        found.append({r.metric: r for r in records}["log_likelihood_margin"])
    assert found[0].signature != found[1].signature and found[0].value != found[1].value
