"""Rows with a target become tokenised examples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.templates import columns_of, compiled
from harness.errors import HarnessError, nearest
from harness.measures.classifier import Example
from harness.specs import FinetuneTask, LabelledTask, Probe, Protocol
from harness.specs.protocol import Selection

if TYPE_CHECKING:
    from harness.data.rows import Rows
    from harness.measures.session import Session

HELD_OUT_SEED = 0


def labelled_examples(session: Session, task: LabelledTask, split: str, protocol: Protocol | Probe) -> list[Example]:
    """Tokenised rows of a split with their targets.

    Raises:
        HarnessError: a target that is hidden, out of range, or no label; or texts without a token.
    """

    def read() -> list[Example]:
        rows = session.rows(task, split)
        targets = [target_of(task, value, split, number) for number, value in enumerate(rows.columns[task.target])]
        return tokenised(session, filled(task, rows), targets, protocol.max_length)

    return session.once_per_tokenizer(("examples", task.name, split, *how_read(session, protocol.max_length)), read)


def how_read(session: Session, max_length: int) -> tuple[Any, ...]:
    """What else than the tokenizer's hash decides the tokens of a text."""
    checkpoint, side = session.checkpoint, session.tokenizer().truncation_side
    return side, min(max_length, checkpoint.context), checkpoint.segments, checkpoint.objective == "seq2seq"


def columns(task: LabelledTask) -> tuple[str, ...]:
    """Columns of the templates, and the target."""
    return tuple(sorted(set().union(*(columns_of(template) for template in task.inputs)) | {task.target}))


def filled(task: LabelledTask, rows: Rows) -> list[list[str]]:
    """The texts of each template, one a row."""
    templates = [compiled(template) for template in task.inputs]
    names = list(rows.columns)
    texts: list[list[str]] = [[] for _ in templates]
    for values in zip(*(rows.columns[name] for name in names), strict=True):
        row = dict(zip(names, values, strict=True))
        for column, template in zip(texts, templates, strict=True):
            column.append(template(row))
    return texts


def tokenised(session: Session, texts: list[list[str]], targets: list[float], max_length: int) -> list[Example]:
    """One example for each row; pairs are cut at the longer text first."""
    tokenizer, seq2seq = session.tokenizer(), session.checkpoint.objective == "seq2seq"
    limit = min(max_length, session.checkpoint.context)
    coded = tokenizer(
        *texts, truncation=True, max_length=limit, return_attention_mask=False, return_special_tokens_mask=seq2seq,
        verbose=False,
    )  # fmt: skip
    if not any(coded["input_ids"]):
        raise HarnessError("the texts have no tokens; look at the templates under inputs")
    found = without_literal_ends(coded, tokenizer.eos_token_id) if seq2seq else coded["input_ids"]
    given = coded.get("token_type_ids") if session.checkpoint.segments and not seq2seq else None
    segments = given or [None] * len(targets)
    fallback = [tokenizer.eos_token_id or 0]
    return [
        Example(number, ids or fallback, kinds if ids or kinds is None else [0], target)
        for number, (ids, kinds, target) in enumerate(zip(found, segments, targets, strict=True))
    ]


def without_literal_ends(coded: Any, end: int | None) -> list[list[int]]:
    """Tokens without the ends that a text spells out: classifiers of BART and T5 want as many in every example."""
    return [
        [token for token, special in zip(ids, marks, strict=True) if special or token != end]
        for ids, marks in zip(coded["input_ids"], coded["special_tokens_mask"], strict=True)
    ]


def target_of(task: LabelledTask, value: Any, split: str, row: int) -> float:
    """The class index, or the number to predict.

    Raises:
        HarnessError: the target is hidden (-1 or empty), out of range, or no label of the task.
    """
    where = f"{task.place('target')}: row {row} of split {task.splits[split]!r}"
    if task.labels is None:
        low, high = task.range or (-math.inf, math.inf)
        if not isinstance(value, (int, float)) or not low <= value <= high:
            raise HarnessError(f"{where} has target {value!r}; expected a number from {low} to {high}")
        return float(value)
    if isinstance(value, str) and value in task.labels:
        return float(task.labels.index(value))
    if value == -1 or value == "":
        raise HarnessError(
            f"{where} has label {value!r}: the Hub hides the labels of this split; score a split that has them"
        )
    if isinstance(value, (int, np.integer)) and 0 <= value < len(task.labels):
        return float(value)
    hint = nearest(value, task.labels) if isinstance(value, str) else f"{len(task.labels)} labels count from 0"
    raise HarnessError(f"{where} has label {value!r}, outside {list(task.labels)}; {hint}")


def held_out(examples: list[Example], selection: Selection) -> tuple[list[Example], list[Example]]:
    """Train and held-out part: the same rows for every checkpoint, learning rate and seed.

    Raises:
        HarnessError: too few rows to hold some out.
    """
    count = min(selection.rows_at_most, round(selection.fraction * len(examples)))
    if not 0 < count < len(examples):
        raise HarnessError(
            f"{len(examples)} train rows are too few to hold out {selection.fraction:.0%}; give one learning rate"
        )
    aside = set(np.random.default_rng(HELD_OUT_SEED).permutation(len(examples))[:count].tolist())
    return [e for i, e in enumerate(examples) if i not in aside], [examples[i] for i in sorted(aside)]


def map_labels(task: FinetuneTask, source: FinetuneTask) -> list[int] | None:
    """For each class of the trained model, the class of the scored task.

    Raises:
        HarnessError: a class has no counterpart.
    """
    if source.labels is None or task.labels is None:
        if source.labels is not task.labels:
            raise HarnessError(
                f"{task.place('trained_on')}: one of {task.name}, {source.name} is a regression, the other is not"
            )
        return None
    mapping = []
    for label in source.labels:
        other = task.label_map.get(label, label)
        if other not in task.labels:
            raise HarnessError(
                f"{task.place('label_map')}: class {label!r} of {source.name} maps to {other!r}; {nearest(other, task.labels)}"
            )
        mapping.append(task.labels.index(other))
    return mapping
