"""Features of texts from every layer of a checkpoint: each text is read once for all layers, probes, seeds and sizes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.data.batches import by_token_budget
from harness.errors import HarnessError
from harness.machine import free_memory
from harness.measures.body import body_of
from harness.measures.classifier import Example, collate
from harness.measures.probing.pooling import pooled

if TYPE_CHECKING:
    from harness.measures.session import Session

GIB = 2**30
FLOAT = 4
"""Bytes of a number."""
COPIES = 3
"""Of one layer's features that training a probe holds beside them: the rows it takes, standardised, and held-out ones."""


def hidden_states(body: Any, inputs: dict[str, torch.Tensor], checkpoint: str) -> list[torch.Tensor]:
    """States ``(B, T, d)`` of every layer: those of the embeddings, and after each layer; the last as the body returns it.

    Raises:
        HarnessError: the body does not tell the states of its layers.
    """
    found = body(**inputs, output_hidden_states=True)
    states = getattr(found, "hidden_states", None)
    if not states:
        raise HarnessError(
            f"{checkpoint}: {type(body).__name__} does not return the states of its layers; it can't be probed"
        )
    return [*states[:-1], found.last_hidden_state]


class StateReader:
    """Reads texts with a checkpoint's body, and keeps what was read for the next probe while memory holds it."""

    def __init__(self, session: Session) -> None:
        """Nothing is loaded yet."""
        self.session = session
        self.stores: dict[Any, StateStore] = {}
        self._encoder: Any = None

    @classmethod
    def of(cls, session: Session) -> StateReader:
        """The one of this checkpoint."""
        found: StateReader = session.features.setdefault("states", cls(session))
        return found

    def store(self, texts: Any, pooling: str, width: int) -> StateStore:
        """The store of some texts: one for all tasks that read them in the same way."""
        place = (texts, pooling, width if pooling == "concat" else 0)
        return self.stores.setdefault(place, StateStore(self, pooling, width))

    def make_room(self, kept: Collection[StateStore]) -> int:
        """Forget what other tasks read; the bytes that this frees."""
        freed = [store for store in self.stores.values() if store not in kept]
        self.stores = {place: store for place, store in self.stores.items() if store in kept}
        return sum(store.nbytes for store in freed)

    @property
    def body(self) -> Any:
        """The checkpoint without its head. A language model's is the session's own, which gives it up for fine-tuning."""
        if self.session.checkpoint.objective != "encoder":
            return body_of(self.session)
        if self._encoder is None:
            self._encoder = body_of(self.session)
        return self._encoder

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Numbers of a token's state, of each layer from the embeddings on."""
        token = Example(0, [self.session.tokenizer().pad_token_id or 0] * 2, None, 0.0)
        return tuple(states.shape[-1] for states in self.read([token]))

    def read(self, examples: Sequence[Example]) -> list[torch.Tensor]:
        """States of one batch."""
        with torch.inference_mode():
            return hidden_states(self.body, self.inputs(examples), self.session.checkpoint.name)

    def inputs(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        """A batch without its targets."""
        pad_token = self.session.tokenizer().pad_token_id or 0
        batch = collate(examples, pad_token, self.body.device, regression=True)
        return {name: tensor for name, tensor in batch.items() if name != "labels"}

    def layer_numbers(self, wanted: Sequence[int] | str, place: str) -> tuple[int, ...]:
        """Layers counted from 0, in the order they are named; negative numbers count from the last.

        Raises:
            HarnessError: a layer that the checkpoint does not have.
        """
        count = len(self.widths)
        if isinstance(wanted, str):
            return tuple(range(count))
        for layer in wanted:
            if not -count <= layer < count:
                raise HarnessError(
                    f"{place}: layer {layer}; {self.session.checkpoint.name} has layers 0 (embeddings) to {count - 1}, or -1 to -{count}"
                )
        return tuple(dict.fromkeys(layer % count for layer in wanted))


class StateStore:
    """Pooled states of the texts of one split, by layer and row: what was read once is not read again."""

    def __init__(self, reader: StateReader, pooling: str, width: int) -> None:
        """Empty; ``width`` is that of ``concat``, in tokens."""
        self.reader, self.pooling, self.width = reader, pooling, width
        self.beside: tuple[StateStore, ...] = (self,)
        """Those that a task needs at once."""
        self.tokens_read = 0
        self._features: dict[int, np.ndarray] = {}
        self._places: dict[int, int] = {}

    def take(self, examples: Sequence[Example], layer: int) -> np.ndarray:
        """Features ``(N, d)``, float32, of examples that were read."""
        return self._features[layer][[self._places[example.row] for example in examples]]

    def need(self, examples: Sequence[Example], layers: Iterable[int], *, train: bool) -> None:
        """Read what was not read yet, in one pass for all layers; ``train`` says that a probe is trained on them.

        Raises:
            HarnessError: memory does not hold the features.
        """
        new_layers = set(layers) - set(self._features)
        if new_layers and self._features:
            self._features, self._places = {}, {}
        layers = sorted({*layers, *self._features})
        missing = [example for example in examples if example.row not in self._places]
        if not missing:
            return
        self._check_memory(len(missing), layers, train)
        found = self._read(missing, layers)
        start = len(self._places)
        for layer, features in found.items():
            before = self._features.get(layer)
            self._features[layer] = features if before is None else np.concatenate([before, features])
        self._places |= {example.row: start + number for number, example in enumerate(missing)}

    @property
    def nbytes(self) -> int:
        """Bytes of all features."""
        return sum(features.nbytes for features in self._features.values())

    def numbers(self, layer: int) -> int:
        """Numbers of one text's features."""
        return self.reader.widths[layer] * (self.width if self.pooling == "concat" else 1)

    def _check_memory(self, rows: int, layers: Sequence[int], train: bool) -> None:
        """Refuse features that memory does not hold, before they are read."""
        each = [self.numbers(layer) for layer in layers]
        needed = FLOAT * rows * (sum(each) + (COPIES * max(each) if train else 1))
        free = free_memory("cpu")
        if free is not None and needed > free:
            free += self.reader.make_room(self.beside)
        if free is not None and needed > free:
            shape = f"{rows:,} texts x {len(layers)} layers x {max(each):,} numbers"
            fewer = f", or max_length (now {self.width} tokens side by side)" if self.pooling == "concat" else ""
            raise HarnessError(
                f"features of {shape} take about {needed / GIB:.1f} GiB with the training of a probe, and {free / GIB:.1f} GiB are "
                f"free: lower train_rows or layers{fewer}, or use a machine with more memory"
            )

    def _read(self, examples: Sequence[Example], layers: Sequence[int]) -> dict[int, np.ndarray]:
        """Features of each layer, in the order of the examples."""
        reader, session = self.reader, self.reader.session
        found = {layer: np.empty((len(examples), self.numbers(layer)), np.float32) for layer in layers}
        lengths = [len(example.ids) for example in examples]
        with session.progress("states", sum(lengths)) as advance:
            for batch in by_token_budget(lengths, session.budget(reader.body)):
                chosen = [examples[i] for i in batch]
                states, mask = reader.read(chosen), reader.inputs(chosen)["attention_mask"]
                for layer in layers:
                    found[layer][batch] = pooled(states[layer].float(), mask, self.pooling, self.width).cpu().numpy()
                advance(sum(lengths[i] for i in batch))
        self.tokens_read += sum(lengths)
        if not all(np.isfinite(features).all() for features in found.values()):
            raise HarnessError(
                f"states of {session.checkpoint.name} are not finite; its weights or the dtype ({session.dtype}) are at fault"
            )
        return found
