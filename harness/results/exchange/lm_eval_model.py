"""Which model a result file of lm-eval speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results.exchange.content import Reading
from harness.results.signature import digest

WITHOUT_EFFECT = ("pretrained", "revision", "device", "batch_size", "max_batch_size", "trust_remote_code", "parallelize",
                  "device_map_option", "offload_folder", "tensor_parallel_size", "cache_dir")  # fmt: skip
"""Arguments that say which model or where it runs, not how it is read."""
OTHER_WEIGHTS = ("peft", "delta", "subfolder", "gguf_file", "load_in_4bit", "load_in_8bit", "autogptq", "gptqmodel",
                 "steer_path", "quantization")  # fmt: skip
"""Arguments under which the weights are not those of the commit."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model; ``unknown`` where nothing tells its weights."""

    identity: str
    name: str
    run: str
    commit: str | None
    parameters: int | None
    settings: Mapping[str, Any]
    unknown: bool


def model_of(path: Path, line: Mapping[str, Any], reading: Reading) -> Model:
    """The model of a file.

    Raises:
        HarnessError: the file does not say.
    """
    config = line.get("config") or {}
    arguments = arguments_of(config.get("model_args"))
    pretrained = str(arguments.get("pretrained") or line.get("model_name") or config.get("model") or "")
    if not pretrained:
        raise HarnessError(f"{path}: config.model_args names no model (pretrained=...); expected one")
    revision = str(arguments.get("revision") or config.get("model_revision") or "main")
    name = pretrained if revision == "main" else f"{pretrained}@{revision}"
    changed = {field: str(value) for field, value in arguments.items() if field in OTHER_WEIGHTS and value}
    commit = str(config.get("model_sha") or "") or None
    settings: dict[str, Any] = {field: str(value) for field, value in arguments.items() if field not in WITHOUT_EFFECT}
    settings |= {"model": config.get("model"), "dtype": config.get("model_dtype") or arguments.get("dtype")}
    given = reading.identities.get(name) or reading.identities.get(pretrained)
    known = commit if not changed else None
    made = f"lm_eval:{digest([pretrained, revision, commit, changed])[:16]}"
    return Model(
        identity=given or known or made, name=name, run=pretrained, commit=known, unknown=not (given or known),
        parameters=config.get("model_num_parameters"), settings=settings,
    )  # fmt: skip


def arguments_of(text: Any) -> dict[str, Any]:
    """The arguments of a model: a mapping, or text such as ``pretrained=a/b,dtype=float32``.

    >>> arguments_of("pretrained=a/b,revision=step3"), arguments_of({"pretrained": "c"}), arguments_of(None)
    ({'pretrained': 'a/b', 'revision': 'step3'}, {'pretrained': 'c'}, {})
    """
    if isinstance(text, Mapping):
        return dict(text)
    pairs = (part.partition("=") for part in str(text or "").split(","))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}
