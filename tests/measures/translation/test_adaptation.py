"""``adapt:``: before and after of one checkpoint, in the domain that it is trained on and in the one that it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness import evaluate
from harness.measures.translation.adaptation import BEFORE, GAIN, GENERAL
from harness.request import from_suite
from harness.results import Record, Store
from harness.results.outcomes import read_outcomes
from tests.hub import multilingual, seq2seq
from tests.measures.translation.translation_rows import SPEC, pairs, write_task

SHORT = "decoding: {maximum_length: 12}\n"
OWN = SPEC.replace("splits: {score: train}", "splits: {train: train, score: train}")
STEPS = "adapt: {steps: 6, learning_rate: 3e-3, warmup_steps: 0, batch_tokens: 400, length: 62"
GENERAL_ROWS = ", general: {data: {files: [general.jsonl]}, split: train, source: '{{ translation.de }}', target: '{{ translation.en }}'}"
METRICS = ("bleu", "chrf", "nats_per_token", "bits_per_byte")


def scored(model: object, path: str, output: Path | None = None) -> dict[str, Record]:
    """Records by metric, none of which failed."""
    records = evaluate(model, path, name="m", output=output)
    assert not [r.error for r in records if r.error]
    return {r.metric: r for r in records}


def with_general(folder: Path) -> str:
    """A task on six pairs, adapted to those very pairs, and a general domain of four others."""
    write_task(folder, pairs(10)[6:])
    (folder / "own.jsonl").rename(folder / "general.jsonl")
    return write_task(folder, pairs(6), SHORT + STEPS + GENERAL_ROWS + "}\n", OWN)


def test_gains_are_after_minus_before_and_the_checkpoint_stays_as_it_is(tmp_path: Path) -> None:
    """What stands before is what plain tasks on the same rows find, in both domains; pairs trained on become likelier."""
    made = seq2seq.make("marian")
    weights = {name: values.clone() for name, values in made[0].state_dict().items()}
    found = scored(made, with_general(tmp_path), tmp_path / "out")
    assert set(found) == {f"{p}{m}{s}" for p in ("", GENERAL) for s in ("", BEFORE, GAIN) for m in METRICS}
    for prefix in ("", GENERAL):
        for metric in METRICS:
            after, before, gain = (found[f"{prefix}{metric}{which}"] for which in ("", BEFORE, GAIN))
            sign = 1 if after.higher_is_better else -1
            assert gain.value == pytest.approx(sign * (after.value - before.value)) and gain.higher_is_better
            assert gain.stderr is not None and gain.stderr >= 0
    assert found["nats_per_token"].value < found["nats_per_token_before"].value - 0.1
    assert all(torch.equal(values, weights[name]) for name, values in made[0].state_dict().items())
    assert made[0].training is False and all(p.grad is None for p in made[0].parameters())
    for prefix, rows in (("", pairs(6)), (GENERAL, pairs(10)[6:])):
        (tmp_path / f"plain{prefix}").mkdir()
        plain = scored(made, write_task(tmp_path / f"plain{prefix}", rows, SHORT))
        assert {m: plain[m].value for m in METRICS} == {m: found[f"{prefix}{m}{BEFORE}"].value for m in METRICS}
        assert plain["bleu"].seed is None and found["bleu"].seed is not None
    kept = read_outcomes(tmp_path / "out").to_pandas()
    for prefix, count in (("", 6), (GENERAL, 4)):
        nats = kept[kept.metric == f"{prefix}nats_per_token"]
        assert len(nats) == count
        assert nats.outcome.sum() / nats.weight.sum() == pytest.approx(found[f"{prefix}nats_per_token"].value)


def test_the_same_seed_gives_the_same_numbers_and_another_draws_others(tmp_path: Path) -> None:
    path = write_task(tmp_path, pairs(6), SHORT + STEPS + ", train_rows: 3}\n", OWN)
    nats = [
        {r.metric: r.value for r in evaluate(seq2seq.make("marian"), path, name="m", seeds=[seed])}
        for seed in (1, 1, 2)
    ]
    assert nats[0] == nats[1]
    assert nats[0]["nats_per_token"] != nats[2]["nats_per_token"]
    assert nats[0]["nats_per_token_before"] == nats[2]["nats_per_token_before"]
    many = write_task(tmp_path, pairs(6), SHORT + STEPS + ", train_rows: 7}\n", OWN)
    (failed,) = evaluate(seq2seq.make("marian"), many, name="m")
    assert failed.error is not None and "7 rows; the split 'train' has 6" in failed.error
    short = STEPS.replace("length: 62", "length: 2")
    (failed,) = evaluate(seq2seq.make("marian"), write_task(tmp_path, pairs(6), SHORT + short + "}\n", OWN), name="m")
    assert failed.error is not None and "none of the 6 pairs has at most 2 tokens a side" in failed.error


def test_a_causal_model_learns_what_stands_behind_its_prompt(content, tmp_path: Path) -> None:
    more = "prompt: '{{ source }} ='\ndecoding: {maximum_length: 16}\n"
    found = scored(content.make("gpt2"), write_task(tmp_path, pairs(4), more + STEPS + "}\n", OWN))
    plain = scored(content.make("gpt2"), write_task(tmp_path, pairs(4), more))
    assert found["nats_per_token_before"].value == plain["nats_per_token"].value
    assert found["nats_per_token"].value < plain["nats_per_token"].value - 0.1


@pytest.mark.parametrize("name", ["mbart", "mbart50"])
def test_a_model_of_many_languages_is_adapted_with_its_token_before_the_translation(name: str, tmp_path: Path) -> None:
    """The decoder reads the token of the language first, in training as in scoring, so that pairs trained on become likelier."""
    model, tokenizer = getattr(multilingual, name)()
    found = scored((model.eval(), tokenizer), write_task(tmp_path, pairs(4), SHORT + STEPS + "}\n", OWN))
    plain = scored((model, tokenizer), write_task(tmp_path, pairs(4), SHORT))
    assert found["nats_per_token_before"].value == plain["nats_per_token"].value
    assert found["nats_per_token"].value < plain["nats_per_token"].value - 0.1


def test_train_rows_are_an_axis_of_a_suite_and_adapt_changes_no_key_without_it(tmp_path: Path) -> None:
    path = write_task(tmp_path, pairs(6), SHORT)
    first = evaluate(seq2seq.make("marian"), path, name="m", output=tmp_path / "out")
    parts = Store(tmp_path / "out").contexts[first[0].context]["parts"]
    assert "adapt" not in str(parts) and first[0].seed is None
    write_task(tmp_path, pairs(6), SHORT + STEPS + "}\n", OWN)
    (tmp_path / "suite.yaml").write_text(
        "families: {f: {checkpoints: [m]}}\ntasks:\n  upstream: [own.yaml]\n"
        "  downstream: [{name: mine, include: own.yaml, train_rows: [3, full]}]\n"
    )
    tasks = from_suite(tmp_path).tasks
    sizes = {name: task.adapt.train_rows for name, task in tasks.items() if name.startswith("mine")}
    assert sizes == {"mine@3": 3, "mine@full": None}
    assert tasks["mine@3"].adapt.steps == 6
