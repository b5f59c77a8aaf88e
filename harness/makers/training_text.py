"""The text that a recipe trains on: its parts, how much of each, what is selected, and in what mixture it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.data.parallel import Pair, corpus_pairs
from harness.data.rows import load_rows
from harness.errors import HarnessError
from harness.makers.corpus import batches, corpus_texts, packed
from harness.makers.selection import kept_documents
from harness.makers.task_text import WITH_TEXT, task_texts
from harness.measures.kinds import kind_of
from harness.specs import Corpus, LanguageModels, load_task


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a corpus: its documents, the weight it is drawn with, and the most tokens to take of it."""

    texts: list[str]
    weight: float | None
    tokens: int | None


def whole_parts(recipe: LanguageModels, spec_folder: Path, offline: bool) -> tuple[list[Part], str]:
    """All text that the corpus names, part by part, and what it is called with all that is done to it."""
    if recipe.pairs:
        pairs, name = corpus_pairs(recipe.pairs, spec_folder, offline)
        return [both_sides(part) for part in pairs], name
    parts, names = [], []
    for corpus in recipe.corpus:
        texts, name = corpus_texts((corpus,), spec_folder, offline)
        parts.append(Part(texts, corpus.weight, corpus.tokens))
        weight = "" if corpus.weight is None else f" x {corpus.weight:g}"
        names.append(name + weight + (f" first {corpus.tokens} tokens" if corpus.tokens else ""))
    select = recipe.select
    if select is None:
        return parts, " + ".join(names)
    aim = select.reference or (select.towards if isinstance(select.towards, str) else "data")
    return parts, f"{' + '.join(names)}, {select.keep:g} of it by {select.method} ({aim})"


def both_sides(pairs: Sequence[Pair]) -> Part:
    """Sources and targets as documents."""
    return Part([text for pair in pairs for text in (pair.source, pair.target)], None, None)


def chosen_parts(
    recipe: LanguageModels, parts: list[Part], tokenizer: Any, spec_folder: Path, offline: bool
) -> list[Part]:
    """The documents trained on: selected first, then the first so many tokens of each part, whole documents.

    Raises:
        HarnessError: a part has no document left.
    """
    if recipe.select is not None:
        aim = recipe.select.towards
        towards = None if aim is None else texts_of(aim, spec_folder, offline)
        documents = [text for part in parts for text in part.texts]
        kept = iter(kept_documents(documents, recipe.select, towards, offline))
        parts = [replace(part, texts=[text for text in part.texts if next(kept)]) for part in parts]
    parts = [replace(part, texts=first_tokens(part, tokenizer)) for part in parts]
    for corpus, part in zip(recipe.corpus, parts, strict=False):
        if not part.texts:
            name = corpus.data.called
            raise HarnessError(
                f"the part {name} of the corpus has no document left; raise select's keep, or its tokens"
            )
    return parts


def first_tokens(part: Part, tokenizer: Any) -> list[str]:
    """Documents from the first on until they have the tokens asked for; the last of them is whole."""
    if part.tokens is None:
        return part.texts
    total = 0
    for number, text in enumerate(part.texts, 1):
        total += len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        if total >= part.tokens:
            return part.texts[:number]
    raise HarnessError(f"a part of the corpus has {total:,} tokens; expected {part.tokens:,}, as its tokens: says")


def texts_of(aim: Corpus | str, spec_folder: Path, offline: bool) -> list[str]:
    """The text that a selection aims at: data, or what a task trains on (what it scores, where it trains on nothing).

    Raises:
        HarnessError: the task has no text of its own.
    """
    if isinstance(aim, Corpus):
        return corpus_texts((aim,), spec_folder, offline)[0]
    task = load_task(aim, folder=spec_folder)
    if not isinstance(task, WITH_TEXT):
        raise HarnessError(
            f"select towards {aim}: a task of kind {task.kind} has no text to aim at; expected lm_loss, finetune, choice or translation"
        )
    split = "train" if "train" in task.splits else "score"
    return task_texts(task, load_rows(task, split, kind_of(task).columns(task), offline=offline))


def blocks_of(recipe: LanguageModels, parts: list[Part], tokenizer: Any) -> torch.Tensor | Mixture:
    """The text in sequences of one length: one table, or one a part where they are drawn with weights."""
    if parts[0].weight is None:
        return packed(tokenizer, [text for part in parts for text in part.texts], recipe, recipe.objective)
    single = recipe.model_copy(update={"batch_size": 1})
    tables = tuple(packed(tokenizer, part.texts, single, recipe.objective) for part in parts)
    return Mixture(tables, tuple(part.weight or 0.0 for part in parts))


@dataclass(frozen=True, slots=True)
class Mixture:
    """Tables of sequences ``(N, length)`` drawn with weights: every sequence of a batch picks its part by chance."""

    tables: tuple[torch.Tensor, ...]
    weights: tuple[float, ...]

    def batches(self, size: int, seed: int, start: int, stop: int) -> Iterator[torch.Tensor]:
        """Batches of steps ``start`` to ``stop``: part and sequence depend on seed and place alone.

        Within a part sequences come in a new order every time all of them were seen.
        """
        shares = np.cumsum(np.array(self.weights) / sum(self.weights))[:-1]
        chosen = np.searchsorted(shares, np.random.default_rng((seed, 0, 1)).random(stop * size), side="right")
        orders = [
            batches(
                table, 1, seed * len(self.tables) + number, int((chosen[: start * size] == number).sum()), len(chosen)
            )
            for number, table in enumerate(self.tables)
        ]
        for step in range(start, stop):
            yield torch.cat([next(orders[part]) for part in chosen[step * size : (step + 1) * size]])
