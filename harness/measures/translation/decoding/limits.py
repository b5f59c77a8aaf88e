"""Whether a model has the positions that a search may come to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.checkpoints.architecture import UNLIMITED, context_of
from harness.errors import HarnessError


def positions_of(config: Any) -> int | None:
    """Most positions of a model, or None where they are relative or have no limit."""
    text = config.get_text_config()
    return None if text.model_type in UNLIMITED else context_of(config, config._name_or_path or text.model_type)


def check_positions(config: Any, sources: Sequence[Sequence[int]], start: Sequence[int], maximum_length: int) -> None:
    """Refuse sources and texts longer than the model's positions; the last token of a text is never read.

    Raises:
        HarnessError: it has too few.
    """
    limit = positions_of(config)
    longest = max((len(source) for source in sources), default=0)
    if limit is None:
        return
    if longest > limit:
        raise HarnessError(
            f"a source of {longest} tokens; the model ({config.model_type}) reads {limit} at most: cut it or leave it out"
        )
    read = len(start) if config.is_encoder_decoder else longest
    if read + maximum_length - 1 > limit:
        before = "what the decoder reads first" if config.is_encoder_decoder else "the longest prompt"
        raise HarnessError(
            f"decoding: maximum_length is {maximum_length}; the model ({config.model_type}) has {limit} positions, of which "
            f"{before} takes {read}: expected {max(limit - read + 1, 0)} at most"
        )
