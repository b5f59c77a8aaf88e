"""Likelihoods of choices become metrics with errors, chance levels and outcomes of single questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.likelihood.questions import Question
from harness.measures.measurement import Outcomes, Value
from harness.measures.metrics import get_metric
from harness.measures.metrics.chance import chance_level
from harness.measures.metrics.standard_errors import cluster_index, from_influence
from harness.specs import ChoiceTask

Array = NDArray[np.float64]
METHOD = "sample standard deviation"


def choosing_values(
    task: ChoiceTask, asked: Sequence[Question], nats: Sequence[Sequence[float]], tokens: Sequence[Sequence[int]]
) -> tuple[list[Value], list[Outcomes]]:  # fmt: skip
    """Accuracies and the margin.

    The choice is the first of those whose log-likelihood is largest (``accuracy``), or largest after division by the
    length of the choice's text in characters (``accuracy_per_character``: lm-eval's ``acc_norm``), UTF-8 bytes
    (``accuracy_per_byte``: its ``acc_bytes``) or tokens scored (``accuracy_per_token``). Lengths are without delimiter.
    ``log_likelihood_margin`` is the right choice's log-likelihood less that of the best other, in nats, mean over questions.

    Args:
        task: the spec.
        asked: the questions.
        nats: log-likelihood of each choice of each question.
        tokens: scored tokens of each.
    """
    clusters = clusters_of(task, asked)
    values, outcomes = [], []
    for metric in task.metrics:
        if metric == "log_likelihood_margin":
            each = np.array([margin(scores, q.target) for q, scores in zip(asked, nats, strict=True)])
            values.append(mean_value(metric, each, clusters, "nats", None))
        else:
            each = np.array([
                float(np.argmax(np.array(scores) / lengths(metric, q, counts)) == q.target)
                for q, scores, counts in zip(asked, nats, tokens, strict=True)
            ])  # fmt: skip
            values.append(mean_value(metric, each, clusters, "fraction", chance(asked)))
            name = "correct" if metric == "accuracy" else metric.replace("accuracy", "correct")
            outcomes.append(outcome(name, asked, clusters, each))
    return values, outcomes


def last_word_values(
    task: ChoiceTask, asked: Sequence[Question], nats: Array, greedy: NDArray[np.bool_]
) -> tuple[list[Value], list[Outcomes]]:
    """Accuracy and perplexity of one continuation, as LAMBADA is scored (Paperno et al. 2016; Radford et al. 2019).

    ``greedy_accuracy`` is the fraction of rows where every token of the continuation was the likeliest;
    ``perplexity = exp(-mean_i log p_i)`` per continuation, not per token, its standard error by the delta method.
    """
    clusters = clusters_of(task, asked)
    values = []
    for metric in task.metrics:
        if metric == "greedy_accuracy":
            floor = {"chance": 0.0, "chance_by": "any word of the vocabulary, less than one in its size"}
            values.append(mean_value(metric, greedy.astype(float), clusters, "fraction", floor))
        else:
            perplexity = math.exp(-nats.mean())
            error = from_influence(nats - nats.mean(), clusters, "delta method")
            stderr = None if error.value is None else perplexity * error.value
            values.append(
                Value(metric, perplexity, stderr, error.method, len(nats), "perplexity", higher_is_better=False)
            )
    return values, [outcome("correct", asked, clusters, greedy.astype(float))]


def lengths(metric: str, question: Question, tokens: Sequence[int]) -> Array:
    """What a log-likelihood is divided by, for each choice.

    >>> lengths("accuracy_per_byte", Question(0, ("a", "a"), ("no", "naïf"), 0, "0"), [1, 2]).tolist()
    [2.0, 5.0]
    """
    if metric == "accuracy_per_token":
        return np.array(tokens, dtype=float)
    texts = question.choices
    if metric == "accuracy_per_character":
        return np.array([float(len(text)) for text in texts])
    if metric == "accuracy_per_byte":
        return np.array([float(len(text.encode())) for text in texts])
    return np.ones(len(texts))


def margin(scores: Sequence[float], target: int) -> float:
    """The score of the right choice less that of the best other one.

    >>> margin([-3.0, -1.0, -2.5], 0)
    -2.0
    """
    return scores[target] - max(score for place, score in enumerate(scores) if place != target)


def chance(asked: Sequence[Question]) -> dict[str, Any]:
    """What takes no model: the commonest answer where every question has the same choices, else a choice by lot.

    >>> two, four = (Question(0, ("q",) * n, tuple("abcd"[:n]), 0, "0") for n in (2, 4))
    >>> chance([two, four])
    {'chance': 0.375, 'chance_by': 'a choice by lot'}
    >>> chance([two, two])
    {'chance': 1.0, 'chance_by': 'always class 0'}
    """
    if len({q.choices for q in asked}) == 1 and len(asked[0].choices) > 1 and len(set(asked[0].contexts)) == 1:
        found = chance_level(get_metric("accuracy"), [q.target for q in asked])
        return {"chance": found.value, "chance_by": found.predictor}
    return {"chance": float(np.mean([1 / len(q.choices) for q in asked])), "chance_by": "a choice by lot"}


def mean_value(
    metric: str, each: Array, clusters: NDArray[np.int64] | None, unit: str, floor: dict[str, Any] | None
) -> Value:
    """A mean over questions with its standard error."""
    error = from_influence(each - each.mean(), clusters, METHOD)
    return Value(
        metric, float(each.mean()), error.value, error.method, len(each), unit, higher_is_better=True, details=floor
    )


def clusters_of(task: ChoiceTask, asked: Sequence[Question]) -> NDArray[np.int64] | None:
    """A number for each question's cluster; None where the task names none."""
    return cluster_index([q.cluster for q in asked], len(asked)) if task.cluster else None


def outcome(name: str, asked: Sequence[Question], clusters: NDArray[np.int64] | None, each: Array) -> Outcomes:
    """Right or wrong, by row."""
    rows = np.array([q.row for q in asked])
    return Outcomes(name, rows, rows if clusters is None else clusters, each, np.ones(len(rows)))
