"""Benchmarks stand beside their peer in one run: read ratios, not seconds, since machines differ."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from harness.data.tokenizer import train_tokenizer
from harness.data.worlds import open_world
from harness.machine import high_water, keep_freed_memory, reset_high_water

keep_freed_memory()  # as the command does; the peers run in the same process and have it too


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Sentences of the synthetic language, joined to documents of about 400 words."""
    rows = open_world("hmm", {}).columns("text", "validation")["text"]
    return [" ".join(rows[i : i + 12]) for i in range(0, 240, 12)]


@pytest.fixture(scope="session")
def model_and_tokenizer(texts: list[str]):
    """A GPT-2 of about 3 million parameters with random weights."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(texts, kind="bpe", vocabulary=2048, objective="causal", max_length=256)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=192, n_layer=6, n_head=6, n_positions=256))
    return model.eval(), tokenizer


@pytest.fixture(scope="session")
def gpt2_small(texts: list[str]):
    """GPT-2 small's shape, 124 million parameters, with random weights."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(texts, kind="bpe", vocabulary=2048, objective="causal", max_length=1024)
    return GPT2LMHeadModel(GPT2Config()).eval(), tokenizer


@pytest.fixture
def watched(benchmark, capsys):
    """Benchmark a function, and print the memory that its last round took above what was held before."""

    def run(function, rounds: int = 3):
        result = benchmark.pedantic(function, rounds=rounds, warmup_rounds=1)
        ctypes.CDLL(None).malloc_trim(0)
        reset_high_water("cpu")
        before = high_water("cpu")
        function()
        benchmark.extra_info["peak_bytes"] = high_water("cpu") - before
        peak = benchmark.extra_info["peak_bytes"] / 2**20
        with capsys.disabled():
            print(f"\n{benchmark.name}: {min(benchmark.stats.stats.data):.2f} s, {peak:.0f} MB above the model")
        return result

    return run


@pytest.fixture(scope="session")
def own_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    """The texts as a task."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))
    (folder / "own.yaml").write_text(
        "description: d\nkind: lm_loss\ndata: {files: [own.jsonl]}\nsplits: {score: train}\ntext: {documents: row}\n"
    )
    return folder / "own.yaml"
