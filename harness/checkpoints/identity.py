"""The identity of a checkpoint that has no commit: a hash of what its numbers depend on, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cache import Cache
from harness.checkpoints.files import read_json

if TYPE_CHECKING:
    from torch.nn import Module

CHUNK = 1 << 20
HASHES = Cache("hashes")
UNIMPORTANT = {"_name_or_path", "transformers_version", "_attn_implementation", "_attn_implementation_internal",
               "_attn_implementation_autoset"}  # fmt: skip


def folder_identity(folder: Path, files: Iterable[str]) -> str:
    """``weights:<sha256>`` over names and contents of the given files, and what ``config.json`` says.

    The order of the files does not matter, nor how ``config.json`` is laid out, where the model came from, or
    which version of transformers wrote it.
    """
    digest = hashlib.sha256(config_bytes(read_json(folder / "config.json")))
    for name in sorted(set(files) - {"config.json"}):
        digest.update(f"\n{name} {file_digest(folder / name)}".encode())
    return f"weights:{digest.hexdigest()}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file, remembered by its path, size and time of last change (ns)."""
    status = path.stat()
    return HASHES.remembered(f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}", lambda: sha256_of(path))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def config_bytes(config: Mapping[str, Any]) -> bytes:
    """A config as canonical JSON, without the fields that change no number."""
    kept = {name: value for name, value in config.items() if name not in UNIMPORTANT}
    return json.dumps(kept, sort_keys=True, default=str).encode()


def memory_identity(model: Module, tokenizer: str) -> str:
    """``memory:<sha256>`` over every tensor's name, dtype, shape and bytes, the config, and the tokenizer's hash.

    Tensors that share memory (tied weights) are counted once.
    """
    digest = hashlib.sha256(config_bytes(model.config.to_dict()))  # type: ignore[union-attr, operator]
    digest.update(tokenizer.encode())
    seen: set[tuple[Any, ...]] = set()
    for name, tensor in sorted(model.state_dict().items()):
        place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), str(tensor.device))
        if place in seen and tensor.numel():
            continue
        seen.add(place)
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor_bytes(tensor))
    return f"memory:{digest.hexdigest()}"


def tensor_bytes(tensor: Any) -> Any:
    """The bytes of a tensor in row order, whatever its dtype and device."""
    import torch

    flat = tensor.detach().contiguous().cpu().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else b""
