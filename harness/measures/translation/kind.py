"""Kind ``translation``: a model writes what it reads in another language; BLEU, chrF and TER, and the references' cross-entropy.

A model with an encoder is told the languages as its family wants (``languages.py``), a causal one by a prompt. Each score
carries sacreBLEU's signature and its floors (``floors.py``); the sufficient statistics of every segment are its outcomes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.parallel import Pair, pair_columns, pairs_of
from harness.errors import HarnessError
from harness.measures.measurement import Measurement, Outcomes, Value
from harness.measures.translation.cross_entropy import loss_values, reference_losses
from harness.measures.translation.decoding import Hypothesis, decode
from harness.measures.translation.degenerate import Degenerate, degenerate
from harness.measures.translation.encoded import Encoded, encoded_for_encoder, text_of
from harness.measures.translation.floors import copied, floor_details, shuffled
from harness.measures.translation.languages import told
from harness.measures.translation.metrics import Scored, scored
from harness.measures.translation.prompts import encoded_prompts, first_line, names_of, template_of
from harness.measures.translation.truth import Truth, excess_value, truth_of
from harness.specs import Decoding, TranslationTask

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.measures.session import Session

VERSION = 1
SEEDED = False


def columns(task: TranslationTask) -> tuple[str, ...]:
    """Columns of the templates, and those that choose rows.

    Raises:
        HarnessError: a template is no Jinja.
    """
    return pair_columns(task)


def rows_wanted(task: TranslationTask) -> int | None:
    """As many rows as pairs; all where some are passed over."""
    return None if task.where else task.first


def policy(task: TranslationTask, checkpoint: Resolved) -> dict[str, Any]:
    """How this checkpoint translates and is scored: part of the signature.

    Raises:
        HarnessError: the checkpoint cannot write a text, does not know the languages, or not so long a text.
    """
    refuse_those_that_do_not_write(checkpoint)
    decoding = decoding_of(task, checkpoint)
    settings = {
        "window": checkpoint.context,
        "decoding": decoding.model_dump(mode="json"),
        "sacrebleu": {metric: scored(metric, ["-"], ["-"], task.languages.target).signature for metric in task.metrics},
    }
    if checkpoint.objective == "causal":
        return settings | {"prompt": template_of(task), "named": list(names_of(task)), "end": "of the line"}
    try:
        return settings | told(checkpoint, task.languages).policy()
    except HarnessError as error:
        raise HarnessError(f"{task.place('languages')}: {checkpoint.name}: {error}") from None


def refuse_those_that_do_not_write(checkpoint: Resolved) -> None:
    """Raise for encoders and masked models."""
    if checkpoint.objective in ("encoder", "masked"):
        what = "an encoder without a language-model head" if checkpoint.objective == "encoder" else "a masked model"
        raise HarnessError(
            f"{checkpoint.name} is {what} ({checkpoint.architecture}), which writes no text; translation takes "
            "encoder-decoder models (Marian, T5, BART, mBART, M2M100, NLLB) and causal ones"
        )


def decoding_of(task: TranslationTask, checkpoint: Resolved) -> Decoding:
    """The task's decoding; its usual length is no more than the checkpoint has positions for.

    A causal model has half of them for the prompt.

    Raises:
        HarnessError: the length that the task names is more.
    """
    causal = checkpoint.objective == "causal"
    most = checkpoint.context // 2 if causal else checkpoint.context - 1
    if task.decoding.maximum_length <= most:
        return task.decoding
    if "maximum_length" in task.decoding.model_fields_set:
        half = ", half of which are left to the prompt" if causal else ""
        raise HarnessError(
            f"{task.place('decoding', 'maximum_length')}: {task.decoding.maximum_length} tokens; {checkpoint.name} has "
            f"{checkpoint.context} positions{half}: expected {most} at most"
        )
    return task.decoding.model_copy(update={"maximum_length": most})


def measure(session: Session, task: TranslationTask, seed: int | None) -> Measurement:
    """Measure one checkpoint.

    Raises:
        HarnessError: an empty source or reference, a language that the tokenizer does not have, or a loss that is not finite.
    """
    rows = session.rows(task, "score")
    pairs = session.data.once(("pairs", task.name), lambda: pairs_of(task, rows, task.place()))
    settings = policy(task, session.checkpoint)
    decoding = Decoding(**settings["decoding"])
    model, tokenizer = session.language_model()
    encoded = encoded_pairs(session, task, pairs, decoding)
    budget = session.budget(model, settings["window"])
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
    return Measurement(
        (*values, *losses),
        tokens=2 * read + written + sum(len(h.tokens) for h in hypotheses),
        outcomes=(*outcomes, *of_losses),
        warnings=warnings(found, encoded, settings),
        texts=tuple({"row": row, "hypothesis": text, "finished": done} for row, text, done in said),
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
    """The task's metrics with floors, on a world ``best`` too, and the statistics of each segment."""
    target, references = task.languages.target, [pair.target for pair in pairs]
    sources, rows = [pair.source for pair in pairs], np.array([pair.row for pair in pairs])
    values, outcomes = [], []
    for metric in task.metrics:
        found = scored(metric, texts, references, target)
        copy: Scored = session.data.once(
            ("copy", task.name, metric), lambda metric=metric: copied(metric, sources, references, target)
        )
        details = floor_details(copy, shuffled(metric, texts, references, target)) | {"sacrebleu": found.signature}
        if truth is not None:
            details["best"] = best_score(session, task, metric, truth, references)
        values.append(
            Value(metric, found.value, found.stderr, found.stderr_method, len(pairs), "points", found.higher_is_better, details)
        )  # fmt: skip
        outcomes += [
            Outcomes(name, rows, rows, found.statistics[:, place], np.ones(len(rows)))
            for place, name in enumerate(found.statistic_names)
        ]
    return values, outcomes


def best_score(
    session: Session, task: TranslationTask, metric: str, truth: Truth, references: list[str]
) -> float:  # fmt: skip
    """What a world's most probable translations score on the same pairs."""
    return session.data.once(
        ("best", task.name, metric), lambda: scored(metric, truth.best, references, task.languages.target).value
    )


def whole(encoded: Encoded, tokenizer: Any) -> bool:
    """Whether all words of all references are scored, and none of them as an unknown one."""
    unknown = tokenizer.unk_token_id
    return not encoded.cut_targets and not any(unknown in target for target in encoded.targets)


def warnings(found: Degenerate, encoded: Encoded, settings: dict[str, Any]) -> tuple[str, ...]:
    """What a reader of the values should know."""
    total, window = len(encoded.sources), settings["window"]
    said = [found.warning(total, settings["decoding"]["maximum_length"])]
    if encoded.cut_sources:
        said.append(f"{encoded.cut_sources} of {total} sources were cut at the right: the model reads {window} tokens")
    if encoded.cut_targets:
        said.append(
            f"{encoded.cut_targets} of {total} references were cut at the right for the cross-entropy: the model reads "
            f"{window} tokens"
        )
    return tuple(sentence for sentence in said if sentence is not None)


__all__ = ["SEEDED", "VERSION", "columns", "measure", "policy", "rows_wanted"]
