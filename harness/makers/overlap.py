"""How much of a scored text a model was trained on: the share of its n-grams that stand in the training text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.checkpoints import load_tokenizer
from harness.errors import HarnessError
from harness.makers.family import FamilyFolder
from harness.makers.task_text import WITH_TEXT, task_texts
from harness.makers.training_text import chosen_parts, whole_parts
from harness.makers.words import Hashes, ngrams_of, words_of
from harness.measures.session import RowCache
from harness.progress import say
from harness.specs import LanguageModels, Task

N = 13
"""Words in a row, as in Brown et al. 2020 (arXiv 2005.14165, appendix C)."""


def ngram_overlap(
    training: Iterable[str], scored: Mapping[str, Sequence[str]], n: int = N
) -> dict[str, dict[str, int | float | None]]:
    """Share of the n-grams of each scored text that stand anywhere in the training text.

    Words are told apart in lower case, marks are words. Only the n-grams of the scored texts are held, as hashes of 64
    bits; the training text goes by document by document.

    Args:
        training: documents trained on.
        scored: texts of each task.
        n: words in a row.

    Returns:
        For each task: ``share`` of its n-grams, each counted as often as it stands there (None where every text is
        shorter than n words), ``ngrams``, and ``too_short``, its texts of fewer words.

    >>> found = ngram_overlap(["a b c d"], {"task": ["b c d e", "a"]}, n=2)
    >>> found["task"]["share"], found["task"]["ngrams"], found["task"]["too_short"]
    (0.6666666666666666, 3, 1)
    """
    grams = {name: [ngrams_of(words_of(text), n) for text in texts] for name, texts in scored.items()}
    parts = [part for of_task in grams.values() for part in of_task]
    known = np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)
    seen = np.zeros(len(known), dtype=bool)
    for text in training:
        places, found_there = looked_up(ngrams_of(words_of(text), n), known)
        seen[places[found_there]] = True
    met = known[seen]
    found: dict[str, dict[str, int | float | None]] = {}
    for name, of_task in grams.items():
        total = sum(map(len, of_task))
        hits = sum(int(looked_up(part, met)[1].sum()) for part in of_task)
        short = sum(not len(part) for part in of_task)
        found[name] = {"share": hits / total if total else None, "ngrams": total, "too_short": short}
    return found


def looked_up(values: Hashes, known: Hashes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each value stands among sorted ones, and whether it does; what is searched is not sorted again for each text.

    >>> places, there = looked_up(np.array([7, 2, 9], dtype=np.uint64), np.array([2, 7], dtype=np.uint64))
    >>> places[there].tolist(), there.tolist()
    ([1, 0], [True, True, False])
    """
    if not len(known):
        return np.zeros(len(values), dtype=np.int64), np.zeros(len(values), dtype=bool)
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return places, known[places] == values


def note_overlap(
    recipe: LanguageModels, folder: Path, tasks: Mapping[str, Task], data: RowCache, spec_folder: Path
) -> None:
    """Write into ``family.yaml`` what its training text has in common with every task that scores text, unless it stands there.

    What cannot be read now is said and left out: it is no reason not to measure.
    """
    version: int = import_module(f"harness.makers.{recipe.maker}").VERSION
    family = FamilyFolder(folder, recipe, version)
    tasks = {name: task for name, task in tasks.items() if isinstance(task, WITH_TEXT)}
    known = family.about.get("overlap", {}).get("tasks", {})
    if set(known) >= set(tasks):
        return
    try:
        texts = {name: task_texts(task, data.get(task, "score")) for name, task in tasks.items()}
        parts, _ = whole_parts(recipe, spec_folder, data.offline)
        tokenizer = load_tokenizer(str(folder / family.names[0]), family.names[0])
        parts = chosen_parts(recipe, parts, tokenizer, spec_folder, data.offline)
    except HarnessError as error:
        say(f"{folder.name}: what its training text has in common with what is scored is not known: {error}")
        return
    found = ngram_overlap((text for part in parts for text in part.texts), texts)
    family.describe(overlap={"words_in_a_row": N, "tasks": {**known, **found}})
