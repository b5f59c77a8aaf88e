"""Which files of a checkpoint matter: its weights, without code where that can be had, and its tokenizer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

SAFE = ("model.safetensors", "model.safetensors.index.json")
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
GENERATION_CONFIG = "generation_config.json"
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
SHARD = re.compile(r"(?:model|pytorch_model)-\d+-of-\d+\.(?:safetensors|bin)")
OTHER_FORMATS = re.compile(r".+\.(?:safetensors|bin|pt|pth|ckpt|h5|msgpack|onnx|gguf|npz)")
TOKENIZER = re.compile(
    r"tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|(?:target_)?vocab\.(?:json|txt|bpe)"
    r"|merges\.txt|bpe\.codes|tekken\.json|.+\.(?:tiktoken|spm)|[^/]*(?:spiece|sentencepiece|tokenizer)[^/]*\.model"
)
SETTINGS = {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}
BYTE_TOKENIZERS = {"ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer"}


def weight_files(names: Iterable[str], checkpoint: str, *, allow_pickle: bool) -> tuple[str, ...]:
    """The file of the weights, or their index and every shard listed beside it.

    Raises:
        HarnessError: no weights, weights of another format, or only pickled ones without permission.
    """
    present = set(names)
    for whole, index in (SAFE, PICKLED) if allow_pickle else (SAFE,):
        if whole in present:
            return (whole,)
        if index in present:
            ending = index.removesuffix(".index.json").rpartition(".")[2]
            return (index, *sorted(n for n in present if SHARD.fullmatch(n) and n.endswith(ending)))
    pickled = sorted(present & set(PICKLED))
    if pickled:
        raise HarnessError(
            f"checkpoint {checkpoint} has only {pickled[0]} (pickle, which can run code); expected model.safetensors; "
            f"pass --allow-pickle {checkpoint} if you trust it"
        )
    raise HarnessError(no_weights(present, checkpoint))


def no_weights(present: set[str], checkpoint: str) -> str:
    """The message for a checkpoint without weights that can be loaded."""
    others = sorted(name for name in present if OTHER_FORMATS.fullmatch(name))
    found = "only " + ", ".join(others[:4]) if others else "none"
    return f"checkpoint {checkpoint} has no weights to load: found {found}; expected model.safetensors"


def tokenizer_files(names: Iterable[str]) -> tuple[str, ...]:
    """The files of the tokenizer, sorted.

    >>> tokenizer_files(["vocab.txt", "README.md", "config.json", "tokenizer_config.json"])
    ('tokenizer_config.json', 'vocab.txt')
    """
    return tuple(sorted(name for name in names if TOKENIZER.fullmatch(name)))


def code_files(names: Iterable[str]) -> tuple[str, ...]:
    """Python files of a repository, sorted: what ``trust_remote_code`` would run."""
    return tuple(sorted(name for name in names if name.endswith(".py")))


def has_vocabulary(folder: Path, names: Iterable[str]) -> bool:
    """Whether the tokenizer's files hold more than settings, or it is one that needs no vocabulary."""
    files = tokenizer_files(names)
    if any(name not in SETTINGS for name in files):
        return True
    if "tokenizer_config.json" not in files:
        return False
    settings = read_json(folder / "tokenizer_config.json")
    return settings.get("tokenizer_class") in BYTE_TOKENIZERS


def shards_of(index: Path) -> tuple[str, ...]:
    """Every shard that an index of weights names, sorted."""
    return tuple(sorted(set(read_json(index).get("weight_map", {}).values())))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        HarnessError: it cannot be read, or is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HarnessError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise HarnessError(f"{path} is not valid JSON ({error}); expected an object; write it anew") from error
    if not isinstance(value, dict):
        raise HarnessError(f"{path} holds a JSON {type(value).__name__}; expected an object")
    return value
