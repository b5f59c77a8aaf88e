"""Fields of a record and of a checkpoint as texts, for formats whose free fields are texts alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from harness.errors import HarnessError

OF_RECORD = ("schema", "key", "task_version", "seed", "stage", "selected", "partial", "warnings", "details", "signature",
             "context", "cost")  # fmt: skip
"""Fields of a record that have no place of their own in other formats."""
OF_CHECKPOINT = ("identity", "names", "run", "commit", "parent", "step", "training_seed", "corpus", "objective",
                 "architecture", "tokenizer", "parameters", "made")  # fmt: skip
PLAIN = ("key", "stage", "partial", "signature", "context", "identity", "run", "commit", "parent", "corpus", "objective",
         "architecture", "tokenizer")  # fmt: skip
"""Fields that are texts; the others stand as JSON."""


def as_texts(line: Mapping[str, Any], fields: Collection[str]) -> dict[str, str]:
    """The fields that a line has, each as a text.

    >>> as_texts({"key": "ab", "seed": 1, "cost": {"seconds": 2.5}, "value": 3}, OF_RECORD)
    {'key': 'ab', 'seed': '1', 'cost': '{"seconds": 2.5}'}
    """
    return {
        name: line[name] if name in PLAIN else json.dumps(line[name], ensure_ascii=False)
        for name in fields
        if line.get(name) is not None
    }


def from_texts(where: str, texts: Mapping[str, str], fields: Collection[str]) -> dict[str, Any]:
    """The fields of texts that ``as_texts`` wrote.

    Raises:
        HarnessError: one is no JSON where it is to be.
    """
    try:
        return {name: texts[name] if name in PLAIN else json.loads(texts[name]) for name in fields if name in texts}
    except (TypeError, ValueError) as error:
        raise HarnessError(f"{where}: details are no longer as an export wrote them: {error}") from None
