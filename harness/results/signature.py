"""What decides whether two numbers may be compared, as a hash.

A signature is made of *parts*: the task's definition and version, the data's revision and row fingerprint, the
protocol without seed, the objective, the loss policy, the dtype and the version of the measuring code; never the
checkpoint, the seed, the device or library versions. A key adds the checkpoint's identity and the seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value: sorted keys, no spaces, NaN refused.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(signature: str, identity: str, seed: int | None) -> str:
    """The name of one measurement."""
    return digest({"signature": signature, "checkpoint": identity, "seed": seed})


def differences(
    parts_a: Mapping[str, Any], parts_b: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """The parts in which two signatures differ, as (dotted name, value in a, value in b).

    >>> list(differences({"loss": {"window": 128}, "dtype": "float32"}, {"loss": {"window": 256}, "dtype": "float32"}))
    [('loss.window', 128, 256)]
    """
    for name in sorted(set(parts_a) | set(parts_b)):
        a, b = parts_a.get(name), parts_b.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from differences(a, b, f"{prefix}{name}.")
        elif a != b:
            yield f"{prefix}{name}", a, b
