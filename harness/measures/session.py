"""What a measurement works with: one checkpoint, loaded when first asked for, and the data of tasks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.data.rows import Rows, load_rows
from harness.progress import Advance, progress
from harness.specs import Task

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.measures.measurement import Measurement
    from harness.results import Record

CACHED_STATES = 2**20
"""Numbers of one layer's states, tokens x width: with the wider ones inside a layer about 16 MB."""
Stage = Callable[[dict[str, Any], "Callable[[], Measurement]"], "list[Record]"]


@dataclass
class RowCache:
    """Rows of splits, loaded once for all checkpoints. ``limit`` cuts every split and marks its records partial."""

    offline: bool = False
    limit: int | None = None
    _rows: dict[tuple[str, str], Rows] = field(default_factory=dict)
    _made: dict[Any, Any] = field(default_factory=dict)

    def get(self, task: Task, split: str) -> Rows:
        """Rows of a task's split."""
        if (task.name, split) not in self._rows:
            from harness.measures.kinds import first_rows, kind_of

            columns, first = kind_of(task).columns(task), first_rows(task, split, self.limit)
            self._rows[task.name, split] = load_rows(task, split, columns, first=first, offline=self.offline)
        return self._rows[task.name, split]

    def once(self, what: Hashable, make: Callable[[], Any]) -> Any:
        """What follows from the data alone: made for the first checkpoint, and the same for all others."""
        if what not in self._made:
            self._made[what] = make()
        return self._made[what]


@dataclass
class Session:
    """One checkpoint under measurement.

    ``stage`` runs a part of a measurement that is recorded on its own, such as one learning rate of a grid, or finds
    it in the store; ``cell`` finds or makes a whole measurement and returns what it selected. ``keep_trained`` names
    tasks whose fine-tuned model another task will score.
    """

    checkpoint: Resolved
    data: RowCache
    device: str
    dtype: str
    stage: Stage
    cell: Callable[[Task, int | None], Mapping[str, Any]]
    token_budget: int = 4096
    keep_trained: frozenset[str] = frozenset()
    trained: dict[tuple[str, int, float], Any] = field(default_factory=dict)
    features: dict[Any, Any] = field(default_factory=dict)
    _language_model: tuple[Any, Any] | None = None
    _tokenizer: Any = None

    def rows(self, task: Task, split: str) -> Rows:
        """Rows of a task's split."""
        return self.data.get(task, split)

    def once_per_tokenizer(self, what: Hashable, make: Callable[[], Any]) -> Any:
        """What follows from data and tokenizer: made for the first checkpoint that has this tokenizer, and kept."""
        return self.data.once((what, self.checkpoint.tokenizer), make)

    def budget(self, model: Any, window: int = 1) -> int:
        """Tokens of a batch in scoring, and at least a window.

        On a CPU a batch whose states fit its cache is faster than a larger one.
        """
        width = getattr(model.config.get_text_config(), "hidden_size", 1024)
        most = self.token_budget if self.device.startswith("cuda") else min(self.token_budget, CACHED_STATES // width)
        return max(most, window)

    def language_model(self) -> tuple[Any, Any]:
        """The model with its own head, in eval mode, and the tokenizer."""
        if self._language_model is None:
            from harness.checkpoints import load_language_model

            self._language_model = load_language_model(self.checkpoint, self.device, self.dtype)
        return self._language_model

    def classifier(self, labels: int, seed: int, dropout: float | None) -> tuple[Any, Any]:
        """A fresh copy of the model with a new head for ``labels`` classes, or one output for regression.

        The language model makes room: losses are measured before anything is fine-tuned.
        """
        from harness.checkpoints import load_classifier

        self._language_model = None
        return load_classifier(self.checkpoint, labels, seed, self.device, "float32", dropout)

    def tokenizer(self) -> Any:
        """The tokenizer alone."""
        if self.checkpoint.memory is not None:
            return self.checkpoint.memory[1]
        if self._tokenizer is None:
            from harness.checkpoints import load_tokenizer

            self._tokenizer = load_tokenizer(
                self.checkpoint.folder, self.checkpoint.name, remote_code=self.checkpoint.remote_code
            )
        return self._tokenizer

    def progress(self, what: str, total: float) -> AbstractContextManager[Advance]:
        """A bar for a part of the work."""
        return progress(f"{self.checkpoint.name}  {what}", total)
