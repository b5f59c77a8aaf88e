"""Where a probe's features come from: the states of a checkpoint, the tokens alone, or a world's true conditionals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from harness.data.worlds import open_world
from harness.measures.classifier import Example
from harness.measures.labelled import filled
from harness.measures.probing.conditionals import true_conditionals
from harness.measures.probing.heads import Features, Scale
from harness.measures.probing.one_hot import one_hot
from harness.measures.probing.rows import Rows
from harness.measures.probing.states import StateReader
from harness.results import digest
from harness.specs import ProbeTask

if TYPE_CHECKING:
    from harness.measures.session import Session


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Features ready to train on, to choose by, and to score."""

    train: Features
    held_out: Features | None
    scored: Features


class Source(Protocol):
    """Features of a task's rows, by layer."""

    @property
    def tokens_read(self) -> int:
        """Tokens that went through the checkpoint so far."""

    def parts(self, layer: int | None) -> Parts:
        """Features of one layer; None where there are no layers."""


class StateSource:
    """States of a frozen checkpoint, standardised by the rows trained on."""

    def __init__(self, session: Session, task: ProbeTask, rows: Rows) -> None:
        """Nothing is read yet; what another task read of the same texts is taken over."""
        self.rows, probe = rows, task.probe
        reader = StateReader.of(session)
        self.layers = reader.layer_numbers(probe.layers, task.place("probe", "layers"))
        texts = {split: texts_of(task, split) for split in ("train", "score")}
        self.stores = {split: reader.store(read, probe.pooling, rows.width) for split, read in texts.items()}
        for store in self.stores.values():
            store.beside = tuple(self.stores.values())

    @property
    def tokens_read(self) -> int:
        """Tokens of both splits."""
        return sum(store.tokens_read for store in self.stores.values())

    def parts(self, layer: int | None) -> Parts:
        """All layers are read at the first call.

        Raises:
            HarnessError: memory does not hold the features, or the states are not finite.
        """
        assert layer is not None, "states have layers"
        train, score, rows = self.stores["train"], self.stores["score"], self.rows
        train.need([*rows.train, *rows.held_out], self.layers, train=True)
        score.need(rows.scored, self.layers, train=False)
        features = train.take(rows.train, layer)
        scale = Scale.of(features)
        held_out = scale(train.take(rows.held_out, layer)) if rows.held_out else None
        return Parts(scale(features), held_out, scale(score.take(rows.scored, layer)))


def texts_of(task: ProbeTask, split: str) -> str:
    """What decides the tokens of a split's texts, as a hash: equal for tasks that ask different things of one text."""
    data, folder = task.data.definition(), str(task.folder) if task.data.files else ""
    texts = [data, task.splits[split], list(task.inputs), task.probe.max_length, folder]
    return digest({"texts": texts})


class OneHotSource:
    """One-hot tokens: of the columns that the rows trained on have."""

    tokens_read = 0

    def __init__(self, task: ProbeTask, rows: Rows) -> None:
        """No checkpoint is read."""
        self.pooling, self.rows = task.probe.pooling, rows

    def parts(self, layer: int | None) -> Parts:
        """There are no layers."""
        rows = self.rows
        tokens = 1 + max(max(e.ids) for part in (rows.train, rows.held_out, rows.scored) for e in part)

        def features(examples: Sequence[Example]) -> Any:
            return one_hot(examples, self.pooling, rows.width, tokens)

        train = features(rows.train)
        seen = np.unique(train.indices)
        held_out = features(rows.held_out)[:, seen] if rows.held_out else None
        return Parts(train[:, seen], held_out, features(rows.scored)[:, seen])


class ConditionalSource:
    """True conditionals of a world's texts, standardised by the rows trained on."""

    tokens_read = 0

    def __init__(self, session: Session, task: ProbeTask, rows: Rows) -> None:
        """No checkpoint is read."""
        self.task, self.rows = task, rows
        self.texts = {split: filled(task, session.rows(task, split))[0] for split in ("train", "score")}
        self.world = open_world(task.data.world or "", dict(task.data.options), offline=session.data.offline)

    def parts(self, layer: int | None) -> Parts:
        """There are no layers.

        Raises:
            HarnessError: a text that is not of the world's language.
        """
        width = max(len(text.split()) for text in self.texts["train"])

        def features(split: str, examples: Sequence[Example]) -> Any:
            texts, config = [self.texts[split][example.row] for example in examples], self.task.data.name or "text"
            return true_conditionals(self.world, config, texts, self.task.probe.pooling, width)

        train = features("train", self.rows.train)
        scale = Scale.of(train)
        held_out = scale(features("train", self.rows.held_out)) if self.rows.held_out else None
        return Parts(scale(train), held_out, scale(features("score", self.rows.scored)))
