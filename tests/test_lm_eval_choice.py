"""Multiple choice is lm-eval's, item by item: its own task files, requests and scores, on the same rows and model."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.data.rows import Rows
from harness.measures.likelihood.causal import causal_likelihoods
from harness.measures.likelihood.encoding import encode, encode_apart
from harness.measures.likelihood.questions import questions
from harness.measures.likelihood.seq2seq import seq2seq_likelihoods
from harness.measures.likelihood.values import choosing_values
from harness.specs import load_task
from tests.hub import seq2seq
from tests.measures.likelihood.choice_rows import columns_of_rows, rows_of

THEIRS = {
    "hellaswag": "hellaswag/hellaswag", "piqa": "piqa/piqa", "arc_easy": "arc/arc_easy", "winogrande": "winogrande/default",
    "openbookqa": "openbookqa/openbookqa", "sciq": "sciq/sciq", "social_i_qa": "siqa/siqa",
    "commonsense_qa": "commonsense_qa/default", "copa": "super_glue/copa/default", "boolq": "super_glue/boolq/default",
    "lambada": "lambada/lambada_openai",
}  # fmt: skip
SERVED = {
    "hellaswag": "Rowan/hellaswag/default",
    "arc_easy": "allenai/ai2_arc/ARC-Easy", "arc_challenge": "allenai/ai2_arc/ARC-Challenge",
    "openbookqa": "allenai/openbookqa/main", "winogrande": "allenai/winogrande/winogrande_xl", "sciq": "allenai/sciq/default",
    "social_i_qa": "allenai/social_i_qa/default", "commonsense_qa": "tau/commonsense_qa/default",
    "piqa": "ybisk/piqa/plain_text", "copa": "aps/super_glue/copa", "boolq": "aps/super_glue/boolq",
}  # fmt: skip
WINDOW = 512
ITEMS = 20


@pytest.fixture(scope="module")
def model_and_tokenizer(content):
    from transformers import GPT2Config, GPT2LMHeadModel

    _, tokenizer = content.make("gpt2")
    torch.manual_seed(3)
    # Weights so large that distant words count: with small ones two contexts differ by less than float32 can tell.
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=WINDOW, initializer_range=0.3
    )
    return GPT2LMHeadModel(config).eval(), tokenizer


def their_task(name: str, rows: list[dict], folder: Path):
    """The task of lm-eval's own file, on our rows."""
    import datasets
    import lm_eval
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    root = Path(lm_eval.__file__).parent / "tasks"
    config = load_yaml(root / f"{THEIRS[name]}.yaml", resolve_func=True)
    split = config.get("test_split") or config["validation_split"]
    path = folder / f"{name}.parquet"
    datasets.Dataset.from_list(rows).to_parquet(str(path))
    config |= {"dataset_path": "parquet", "dataset_name": None, "dataset_kwargs": {"data_files": {split: str(path)}},
               "num_fewshot": 0, "training_split": None}  # fmt: skip
    for other in ("test_split", "validation_split"):
        if config.get(other) != split:
            config[other] = None
    for left_out in ("tag", "group", "fewshot_split"):
        config.pop(left_out, None)
    return ConfigurableTask(config=config)


def compare(
    name: str, rows: list[dict], model_and_tokenizer, folder: Path, window: int = WINDOW, backend: str = "causal"
) -> None:
    """Texts, log-likelihoods, argmax and metrics of every item."""
    from lm_eval.models.huggingface import HFLM

    model, tokenizer = model_and_tokenizer
    theirs = their_task(name, rows, folder)
    theirs.build_all_requests(limit=None, rank=0, world_size=1)
    lm = HFLM(
        pretrained=model,
        tokenizer=tokenizer,
        backend=backend,
        batch_size=1,
        max_length=window,
        softmax_dtype="float32",
    )
    found = lm.loglikelihood(theirs.instances, disable_tqdm=True)
    task = load_task(f"choice/{name}")
    asked = questions(task, Rows(columns_of_rows(rows), "r", "f", len(rows)))
    assert [pair for q in asked for pair in q.pairs()] == [instance.args for instance in theirs.instances]
    encoded = [(encode if backend == "causal" else encode_apart)(tokenizer, q.pairs()) for q in asked]
    if backend == "causal":
        ours = causal_likelihoods(model, tokenizer, encoded, window=window, bos="tokenizer", token_budget=2048)
    else:
        ours = seq2seq_likelihoods(model, tokenizer, encoded, window=window, token_budget=2048)
    flat = [choice for choices in ours for choice in choices]
    np.testing.assert_allclose([choice.nats for choice in flat], [nats for nats, _ in found], rtol=1e-5)
    assert [choice.greedy for choice in flat] == [greedy for _, greedy in found]
    if task.is_last_word:
        return
    outcomes = {o.metric: o.outcome for o in choosing_values(
        task, asked, [[c.nats for c in choices] for choices in ours], [[c.tokens for c in choices] for choices in ours]
    )[1]}  # fmt: skip
    documents, given = list(theirs.eval_docs), iter(found)
    scored = [
        theirs.process_results(doc, [next(given) for _ in choices])
        for doc, choices in zip(documents, ours, strict=True)
    ]
    for our_name, their_name in (("correct", "acc"), ("correct_per_character", "acc_norm")):
        if their_name in scored[0] and our_name in outcomes:
            assert outcomes[our_name].tolist() == [float(s[their_name]) for s in scored]
    assert "correct" in outcomes


@pytest.mark.slow
@pytest.mark.parametrize("window", [WINDOW, 40])
@pytest.mark.parametrize("name", sorted(THEIRS))
def test_every_item_has_lm_evals_text_likelihood_and_answer(model_and_tokenizer, tmp_path, name, window):
    pytest.importorskip("lm_eval")
    compare(name, rows_of(name, ITEMS), model_and_tokenizer, tmp_path, window)


@pytest.mark.slow
@pytest.mark.parametrize("window", [WINDOW, 40])
@pytest.mark.parametrize("name", sorted(THEIRS))
@pytest.mark.parametrize("family", ["t5", "bart"])
def test_so_has_every_item_of_a_sequence_to_sequence_model(tmp_path, family, name, window):
    pytest.importorskip("lm_eval")
    if family == "t5":
        model, tokenizer = seq2seq.make("t5")
    else:
        model, tokenizer = seq2seq.bart(WINDOW).eval(), seq2seq.bart_tokenizer()
    compare(name, rows_of(name, ITEMS), (model, tokenizer), tmp_path, window, backend="seq2seq")


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(set(SERVED) & set(THEIRS)))
@pytest.mark.skipif("HARNESS_SHARED" not in os.environ, reason="needs real data: set HARNESS_SHARED to its folder")
def test_so_has_every_item_of_the_real_sets(model_and_tokenizer, tmp_path, name):
    pytest.importorskip("lm_eval")
    from pyarrow import parquet

    path = Path(os.environ["HARNESS_SHARED"]) / "hub" / "datasets" / SERVED[name] / "validation.parquet"
    rows = parquet.read_table(path).to_pylist()
    if name == "piqa":  # lm-eval stops at a solution longer than the window; a token has a letter or more
        rows = [row for row in rows if max(len(row["sol1"]), len(row["sol2"])) < WINDOW]
    if name == "hellaswag":  # served with the context already joined
        rows = [
            {"activity_label": "Video", "ctx_a": row["ctx"], "ctx_b": "", "source_id": row["ind"], **row}
            for row in rows
        ]
    compare(name, rows, model_and_tokenizer, tmp_path)
