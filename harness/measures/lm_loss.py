"""Kind ``lm_loss``: the loss of a language model on documents, nats per token and, where it means something, per byte.

Loss is natural-log cross-entropy in float32 from logits, summed over scored tokens and divided once by their count.
A causal model, and a masked one by pseudo-log-likelihood, also give bits per byte of the text. A masked loss is no
code length: it gives nats over the bytes of the scored tokens, which is another unit. Nor is that of a
sequence-to-sequence model, which restores a corrupted text (see ``harness.data.corruption``).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.corruption import Corruption, corrupted_windows, corruption_policy
from harness.data.documents import Document, documents
from harness.data.pairs import decoder_start
from harness.data.sequences import ScoredSequence
from harness.data.windows import MaskVocabulary, Tokenised, begin_token, causal_windows, masked_windows, tokenise
from harness.errors import HarnessError
from harness.measures.cross_entropy import sequence_losses
from harness.measures.excess import Excess, excess, has_excess
from harness.measures.measurement import Measurement, Outcomes, Value
from harness.measures.precision_effect import precision_effect
from harness.measures.ratio import ratio_estimate
from harness.specs import LmLossTask, Loss, Text

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.data.rows import Rows
    from harness.measures.session import Session

VERSION = 1


def columns(task: LmLossTask) -> tuple[str, ...]:
    """The columns the task reads."""
    return (task.text.column,)


def rows_wanted(task: LmLossTask) -> int | None:
    """How many rows are enough."""
    return task.text.first if task.text.documents == "row" else None


def policy(task: Any, checkpoint: Resolved) -> dict[str, Any]:
    """The loss policy as this checkpoint meets it: part of the signature.

    Raises:
        HarnessError: the checkpoint has no language-model loss, or the window does not fit it.
    """
    loss: Loss = task.loss
    if checkpoint.objective == "encoder":
        raise HarnessError(
            f"{checkpoint.name} is an encoder without a language-model head: it has no loss to measure. "
            "It can be fine-tuned; for a loss give it a head by 'harness make pretrain'"
        )
    window = checkpoint.context if loss.window == "context" else loss.window
    if window > checkpoint.context:
        raise HarnessError(
            f"{task.place('loss', 'window')}: window {window}; {checkpoint.name} reads {checkpoint.context} tokens at most"
        )
    if checkpoint.objective == "causal":
        stride = min(loss.stride or window, window)
        return {"window": window, "stride": stride, "bos": loss.bos}
    if checkpoint.objective == "seq2seq":
        return {"window": window, **corruption_policy(loss, checkpoint.architecture, checkpoint.name)}
    masks = {"pseudo_log_likelihood": True} if loss.pseudo_log_likelihood else {
        "mask_rate": loss.mask_rate, "mask_seed": loss.mask_seed, "mask_unit": loss.mask_unit}  # fmt: skip
    return {"window": window, **masks}


def measure(session: Session, task: LmLossTask, seed: int | None) -> Measurement:
    """Measure one checkpoint.

    Raises:
        HarnessError: no tokens, a loss that is not finite, or a checkpoint without a loss.
    """
    rows = session.rows(task, "score")
    return measure_documents(session, task, take(rows, task.text), rows)


def measure_documents(session: Session, task: Any, texts: list[Document], rows: Rows) -> Measurement:
    """Measure documents that were taken from rows already; ``task`` has a name and a loss.

    Raises:
        HarnessError: no tokens, a loss that is not finite, or a checkpoint without a loss.
    """
    checkpoint = session.checkpoint
    settings = policy(task, checkpoint)
    model, _ = session.language_model()
    sequences = windows(session, task, texts, settings)
    objective = checkpoint.objective
    causal, budget = objective != "masked", session.budget(model, settings["window"])
    with session.progress(f"{task.name}", sum(s.length for s in sequences)) as advance:
        losses = sequence_losses(model, sequences, causal=causal, token_budget=budget, advance=advance)
    found = summarise(task, sequences, losses, texts, objective)
    if has_excess(task) and (above := excess(session, task, sequences, losses, texts)) is not None:
        found = replace(found, values=(*found.values, excess_value(above)))
    if session.dtype == "float32":
        return found
    first = replace(found.values[0], details=precision_effect(session, sequences, losses, causal))
    return replace(found, values=(first, *found.values[1:]))


def windows(session: Session, task: Any, texts: list[Document], settings: dict[str, Any]) -> list[ScoredSequence]:
    """All windows of a task's documents: cut for the first checkpoint of a tokenizer and objective, and kept.

    What an encoder-decoder model reads depends on its configuration too, so that each has windows of its own.
    """
    model, tokenizer = session.language_model()
    objective = session.checkpoint.objective
    own = session.checkpoint.identity if objective == "seq2seq" else ""
    return session.once_per_tokenizer(
        ("windows", task.name, objective, own, *settings.items()),
        lambda: cut(tokenise(tokenizer, texts), model, tokenizer, task.loss, settings, objective),
    )


def take(rows: Rows, text: Text) -> list[Document]:
    """The documents a task scores.

    Raises:
        HarnessError: all rows are empty.
    """
    found = documents([str(value) for value in rows.columns[text.column]], text.documents)[: text.first]
    if text.characters is not None:
        found = [Document(d.text[: text.characters], d.first_row, d.rows) for d in found]
    if not found:
        raise HarnessError(f"the column {text.column!r} has no text: {len(rows)} rows, all empty")
    return found


def cut(
    tokenised: list[Tokenised], model: Any, tokenizer: Any, loss: Loss, settings: dict[str, Any], objective: str
) -> list[ScoredSequence]:  # fmt: skip
    """All windows of all documents.

    Raises:
        HarnessError: nothing is left to score, or the tokenizer lacks the tokens that stand for what is hidden.
    """
    sequences: list[ScoredSequence] = []
    if objective == "seq2seq":
        corruption, start = Corruption.of(tokenizer, settings), decoder_start(model, tokenizer)
        for number, document in enumerate(tokenised):
            sequences += corrupted_windows(document, number, corruption, settings["window"], start)
    elif objective == "causal":
        begin = begin_token(tokenizer, loss.bos)
        for number, document in enumerate(tokenised):
            sequences += causal_windows(document, number, begin, settings["window"], settings["stride"])
    else:
        vocabulary = MaskVocabulary.of(tokenizer)
        for number, document in enumerate(tokenised):
            sequences += masked_windows(document, number, vocabulary, settings["window"], loss)
    if not sequences:
        raise HarnessError("no token is scored: every document has one token and no BOS, or none was masked")
    return sequences


def summarise(
    task: Any, sequences: list[ScoredSequence], losses: np.ndarray, texts: list[Document], objective: str
) -> Measurement:  # fmt: skip
    """Per-document sums, and the ratios of them that are the metrics."""
    causal, shift = objective == "causal", 0 if objective == "masked" else 1
    size = max(s.cluster for s in sequences) + 1
    clusters = np.array([s.cluster for s in sequences])
    scored = np.array([int(s.labels[shift:].ne(-100).sum()) for s in sequences])
    nats, tokens = np.bincount(clusters, losses, size), np.bincount(clusters, scored, size)
    length = np.bincount(clusters, [s.bytes for s in sequences], size)
    present = tokens > 0
    nats, tokens, length = nats[present], tokens[present], length[present]
    values = [value("nats_per_token", nats, tokens, "nats per token", int(tokens.sum()))]
    if length.all():
        if causal or (objective == "masked" and task.loss.pseudo_log_likelihood):
            values.append(value("bits_per_byte", nats / math.log(2), length, "bits per byte", int(tokens.sum())))
        else:
            values.append(value("nats_per_scored_byte", nats, length, "nats per scored byte", int(tokens.sum())))
    index = np.flatnonzero(present)
    first = np.array([texts[i].first_row for i in index])
    outcomes = Outcomes("nats_per_token", first, index, nats, tokens.astype(float))
    return Measurement(tuple(values), tokens=sum(s.length for s in sequences), outcomes=(outcomes,))


def value(metric: str, numerator: np.ndarray, denominator: np.ndarray, unit: str, n: int) -> Value:
    """A ratio of sums over documents with its clustered standard error."""
    if len(numerator) < 2:
        ratio = float(numerator.sum() / denominator.sum())
        return Value(metric, ratio, None, "none: a single document", n, unit, higher_is_better=False)
    found = ratio_estimate(numerator, denominator, np.arange(len(numerator)))
    method = f"ratio estimator over {found.clusters} documents"
    return Value(metric, found.value, found.stderr, method, n, unit, higher_is_better=False)


def excess_value(above: Excess) -> Value:
    """Nats above the least loss there is, per token."""
    found = value("excess_nats_per_token", above.nats, above.tokens, "nats per token", int(above.tokens.sum()))
    return replace(found, stderr_method=f"{found.stderr_method}; by {above.method}")
