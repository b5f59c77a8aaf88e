"""Kind ``affinity``: brings a score its texts, labels and features, and turns what it finds into values.

A score that no checkpoint changes is worked out once in a run and recorded for every checkpoint of the request, with the
same number: records then need no other shape, and a family is read with the features that were measured on its members.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from harness.errors import HarnessError
from harness.measures import finetune, lm_loss
from harness.measures.affinity.data_size import data_size
from harness.measures.affinity.estimate import Array, Estimate, check_texts
from harness.measures.affinity.h_score import h_score
from harness.measures.affinity.log_maximum_evidence import log_maximum_evidence
from harness.measures.affinity.n_leep import n_leep
from harness.measures.affinity.pooled_features import pooled_features
from harness.measures.affinity.task_text_loss import task_text_loss
from harness.measures.affinity.two_sample_auc import two_sample_auc
from harness.measures.affinity.unigram_divergence import unigram_divergence
from harness.measures.affinity.vocabulary_cover import vocabulary_cover
from harness.measures.affinity.words import words
from harness.measures.labelled import filled, target_of, tokenised
from harness.measures.measurement import Measurement, Value
from harness.specs import AffinityTask, Data, Task, protocol_of

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.measures.session import Session

VERSION = 1
SEEDED = False
COMPARE = {
    "unigram_divergence": unigram_divergence,
    "vocabulary_cover": vocabulary_cover,
    "two_sample_auc": two_sample_auc,
}
UNITS = {  # metric -> unit, and whether more of it says closer or easier
    "log_train_rows": ("log rows", True),
    "log_words": ("log words", True),
    "label_count": ("classes", False),
    "mean_length": ("words", False),
    "unigram_divergence": ("bits", False),
    "vocabulary_cover": ("fraction", True),
    "two_sample_auc": ("area", False),
    "log_maximum_evidence": ("nats per row", True),
    "n_leep": ("nats per row", True),
    "h_score": ("score", True),
}
T = TypeVar("T")


def columns(task: AffinityTask) -> tuple[str, ...]:
    """What the downstream task reads."""
    return finetune.columns(task.downstream)


def rows_wanted(task: AffinityTask) -> int | None:
    """The first so many rows; all to count them."""
    return None if task.score == "data_size" else task.first


def also_reads(task: AffinityTask) -> dict[str, Task]:
    """The corpus, where there is one."""
    return {"corpus": task.corpus_text} if task.corpus_text else {}


def policy(task: AffinityTask, checkpoint: Resolved) -> dict[str, Any]:
    """What of the downstream task is read, and how the checkpoint is asked.

    Raises:
        HarnessError: the checkpoint has no head for a loss, or is a seq2seq model where features are wanted.
    """
    reads = {k: v for k, v in task.downstream.definition().items() if k in ("inputs", "target", "labels", "range")}
    protocol = protocol_of(task.downstream)
    if task.score == "data_size":
        return {"of": reads, "train_rows": protocol.train_rows}
    if not task.reads_checkpoint:
        return {"of": reads}
    if task.score == "task_text_loss":
        return {"of": reads, "loss": placed(task, lambda: lm_loss.policy(task, checkpoint))}
    if checkpoint.objective == "seq2seq":
        raise HarnessError(
            f"{task.place('score')}: {checkpoint.name} is a seq2seq model; {task.score} takes features of causal, masked "
            "and encoder models"
        )
    return {"of": reads, "max_length": min(protocol.max_length, checkpoint.context), "pooling": "mean"}


def measure(session: Session, task: AffinityTask, seed: int | None) -> Measurement:
    """Measure one checkpoint, or find what was measured for another where it is the same.

    Raises:
        HarnessError: empty text, hidden labels, too few rows, or a checkpoint without a head for a loss.
    """
    if task.score == "task_text_loss":
        rows, texts = session.rows(task, "score"), task_texts(session, task)
        return described(task, placed(task, lambda: task_text_loss(session, task, texts, rows)))
    if not task.reads_checkpoint:
        found = session.data.once(("affinity", task.name), lambda: from_texts(session, task))
        return described(task, measurement(found, 0))
    features, targets, tokens = features_of(session, task)
    return described(
        task, measurement({task.score: placed(task, lambda: from_features(task, features, targets))}, tokens)
    )


def from_texts(session: Session, task: AffinityTask) -> dict[str, Estimate]:
    """The scores that read texts alone."""
    texts = task_texts(session, task)
    if task.corpus_text is None:
        labels, train_rows = len(task.downstream.labels or ()) or 1, protocol_of(task.downstream).train_rows
        return placed(task, lambda: data_size(texts, labels, train_rows))
    source = task.corpus_text
    corpus = placed(task, lambda: [d.text for d in lm_loss.take(session.rows(source, "score"), source.text)], "corpus")
    return {task.score: placed(task, lambda: COMPARE[task.score](corpus, texts))}


def task_texts(session: Session, task: AffinityTask) -> list[str]:
    """One text a row: what the templates make of it, joined by line feeds."""
    columns = filled(task.downstream, session.rows(task, "score"))
    return ["\n".join(parts) for parts in zip(*columns, strict=True)]


def features_of(session: Session, task: AffinityTask) -> tuple[Array, Array, int]:
    """Features (n, d) and targets (n,) of the task's rows, and the tokens read; kept for the checkpoint's other scores."""
    protocol = protocol_of(task.downstream)
    place = ("features", task.downstream.name, task.splits["score"], task.first, protocol.max_length)
    if place in session.features:
        return *session.features[place], 0
    rows = session.rows(task, "score")
    values = rows.columns[task.downstream.target]
    targets = [target_of(task.downstream, value, "score", number) for number, value in enumerate(values)]
    texts = filled(task.downstream, rows)
    placed(task, lambda: check_texts([words(text) for column in texts for text in column], "the task"))
    examples = placed(
        task,
        lambda: tokenised(session, texts, targets, protocol.max_length),
    )
    session.features[place] = pooled_features(session, examples), np.array(targets)
    return *session.features[place], sum(len(example.ids) for example in examples)


def from_features(task: AffinityTask, features: Array, targets: Array) -> Estimate:
    """The scores of features and labels."""
    if task.score == "log_maximum_evidence":
        return log_maximum_evidence(features, targets, classes=task.downstream.labels is not None)
    return (n_leep if task.score == "n_leep" else h_score)(features, targets.astype(np.intp))


def measurement(found: dict[str, Estimate], tokens: int) -> Measurement:
    """Values of estimates."""
    values = [
        Value(metric, e.value, e.stderr, e.stderr_method, e.n, UNITS[metric][0], UNITS[metric][1])
        for metric, e in found.items()
    ]
    return Measurement(tuple(values), tokens)


def described(task: AffinityTask, found: Measurement) -> Measurement:
    """Say of every value which task it is of, and which corpus it was compared with."""
    details = {"of": task.downstream.name, "score": task.score}
    if task.corpus_text is not None:
        details["corpus"] = label_of(task.corpus_text.data)
    return replace(found, values=tuple(replace(v, details={**(v.details or {}), **details}) for v in found.values))


def label_of(data: Data) -> str:
    """A short name of a corpus."""
    parts = tuple(n.split("/")[-1] for n in data.file_names) if data.files else (data.called, data.name)
    return " ".join(part for part in parts if part)


def placed(task: AffinityTask, work: Callable[[], T], field: str = "score") -> T:
    """Do some work; what is wrong with it is told with the line of the spec that asked for it."""
    try:
        return work()
    except HarnessError as error:
        raise HarnessError(f"{task.place(field)}: {error}") from None


__all__ = ["SEEDED", "VERSION", "also_reads", "columns", "measure", "policy", "rows_wanted"]
