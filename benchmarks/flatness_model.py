"""The model and text of the flatness benchmark: a small GPT-2 after some hundred steps, and held-out sequences."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from harness.data.tokenizer import train_tokenizer
from harness.data.worlds import open_world

VOCABULARY, LENGTH, STEPS, BATCH = 1024, 128, 500, 8


def texts() -> tuple[list[str], list[str]]:
    """Paragraphs to train on and others to measure on: of WikiText where ``HARNESS_SHARED`` is, else synthetic."""
    if "HARNESS_SHARED" in os.environ:
        import pyarrow.parquet as parquet

        folder = Path(os.environ["HARNESS_SHARED"]) / "hub" / "datasets" / "Salesforce" / "wikitext"
        read = lambda name: parquet.read_table(folder / f"{name}.parquet").column("text").to_pylist()  # noqa: E731
        train = read("wikitext-103-v1/train")
        held_out = read("wikitext-2-raw-v1/validation") + read("wikitext-2-raw-v1/test")
        return train, held_out
    world = open_world("hmm", {})
    rows = {split: world.columns("text", split)["text"] for split in ("train", "validation")}
    train, held_out = ([" ".join(r[i : i + 12]) for i in range(0, len(r), 12)] for r in rows.values())
    return train, held_out


def write_model(folder: Path) -> Path:
    """Train the model into a folder, with ``text.pt``: one sequence ``(LENGTH,)`` of each held-out paragraph."""
    torch.manual_seed(0)
    train, held_out = texts()
    tokenizer = train_tokenizer(train, kind="bpe", vocabulary=VOCABULARY, objective="causal", max_length=LENGTH)
    end = tokenizer.bos_token_id
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=LENGTH, n_embd=96, n_layer=3, n_head=4,
                        bos_token_id=end, eos_token_id=end)  # fmt: skip
    model = fitted(GPT2LMHeadModel(config), torch.stack(list(cut(tokenizer, train))))
    rows = torch.stack(list(cut(tokenizer, held_out)))
    model.save_pretrained(folder)
    torch.save(rows[torch.randperm(len(rows))], folder / "text.pt")
    return folder


def cut(tokenizer: PreTrainedTokenizerFast, paragraphs: Iterable[str]) -> Iterator[torch.Tensor]:
    """The first tokens of every paragraph that has enough."""
    for ids in tokenizer([p for p in paragraphs if p.strip()])["input_ids"]:
        if len(ids) >= LENGTH:
            yield torch.tensor(ids[:LENGTH])


def fitted(model: GPT2LMHeadModel, rows: torch.Tensor) -> GPT2LMHeadModel:
    """The model after ``STEPS`` steps of AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    model.train()
    for _ in range(STEPS):
        ids = rows[torch.randint(len(rows), (BATCH,))]
        logits = model(input_ids=ids).logits[:, :-1]
        loss = cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
