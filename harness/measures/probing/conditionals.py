"""The lookup table: what a model of a world's language would say if it had learned all there is to learn, as features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from harness.data.worlds import World
from harness.data.worlds.world import PADDING
from harness.errors import HarnessError
from harness.measures.probing.pooling import pooled

CHUNK = 1000
"""Texts whose conditionals are held at once."""


def true_conditionals(world: World, config: str, texts: Sequence[str], pooling: str, width: int) -> np.ndarray:
    """p(x_t = word | all other words) of every place t of a text, pooled as states are.

    Args:
        world: whose language the texts are of.
        config: which of its samples they were drawn from.
        texts: N sentences.
        pooling: ``concat``: V numbers a place, side by side; ``mean``, ``cls``, ``last`` as of states.
        width: places of ``concat``; zeros where a text has fewer, further ones are left out.

    Returns:
        float32, ``(N, width * V)`` of ``concat``, else ``(N, V)``.

    Raises:
        HarnessError: a word that is not of the language, or conditionals that it cannot tell.
    """
    found = []
    for start in range(0, len(texts), CHUNK):
        tokens = world.word_numbers(texts[start : start + CHUNK])
        if not world.language(config).can_tell(len(tokens), tokens.shape[1], 1):
            raise HarnessError(
                f"world {world.name!r} cannot tell the conditionals of {len(texts):,} texts of {tokens.shape[1]} words; "
                "score fewer or shorter ones, or choose features: states"
            )
        values = torch.from_numpy(world.conditionals(tokens, config=config)).float()
        there = torch.from_numpy((tokens != PADDING).astype(np.int64))
        found.append(pooled(values, there, pooling, width).numpy())
    return np.concatenate(found)
