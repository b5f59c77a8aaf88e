"""What a causal model reads at once: one choice, or all choices of a question behind what they begin with alike.

In a pack of several choices the tokens that they share stand once, then the rest of each. A mask hides each rest from the
others, and positions count on from the shared tokens, so that every token sees what it would see if its choice were alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from harness.data.batches import pad
from harness.measures.likelihood.encoding import Tokens


@dataclass(frozen=True, slots=True)
class Scored:
    """What the model reads for one choice, and the tokens it should say at the last ``len(targets)`` positions."""

    read: Tokens
    targets: Tokens

    @property
    def first_scored(self) -> int:
        """The position whose prediction is the first that counts."""
        return len(self.read) - len(self.targets)


@dataclass(frozen=True, slots=True)
class Pack:
    """Choices that are read together.

    Attributes:
        first: number of the first choice, among all.
        choices: the choices.
        shared: tokens that stand once for all of them; all tokens of a choice that is alone.
    """

    first: int
    choices: tuple[Scored, ...]
    shared: int

    @classmethod
    def together(cls, first: int, choices: Sequence[Scored]) -> Pack:
        """All choices of a question in one pack."""
        return cls(first, tuple(choices), common_beginning([c.read for c in choices]))

    def apart(self) -> list[Pack]:
        """A pack for each choice."""
        return [Pack(self.first + n, (c,), len(c.read)) for n, c in enumerate(self.choices)]

    @property
    def length(self) -> int:
        """Tokens of the pack."""
        return self.shared + sum(len(c.read) - self.shared for c in self.choices)

    @property
    def saved(self) -> float:
        """The share of the tokens that need not be read, in [0, 1)."""
        return 1 - self.length / sum(len(c.read) for c in self.choices)

    def tokens(self) -> Tokens:
        """Of the whole pack."""
        return self.choices[0].read[: self.shared] + [token for c in self.choices for token in c.read[self.shared :]]

    def owners(self) -> list[int]:
        """Which choice each token belongs to, from 1; 0 where it belongs to all."""
        return [0] * self.shared + [n for n, c in enumerate(self.choices, 1) for _ in c.read[self.shared :]]

    def positions(self) -> list[int]:
        """The place of each token in its choice."""
        return list(range(self.shared)) + [place for c in self.choices for place in range(self.shared, len(c.read))]

    def scored(self) -> list[int]:
        """The place in the pack of each prediction that counts, one choice after another."""
        found, rest = [], self.shared
        for choice in self.choices:
            shift = rest - self.shared
            found += [p if p < self.shared else p + shift for p in range(choice.first_scored, len(choice.read))]
            rest += len(choice.read) - self.shared
        return found


def common_beginning(sequences: Sequence[Tokens]) -> int:
    """How many tokens all sequences begin with alike.

    >>> common_beginning([[1, 2, 3], [1, 2, 4, 5]])
    2
    """
    length = 0
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            break
        length += 1
    return length


def inputs_of(packs: Sequence[Pack], dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """What the model is called with; padding on the right, which nothing that counts can see.

    Packs of one choice need no mask and no positions: these are what the model takes by itself.
    """
    inputs: dict[str, Any] = {"input_ids": filled([pack.tokens() for pack in packs], device), "use_cache": False}
    if all(len(pack.choices) == 1 for pack in packs):
        return inputs
    owners = filled([pack.owners() for pack in packs], device)
    return inputs | {
        "position_ids": filled([pack.positions() for pack in packs], device),
        "attention_mask": mask_of(owners, dtype),
    }


def filled(numbers: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """Numbers of each pack, 0 behind them: int64 ``(B, T)``."""
    return pad([torch.tensor(row) for row in numbers], 0).to(device)


def mask_of(owners: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What is added to attention scores, ``(B, 1, T, T)``: 0 where a token may look, the lowest number elsewhere.

    It may look at tokens before it, and itself, that belong to its own choice or to all. ``owners``: int64 ``(B, T)``.
    """
    length = owners.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=owners.device).tril()
    seen = before & ((owners[:, None, :] == 0) | (owners[:, None, :] == owners[:, :, None]))  # (B, query, key)
    mask = torch.full(seen.shape, torch.finfo(dtype).min, dtype=dtype, device=owners.device)
    return mask.masked_fill_(seen, 0)[:, None]
