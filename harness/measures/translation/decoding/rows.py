"""Texts that are being written side by side: a model, the keys and values of what it read, and one step at a time.

Rows can be repeated, put in another order and dropped; transformers' own caches do it.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutput

from harness.data.batches import attention_mask, pad


class Rows(ABC):
    """The rows of a batch.

    Attributes:
        read: all that the rows of a decoder have read, ``(R, T)``: its start, or the prompts, and what was written since.
        begun: columns of it that came before the first token written.
        logits: of the next token, float32 ``(R, V)``; whoever takes them may change them.
    """

    def __init__(self, model: Any, read: torch.Tensor) -> None:
        self.model, self.read, self.begun = model, read, read.shape[1]
        self.cache: Any = None
        self.logits = self.ahead(read)

    @abstractmethod
    def ahead(self, ids: torch.Tensor) -> torch.Tensor:
        """Let the model read further tokens ``(R, t)``; logits of those after the last, float32 ``(R, V)``."""

    def step(self, tokens: torch.Tensor) -> None:
        """Read the next token of each row, ``(R,)``."""
        self.read = torch.cat([self.read, tokens[:, None]], 1)
        self.logits = self.ahead(tokens[:, None])

    def take(self, rows: torch.Tensor, sources: bool = True) -> None:
        """Go on with these rows, in this order; one may come several times.

        ``sources``: False promises that there are as many rows as before and each has the source that stood there.
        """
        self.read = self.read.index_select(0, rows)

    @property
    def written(self) -> torch.Tensor:
        """What each row has written, ``(R, step)``."""
        return self.read[:, self.begun :]


class EncoderDecoderRows(Rows):
    """Rows of a model whose encoder reads the sources, once."""

    def __init__(self, model: Any, sources: Sequence[torch.Tensor], start: Sequence[int]) -> None:
        padding = model.config.pad_token_id
        ids = pad(sources, 0 if padding is None else padding).to(model.device)
        self.mask = attention_mask(sources).to(model.device)  # (R, S)
        self.states = model.get_encoder()(input_ids=ids, attention_mask=self.mask).last_hidden_state  # (R, S, d)
        super().__init__(model, torch.tensor([list(start)] * len(sources), device=model.device))

    def ahead(self, ids: torch.Tensor) -> torch.Tensor:
        """See ``Rows``."""
        out = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self.states), attention_mask=self.mask,
            decoder_input_ids=ids, past_key_values=self.cache, use_cache=True,
        )  # fmt: skip
        self.cache = out.past_key_values
        return out.logits[:, -1].float()

    def take(self, rows: torch.Tensor, sources: bool = True) -> None:
        """See ``Rows``."""
        super().take(rows)
        self.cache.self_attention_cache.reorder_cache(rows)
        if sources:
            self.cache.cross_attention_cache.reorder_cache(rows)
            self.states, self.mask = self.states.index_select(0, rows), self.mask.index_select(0, rows)


class CausalRows(Rows):
    """Rows of a model that goes on with prompts.

    Prompts end side by side, so that padding comes before them; it is masked, and positions count from where each begins.
    It repeats the first token of a prompt, so that what counts tokens finds none that is not there.
    """

    def __init__(self, model: Any, prompts: Sequence[torch.Tensor]) -> None:
        taken = inspect.signature(model.forward).parameters
        self._tells_positions, self._keeps = "position_ids" in taken, "logits_to_keep" in taken
        longest = max(len(prompt) for prompt in prompts)
        padded = [torch.cat([prompt[:1].expand(longest - len(prompt)), prompt]) for prompt in prompts]
        self.mask = attention_mask(prompts).flip(1).to(model.device)  # (R, T)
        self._ragged = not bool(self.mask.all())
        super().__init__(model, torch.stack(padded).to(model.device))

    def ahead(self, ids: torch.Tensor) -> torch.Tensor:
        """See ``Rows``."""
        given: dict[str, Any] = {} if self.cache is None else {"past_key_values": self.cache}
        if self._ragged:
            given["attention_mask"] = self.mask
            if self._tells_positions:
                given["position_ids"] = (self.mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if self._keeps:
            given["logits_to_keep"] = 1
        out = self.model(input_ids=ids, use_cache=True, **given)
        self.cache = out.past_key_values
        return out.logits[:, -1].float()

    def step(self, tokens: torch.Tensor) -> None:
        """See ``Rows``."""
        self.mask = torch.nn.functional.pad(self.mask, (0, 1), value=1)
        super().step(tokens)

    def take(self, rows: torch.Tensor, sources: bool = True) -> None:
        """See ``Rows``."""
        super().take(rows)
        self.cache.reorder_cache(rows)
        if sources:
            self.mask = self.mask.index_select(0, rows)


def begin(model: Any, sources: Sequence[Sequence[int]], start: Sequence[int]) -> Rows:
    """Read the sources of a batch."""
    read = [torch.tensor(list(source)) for source in sources]
    return EncoderDecoderRows(model, read, start) if model.config.is_encoder_decoder else CausalRows(model, read)
