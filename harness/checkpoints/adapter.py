"""A folder or repository that holds an adapter in place of a whole model: which files, which base, what identity."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.checkpoints.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, PICKLED, SAFE, read_json, tokenizer_files
from harness.checkpoints.identity import config_bytes, file_digest
from harness.errors import HarnessError

INSTALL = "pip install 'transfer-harness[peft]'"
NOT_MEASURED = {"base_model_name_or_path", "revision", "inference_mode", "peft_version", "auto_mapping", "task_type"}
"""Fields of an adapter's config that change no number: the base stands in the identity by its own."""


def is_adapter(files: Iterable[str]) -> bool:
    """Whether files are those of an adapter; one beside a whole model is not looked at.

    >>> is_adapter(["adapter_config.json", "adapter_model.safetensors"]), is_adapter(["config.json"])
    (True, False)
    """
    present = set(files)
    return ADAPTER_CONFIG in present and not present & {*SAFE, *PICKLED}


def adapter_weights(files: Iterable[str], checkpoint: str) -> tuple[str, ...]:
    """The file of an adapter's weights.

    Raises:
        HarnessError: there is none, or a pickled one.
    """
    present = set(files)
    if ADAPTER_WEIGHTS in present:
        return (ADAPTER_WEIGHTS,)
    pickled = "only adapter_model.bin (pickle, which can run code)" if "adapter_model.bin" in present else "none"
    raise HarnessError(
        f"checkpoint {checkpoint} is an adapter without weights to load: found {pickled}; expected {ADAPTER_WEIGHTS}, "
        "which peft's save_pretrained writes"
    )


def adapter_identity(folder: Path, files: Iterable[str]) -> str:
    """SHA-256 over an adapter's weights, its tokenizer's files, and what its config says of the numbers."""
    written = read_json(folder / ADAPTER_CONFIG)
    digest = hashlib.sha256(config_bytes({k: v for k, v in written.items() if k not in NOT_MEASURED}))
    for name in sorted({ADAPTER_WEIGHTS, *tokenizer_files(files)}):
        digest.update(f"\n{name} {file_digest(folder / name)}".encode())
    return digest.hexdigest()


def identity_on(adapter: str, base: str) -> str:
    """``adapter:<sha256>`` over the identities of an adapter and of its base."""
    return f"adapter:{hashlib.sha256(f'{adapter} {base}'.encode()).hexdigest()}"


def base_of(folder: Path, checkpoint: str) -> str:
    """Name of the model an adapter was trained on: a folder, or a Hub name with the revision it had.

    A relative path is looked for below the working folder, then below the adapter's.

    Raises:
        HarnessError: the config names none.
    """
    written = read_json(folder / ADAPTER_CONFIG)
    named = written.get("base_model_name_or_path")
    if not isinstance(named, str) or not named.strip():
        raise HarnessError(
            f"{ADAPTER_CONFIG} of {checkpoint} names no base model; expected base_model_name_or_path, a folder or a "
            "Hub name: write it there"
        )
    for place in (Path(named).expanduser(), folder / named):
        if place.is_dir():
            return str(place)
    revision = written.get("revision")
    return f"{named}@{revision}" if revision and "@" not in named else named


def read_adapter_config(folder: Path, checkpoint: str) -> Any:
    """The config of an adapter that can be merged into its base, as ``peft`` reads it.

    Raises:
        HarnessError: peft is not installed, does not know the config, or cannot merge adapters of its type.
    """
    if find_spec("peft") is None:
        raise HarnessError(f"checkpoint {checkpoint} is an adapter, which takes peft to load; {INSTALL}")
    from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING, PeftConfig

    kind = read_json(folder / ADAPTER_CONFIG).get("peft_type")
    if kind not in PEFT_TYPE_TO_CONFIG_MAPPING:
        raise HarnessError(
            f"checkpoint {checkpoint} is an adapter of peft_type {kind!r}, which this peft does not know; "
            "expected one such as LORA; a newer peft may"
        )
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except Exception as error:
        raise HarnessError(f"{ADAPTER_CONFIG} of {checkpoint} cannot be read: {error}") from error
    # XLORA, whose config names further adapters, mixes them anew for each text.
    mixes = hasattr(config, "adapters")
    if config.is_prompt_learning or mixes or not hasattr(PEFT_TYPE_TO_TUNER_MAPPING.get(kind), "merge_and_unload"):
        raise HarnessError(
            f"checkpoint {checkpoint} is an adapter of type {kind}, which is no change of weights and cannot be merged "
            "into its base; expected one that can, such as LORA"
        )
    return config
