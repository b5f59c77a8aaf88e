"""Text that a maker trains on: documents of a corpus, cut into sequences of one length, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.data.documents import documents
from harness.data.pairs import frame
from harness.data.rows import corpus_name, load_rows
from harness.errors import HarnessError
from harness.specs import Corpus, LmLossTask, Training
from harness.specs.load import with_files_at


def corpus_texts(parts: Sequence[Corpus], folder: Path, offline: bool) -> tuple[list[str], str]:
    """All documents of a corpus, and its name with revisions; files are named relative to ``folder``.

    Raises:
        HarnessError: it has no text.
    """
    texts, names = [], []
    for corpus in parts:
        rows = load_rows(as_task(corpus, folder), "score", (corpus.text.column,), offline=offline)
        found = documents([str(value) for value in rows.columns[corpus.text.column]], corpus.text.documents)
        texts += [d.text[: corpus.text.characters] for d in found[: corpus.text.first]]
        names.append(corpus_name(corpus.data, corpus.split, rows.revision))
    if not any(texts):
        raise HarnessError("the corpus has no text to train on")
    return texts, " + ".join(names)


def as_task(corpus: Corpus, folder: Path) -> LmLossTask:
    """A corpus as the loader of rows takes it."""
    return LmLossTask(
        name="corpus", description="text to train on", kind="lm_loss", data=with_files_at(corpus.data, folder),
        splits={"score": corpus.split}, text=corpus.text,
    )  # fmt: skip


def packed(tokenizer: Any, texts: Sequence[str], training: Training, objective: str) -> torch.Tensor:
    """The corpus as sequences of one length: int64 ``(N, length)``.

    Causal: documents end to end with BOS (or EOS) before each. Masked: [CLS] text [SEP], documents end to end. Span and
    denoising: text alone, documents end to end, so short that its special tokens make up the length.

    Raises:
        HarnessError: less text than one batch, sequences too short for a token to predict, or a masked objective with a
            tokenizer that lacks a special token it needs.
    """
    if objective == "masked":
        check_masked(tokenizer)
    coded = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    causal = objective == "causal"
    stream = np.concatenate(
        [np.array(([begin] if causal and begin is not None else []) + ids, dtype=np.int64) for ids in coded]
    )
    around = sum(map(len, frame(tokenizer))) if objective in ("span", "denoising") else 0 if causal else 2
    size = training.length - around
    if size < (2 if causal else 1):
        raise HarnessError(
            f"length: {training.length} leaves no token to predict; expected at least {around + (2 if causal else 1)}"
        )
    count = len(stream) // size
    if count < training.batch_size:
        raise HarnessError(
            f"the corpus has {len(stream):,} tokens, less than one batch of {training.batch_size} x {size}; give more text or a smaller batch"
        )
    blocks = torch.from_numpy(stream[: count * size].reshape(count, size))
    if objective != "masked":
        return blocks
    edges = [torch.full((count, 1), token) for token in (tokenizer.cls_token_id, tokenizer.sep_token_id)]
    return torch.cat([edges[0], blocks, edges[1]], 1)


def check_masked(tokenizer: Any) -> None:
    """Refuse a tokenizer without the tokens that a masked sequence is made of.

    Raises:
        HarnessError: naming those that are missing.
    """
    needed = ("cls_token", "sep_token", "mask_token")
    missing = [name for name in needed if getattr(tokenizer, f"{name}_id") is None]
    if missing:
        raise HarnessError(
            f"objective: masked with the tokenizer of {tokenizer.name_or_path!r}, which has no {', '.join(missing)}; expected "
            f"{', '.join(needed)}: take a tokenizer (a start) that has them, train one, or take objective: causal"
        )


def batches(blocks: torch.Tensor, size: int, seed: int, start: int, stop: int) -> Iterator[torch.Tensor]:
    """Batches of steps ``start`` to ``stop``; the order of an epoch depends on seed and epoch alone."""
    per_epoch = len(blocks) // size
    order, epoch = torch.empty(0), -1
    for step in range(start, stop):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(len(blocks)))
        place = step % per_epoch * size
        yield blocks[order[place : place + size]]
