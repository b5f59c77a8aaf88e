"""One model on the pairs of one task: what it writes, what that is worth, and the cross-entropy of the references."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.parallel import Pair, pairs_of
from harness.measures.measurement import Outcomes, Value
from harness.measures.translation.cross_entropy import loss_values, reference_losses
from harness.measures.translation.decoding import Hypothesis, decode
from harness.measures.translation.degenerate import Degenerate, degenerate
from harness.measures.translation.encoded import Encoded, encoded_for_encoder, text_of
from harness.measures.translation.floors import copied, floor_details, shuffled
from harness.measures.translation.languages import told
from harness.measures.translation.metrics import Scored, scored
from harness.measures.translation.prompts import encoded_prompts, first_line
from harness.measures.translation.segments import segment_outcomes
from harness.measures.translation.truth import Truth, excess_value, truth_of
from harness.specs import Decoding, TranslationTask

if TYPE_CHECKING:
    from harness.measures.session import Session


@dataclass(frozen=True, slots=True)
class Translated:
    """What one model made of one task; the scores of the task's metrics stand first among the values."""

    values: tuple[Value, ...]
    outcomes: tuple[Outcomes, ...]
    tokens: int
    warnings: tuple[str, ...]
    texts: tuple[dict[str, Any], ...]


def translated(session: Session, task: TranslationTask, decoding: Decoding, model: Any) -> Translated:
    """Translate the scored split of a task by a model: the session's own, or one that was trained on from it.

    Raises:
        HarnessError: an empty source or reference, a language that the tokenizer does not have, or a loss that is not finite.
    """
    pairs = session.data.once(("pairs", task.name), lambda: pairs_of(task, session.rows(task, "score"), task.place()))
    tokenizer = session.tokenizer()
    encoded = encoded_pairs(session, task, pairs, decoding)
    budget = session.budget(model, session.checkpoint.context)
    read, written = (sum(map(len, tokens)) for tokens in (encoded.sources, encoded.targets))
    with session.progress(task.name, 2 * read + written) as advance:
        hypotheses = decode(
            model, encoded.sources, decoding, start=encoded.start, end=encoded.ends, token_budget=budget, advance=advance
        )  # fmt: skip
        nats = reference_losses(model, encoded, budget, advance)
    texts = texts_of(tokenizer, hypotheses, causal=not encoded.start)
    found = degenerate([h.tokens for h in hypotheses], texts, finished(tokenizer, hypotheses, causal=not encoded.start))
    truth = session.data.once(("truth", task.name), lambda: truth_of(task, pairs))
    values, outcomes = score_values(session, task, pairs, texts, truth)
    details = {"empty": found.empty, "looping": found.looping, "unfinished": found.unfinished}
    values[0] = replace(values[0], details={**(values[0].details or {}), **details})
    losses, of_losses = loss_values(pairs, encoded, nats)
    if truth is not None and whole(encoded, tokenizer):
        losses.append(excess_value(truth, nats))
    said = [(pair.row, text, h.finished) for pair, text, h in zip(pairs, texts, hypotheses, strict=True)]
    return Translated(
        (*values, *losses),
        (*outcomes, *of_losses),
        2 * read + written + sum(len(h.tokens) for h in hypotheses),
        warnings(found, encoded, session.checkpoint.context, decoding.maximum_length),
        tuple({"row": row, "hypothesis": text, "finished": done} for row, text, done in said),
    )


def encoded_pairs(session: Session, task: TranslationTask, pairs: list[Pair], decoding: Decoding) -> Encoded:
    """Tokens of all pairs for the session's checkpoint."""
    model, tokenizer = session.language_model()
    window = session.checkpoint.context
    if session.checkpoint.objective == "causal":
        return encoded_prompts(tokenizer, pairs, task, window, decoding.maximum_length)
    return encoded_for_encoder(model, tokenizer, pairs, told(session.checkpoint, task.languages), window)


def texts_of(tokenizer: Any, hypotheses: list[Hypothesis], *, causal: bool) -> list[str]:
    """What was written, as text; of a causal model the first line."""
    texts = [text_of(tokenizer, hypothesis.tokens) for hypothesis in hypotheses]
    return [first_line(text) for text in texts] if causal else texts


def finished(tokenizer: Any, hypotheses: list[Hypothesis], *, causal: bool) -> list[bool]:
    """Which translations ended; that of a causal model also where a line did within a token."""
    if not causal:
        return [h.finished for h in hypotheses]
    return [h.finished or "\n" in text_of(tokenizer, h.tokens) for h in hypotheses]


def score_values(
    session: Session, task: TranslationTask, pairs: list[Pair], texts: list[str], truth: Truth | None
) -> tuple[list[Value], list[Outcomes]]:
    """The task's metrics with floors, on a world ``best`` too, and the outcomes of each segment."""
    target, references = task.languages.target, [pair.target for pair in pairs]
    sources, rows = [pair.source for pair in pairs], np.array([pair.row for pair in pairs])
    values, outcomes = [], []
    for metric in task.metrics:
        found = scored(metric, texts, references, target)
        copy: Scored = session.data.once(
            ("copy", task.name, metric), partial(copied, metric, sources, references, target)
        )
        details = floor_details(copy, shuffled(metric, texts, references, target)) | {"sacrebleu": found.signature}
        if truth is not None:
            details["best"] = best_score(session, task, metric, truth, references)
        values.append(
            Value(metric, found.value, found.stderr, found.stderr_method, len(pairs), "points", found.higher_is_better, details)
        )  # fmt: skip
        outcomes += segment_outcomes(found, rows)
    return values, outcomes


def best_score(
    session: Session, task: TranslationTask, metric: str, truth: Truth, references: list[str]
) -> float:  # fmt: skip
    """What a world's most probable translations score on the same pairs."""
    return float(
        session.data.once(
            ("best", task.name, metric), lambda: scored(metric, truth.best, references, task.languages.target).value
        )
    )


def whole(encoded: Encoded, tokenizer: Any) -> bool:
    """Whether all words of all references are scored, and none of them as an unknown one."""
    unknown = tokenizer.unk_token_id
    return not encoded.cut_targets and not any(unknown in target for target in encoded.targets)


def warnings(found: Degenerate, encoded: Encoded, window: int, maximum_length: int) -> tuple[str, ...]:
    """What a reader of the values should know."""
    total = len(encoded.sources)
    said = [found.warning(total, maximum_length)]
    if encoded.cut_sources:
        said.append(f"{encoded.cut_sources} of {total} sources were cut at the right: the model reads {window} tokens")
    if encoded.cut_targets:
        said.append(
            f"{encoded.cut_targets} of {total} references were cut at the right for the cross-entropy: the model reads "
            f"{window} tokens"
        )
    return tuple(sentence for sentence in said if sentence is not None)
