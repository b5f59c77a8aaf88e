"""Weight files on disk: whether they are whole, and how many parameters they hold."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.checkpoints.files import shards_of
from harness.errors import HarnessError

LONGEST_HEADER = 100_000_000


def present_weights(folder: Path, weights: tuple[str, ...], checkpoint: str) -> tuple[str, ...]:
    """The weight files to load: the one, or the index and every shard it names.

    Raises:
        HarnessError: the index names a shard that is not there.
    """
    if not weights[0].endswith(".index.json"):
        return weights
    shards = shards_of(folder / weights[0])
    missing = [name for name in shards if not (folder / name).is_file()]
    if missing:
        raise HarnessError(
            f"checkpoint {checkpoint} lacks {len(missing)} of {len(shards)} weight files ({missing[0]} ...); "
            f"{weights[0]} names them; copy them here"
        )
    return (weights[0], *shards)


def count_parameters(folder: Path, weights: Iterable[str], checkpoint: str) -> int | None:
    """Numbers stored in the safetensors among the weight files; None where there are none.

    Raises:
        HarnessError: a file is no safetensors file, or was cut off.
    """
    headers = [header(folder / name, checkpoint) for name in weights if name.endswith(".safetensors")]
    if not headers:
        return None
    tensors = (value for one in headers for name, value in one.items() if name != "__metadata__")
    return sum(math.prod(tensor["shape"]) for tensor in tensors)


def header(path: Path, checkpoint: str) -> dict[str, Any]:
    """Header of a safetensors file: dtype, shape and place of every tensor, checked against the file's size.

    Raises:
        HarnessError: it is no safetensors file, or was cut off.
    """
    try:
        return read_header(path)
    except ValueError as error:
        raise HarnessError(f"{path.name} of {checkpoint} {error}; fetch or save it anew") from error


def read_header(path: Path) -> dict[str, Any]:
    """As ``header``.

    Raises:
        ValueError: what is wrong with the file, to be said after its name.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, LONGEST_HEADER):
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            found = json.loads(file.read(length))
            ends = [value["data_offsets"][1] for name, value in found.items() if name != "__metadata__"]
    except (ValueError, struct.error, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"is no safetensors file or is damaged ({error})") from error
    expected = 8 + length + max(ends, default=0)
    if size != expected:
        raise ValueError(f"is damaged: {size} bytes where its header expects {expected}")
    return dict(found)
