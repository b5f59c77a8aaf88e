"""Benchmarks stand beside their peer in one run: read ratios, not seconds, since machines differ."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from harness.data.tokenizer import train_tokenizer
from harness.data.worlds import open_world


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
def own_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    """The texts as a task."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))
    (folder / "own.yaml").write_text(
        "description: d\nkind: lm_loss\ndata: {files: [own.jsonl]}\nsplits: {score: train}\ntext: {documents: row}\n"
    )
    return folder / "own.yaml"
