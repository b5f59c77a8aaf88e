"""A checkpoint that has been found: all that is known before its weights are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.results.record import CheckpointInfo

Objective = Literal["causal", "masked", "encoder", "seq2seq"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A checkpoint with its identity.

    Attributes:
        name: as the user wrote it.
        path: the folder, or the Hub repository.
        revision: the Hub commit; None for a folder and for a model in memory.
        identity: the Hub commit, or ``weights:<sha256>``, ``adapter:<sha256>``, ``memory:<sha256>``.
        objective: what the model can be scored as; ``encoder`` has no language-model head.
        architecture: the config's ``model_type``.
        context: most positions the model takes, in tokens.
        tokenizer: hash of what the tokenizer does, the same for equal tokenizers of different models.
        info: the line for ``checkpoints.jsonl``.
        folder: where config and tokenizer lie on this machine; of an adapter, the tokenizer alone.
        weights: the weight files to load; empty where they are not known (offline and not in the cache).
        remote_code: whether code from the repository may run.
        offline: whether only the local cache may be read.
        segments: whether the segment ids that the tokenizer may give are the model's to read.
        base: of an adapter, the model whose weights it is merged into.
        adapter_folder: where the adapter lies on this machine.
        pruning: what the config says of pruning that training has to heed (``checkpoints/pruned.py``); None for most.
        memory: (model, tokenizer) of a model that is in memory already.
    """

    name: str
    path: str
    revision: str | None
    identity: str
    objective: Objective
    architecture: str
    context: int
    tokenizer: str
    info: CheckpointInfo
    folder: str = ""
    weights: tuple[str, ...] = ()
    remote_code: bool = False
    offline: bool = False
    segments: bool = True
    base: Resolved | None = field(default=None, repr=False)
    adapter_folder: str = ""
    pruning: Mapping[str, Any] | None = field(default=None, repr=False)
    memory: tuple[Any, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def whole(self) -> Resolved:
        """The checkpoint that holds the config and a whole model: itself, or what an adapter comes to stand on."""
        return self if self.base is None else self.base.whole
