"""The dropout rates of a config."""

from __future__ import annotations

import re
from typing import Any

RATE = re.compile(r"(?:.*_)?dropout(?:_prob|_rate|_p)?|(?:attn|resid|embd)_pdrop|(?:.*_)?layerdrop")


def set_dropout(config: Any, rate: float) -> None:
    """Set in place every field of a config that is a dropout rate; a layer-drop rate is set to 0 only.

    >>> from transformers import BertConfig
    >>> config = BertConfig()
    >>> set_dropout(config, 0.0)
    >>> config.hidden_dropout_prob, config.attention_probs_dropout_prob, config.classifier_dropout
    (0.0, 0.0, 0.0)
    """
    for field in rates(config):
        if rate == 0 or "layerdrop" not in field:
            setattr(config, field, rate)


def rates(config: Any) -> dict[str, float | None]:
    """Every field of a config that is a dropout rate, with its value."""
    return {
        field: value
        for field, value in config.to_dict().items()
        if RATE.fullmatch(field)
        and (value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)))
    }
