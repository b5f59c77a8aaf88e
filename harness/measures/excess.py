r"""How far a loss on a world lies above the least there is, at the very positions that were scored.

Causal: :math:`\log p(x_t \mid x_{<t}) - \log q(x_t \mid x_{<t})`. Masked: the same, averaged over the words that may
stand at t, :math:`\sum_w p(w) (\log p(w) - \log q(w))` with p given what the model sees: [MASK], a word that was left
where it is scored nevertheless, or one put there by lot. Which positions are scored is told to p and not to the model;
with one such position a window, and with [MASK] at all of them, that is no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.documents import Document
from harness.data.sequences import UNSCORED, ScoredSequence
from harness.data.windows import MaskVocabulary, begin_token
from harness.data.worlds import Language, World, open_world
from harness.data.worlds.choosing import Floats, Integers
from harness.data.worlds.estimate import entropies
from harness.measures.expected_losses import expected_losses
from harness.specs import LmLossTask

if TYPE_CHECKING:
    from harness.measures.session import Session

CHUNK = 2**24
"""Numbers of what is seen, sequences x words x vocabulary, held at once."""


@dataclass(frozen=True, slots=True)
class Excess:
    """By document: nats above the least loss, and over how many tokens."""

    nats: Floats
    tokens: Floats
    method: str


def has_excess(task: Any) -> bool:
    """Whether a task scores whole sentences of a world."""
    if not isinstance(task, LmLossTask) or task.data.world is None:
        return False
    text = task.text
    return (text.column, text.documents, text.characters) == ("text", "row", None)


def excess(
    session: Session, task: LmLossTask, sequences: list[ScoredSequence], losses: Floats, texts: list[Document]
) -> Excess | None:
    """Of each document; None where the truth is not known at the positions that were scored.

    Args:
        session: the checkpoint.
        task: what is scored.
        sequences: the windows that were scored.
        losses: of each of them, (S,), nats.
        texts: the documents.
    """
    data, offline = task.data, session.data.offline
    world: World = session.data.once(
        ("world", task.name), lambda: open_world(data.world or "", dict(data.options), offline=offline)
    )
    language = world.language(task.data.name or "text")
    if session.checkpoint.objective == "causal":
        return causal_excess(session, task, sequences, losses, world, language, texts)
    if session.checkpoint.objective == "masked":
        return masked_excess(session, sequences, world, language, texts)
    return None


def causal_excess(
    session: Session, task: LmLossTask, sequences: list[ScoredSequence], losses: Floats, world: World,
    language: Language, texts: list[Document],
) -> Excess | None:  # fmt: skip
    """A sentence at a time, however it was cut into tokens.

    Where nothing stands before its first word, that is left out; then words must be tokens.
    """
    clusters = [s.cluster for s in sequences]
    scored = [int(s.labels[1:].ne(UNSCORED).sum()) for s in sequences]
    nats, tokens = np.bincount(clusters, losses, len(texts)), np.bincount(clusters, scored, len(texts))
    logs = session.data.once(
        ("log-probabilities", task.name),
        lambda: language.log_probabilities(world.word_numbers([d.text for d in texts])),
    )
    words = np.array([len(d.text.split()) for d in texts])
    if begin_token(session.tokenizer(), task.loss.bos) is None:
        if not (tokens == words - 1).all():
            return None
        logs, words = logs[:, 1:], words - 1
    there = words > 0
    above = nats + np.nansum(logs, axis=1)
    return Excess(above[there], words[there].astype(float), "log-probabilities of the words that came")


def masked_excess(
    session: Session, sequences: list[ScoredSequence], world: World, language: Language, texts: list[Document]
) -> Excess | None:
    """Exact where a sentence lies in one window and a word is one token."""
    model, tokenizer = session.language_model()
    special, tokens = MaskVocabulary.of(tokenizer), word_tokens(tokenizer, world)
    words = world.word_numbers([d.text for d in texts])
    length = (words >= 0).sum(axis=1)
    edges = (special.cls is not None) + (special.sep is not None)
    if tokens is None or any(len(s.ids) - edges != length[s.cluster] for s in sequences):
        return None
    hidden = max(int(s.labels.ne(UNSCORED).sum()) for s in sequences)
    if not language.can_tell(len(sequences), words.shape[1], hidden):
        return None
    names, of_name = np.unique(tokens, return_inverse=True)  # words that the tokenizer does not know share a token
    gather = np.eye(len(names))[of_name]  # (V, tokens)
    truth: list[Floats] = []
    size = max(1, CHUNK // (words.shape[1] * language.vocabulary))
    for start in range(0, len(sequences), size):
        part = sequences[start : start + size]
        rows = words[[s.cluster for s in part]]
        scored, seen = what_is_seen(part, rows.shape, special, tokens)
        known = language.conditionals(rows, seen=seen)
        truth += [found[at] @ gather for found, at in zip(known, scored, strict=True)]
    expected = expected_losses(model, sequences, truth, names.tolist(), session.budget(model))
    nats = expected - np.array([entropies(each).sum() for each in truth])
    clusters = [s.cluster for s in sequences]
    total = np.bincount(clusters, nats, len(texts)).astype(float)
    count = np.bincount(clusters, [len(each) for each in truth], len(texts)).astype(float)
    there = count > 0
    return Excess(total[there], count[there], "true distributions of the words")


def word_tokens(tokenizer: Any, world: World) -> Integers | None:
    """The token of each word, (V,); None where a word is several."""
    coded = tokenizer(world.words(), add_special_tokens=False)["input_ids"]
    return np.array([ids[0] for ids in coded]) if all(len(ids) == 1 for ids in coded) else None


def what_is_seen(
    sequences: list[ScoredSequence], shape: tuple[int, ...], special: MaskVocabulary, tokens: Integers
) -> tuple[np.ndarray, Floats]:
    """Which words are scored, (S, T), and p(token seen there | word) as far as it depends on the word, (S, T, V).

    A scored token became the mask, or else stays or is one by lot, each as often.
    """
    first = int(special.cls is not None)
    ids, scored = np.full(shape, special.mask), np.zeros(shape, dtype=bool)
    for row, sequence in enumerate(sequences):
        length = len(sequence.ids) - first - (special.sep is not None)
        ids[row, :length] = sequence.ids[first : first + length].numpy()
        scored[row, :length] = sequence.labels[first : first + length].numpy() != UNSCORED
    seen = (ids[..., None] == tokens).astype(float)
    seen[scored] += 1.0 / len(special.ordinary)
    seen[ids == special.mask] = 1.0
    return scored, seen
