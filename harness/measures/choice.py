"""Kind ``choice``: multiple choice by log-likelihood, without training.

A causal model scores each continuation given its context, a sequence-to-sequence model with the context in its encoder;
a masked one gives a pseudo-log-likelihood. Prompts, tokens and the order of ties follow lm-eval, so that a task with its
prompt has its answers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import HarnessError
from harness.measures.likelihood.causal import causal_likelihoods
from harness.measures.likelihood.encoding import Encoded, encode, encode_apart
from harness.measures.likelihood.masked import masked_likelihoods
from harness.measures.likelihood.questions import Question, columns_read, placed, questions
from harness.measures.likelihood.seq2seq import seq2seq_likelihoods
from harness.measures.likelihood.values import choosing_values, last_word_values
from harness.measures.measurement import Measurement, Outcomes, Value
from harness.specs import ChoiceTask

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.measures.session import Session

VERSION = 1
SEEDED = False


def columns(task: ChoiceTask) -> tuple[str, ...]:
    """Columns of the templates, the choices and the target.

    Raises:
        HarnessError: a template is no Jinja.
    """
    return tuple(sorted(columns_read(task)))


def rows_wanted(task: ChoiceTask) -> int | None:
    """All rows."""
    return None


def fixed_rows(task: ChoiceTask, split: str) -> int | None:
    """Of the examples the rows up to the last one used, whatever the limit; no fixed number of any other split."""
    return max(task.chosen_shots) + 1 if split == "examples" else None


def policy(task: ChoiceTask, checkpoint: Resolved) -> dict[str, Any]:
    """How a continuation is scored under this checkpoint.

    Raises:
        HarnessError: the checkpoint has no head that gives likelihoods, or the window does not fit it.
    """
    if checkpoint.objective == "encoder":
        raise HarnessError(
            f"{checkpoint.name} is an encoder without a language-model head; multiple choice by likelihood takes causal, "
            "masked and seq2seq models"
        )
    window = checkpoint.context if task.window == "context" else task.window
    if window > checkpoint.context:
        raise HarnessError(
            f"{task.place('window')}: window {window}; {checkpoint.name} reads {checkpoint.context} tokens at most"
        )
    if checkpoint.objective == "causal":
        return {"window": window, "bos": task.bos}
    if checkpoint.objective == "seq2seq":
        return {"window": window, "encoder": "the context with special tokens", "decoder": "the continuation, no end"}
    if task.is_last_word:
        raise HarnessError(
            f"{task.place('metrics')}: {checkpoint.name} is masked, and {task.metrics[0]} is of a model that reads from left "
            "to right"
        )
    return {"window": window, "pseudo_log_likelihood": "each token of the continuation alone"}


def measure(session: Session, task: ChoiceTask, seed: int | None) -> Measurement:
    """Measure one checkpoint.

    Raises:
        HarnessError: a row that is no question, a continuation that cannot be scored, or a likelihood that is not finite.
    """
    asked = session.data.once(("choice", task.name), lambda: read(session, task))
    settings = policy(task, session.checkpoint)
    model, tokenizer = session.language_model()
    objective = session.checkpoint.objective
    encoded = session.once_per_tokenizer(
        ("choices", task.name, objective),
        lambda: encoded_questions(tokenizer, asked, task, apart=objective == "seq2seq"),
    )
    budget = session.budget(model, settings["window"])
    given = sum(len(c.context) + len(c.continuation) for choices in encoded for c in choices)
    with session.progress(task.name, given) as advance:
        keywords: dict[str, Any] = {"window": settings["window"], "token_budget": budget, "advance": advance}
        if objective == "masked":
            nats = placed(task, "choices", lambda: masked_likelihoods(model, tokenizer, encoded, **keywords))
            greedy = np.zeros(0, dtype=bool)
        else:
            likelihoods = seq2seq_likelihoods
            if objective == "causal":
                likelihoods = partial(causal_likelihoods, bos=task.bos)
            found = placed(task, "choices", lambda: likelihoods(model, tokenizer, encoded, **keywords))
            nats = [[choice.nats for choice in choices] for choices in found]
            greedy = np.array([choices[0].greedy for choices in found])
    values, outcomes = valued(task, asked, encoded, nats, greedy)
    cut = cut_questions(encoded, settings["window"], apart=objective == "seq2seq")
    warnings = (f"{cut} of {len(asked)} questions were cut at the left to {settings['window']} tokens",) if cut else ()
    return Measurement(tuple(values), tokens=given, outcomes=tuple(outcomes), warnings=warnings)


def read(session: Session, task: ChoiceTask) -> list[Question]:
    """The questions, from the data alone."""
    return questions(task, session.rows(task, "score"), session.rows(task, "examples") if task.shots else None)


def encoded_questions(
    tokenizer: Any, asked: list[Question], task: ChoiceTask, *, apart: bool = False
) -> list[list[Encoded]]:
    """Tokens of all choices of all questions; ``apart`` where an encoder reads the context."""
    pairs = [pair for question in asked for pair in question.pairs()]
    flat = iter(placed(task, "delimiter", lambda: (encode_apart if apart else encode)(tokenizer, pairs)))
    return [[next(flat) for _ in question.choices] for question in asked]


def valued(
    task: ChoiceTask, asked: list[Question], encoded: list[list[Encoded]], nats: list[list[float]], greedy: np.ndarray
) -> tuple[list[Value], list[Outcomes]]:  # fmt: skip
    """The task's metrics."""
    if task.is_last_word:
        return last_word_values(task, asked, np.array(nats)[:, 0], greedy)
    return choosing_values(task, asked, nats, [[len(c.continuation) for c in choices] for choices in encoded])


def cut_questions(encoded: list[list[Encoded]], window: int, *, apart: bool = False) -> int:
    """How many questions are longer than the window, special tokens of one text aside."""
    room = window if apart else window + 1
    return sum(
        any(len(c.context) + (0 if apart else len(c.continuation)) > room for c in choices) for choices in encoded
    )


__all__ = ["SEEDED", "VERSION", "columns", "fixed_rows", "measure", "policy", "rows_wanted"]
