"""Read a checkpoint's config without running code that comes with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.checkpoints.files import read_json
from harness.checkpoints.quiet import quiet
from harness.errors import HarnessError, nearest

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def load_config(folder: Path, checkpoint: str, *, remote_code: bool) -> PretrainedConfig:
    """The config that lies in a folder.

    Raises:
        HarnessError: it is broken, of a type that transformers does not know, or needs code that was not permitted.
    """
    from transformers import AutoConfig

    written = read_json(folder / "config.json")
    if not remote_code:
        refuse_remote_code(written, checkpoint)
    try:
        with quiet():
            return AutoConfig.from_pretrained(str(folder), trust_remote_code=remote_code, local_files_only=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HarnessError(f"config.json of {checkpoint} cannot be read: {reason}") from error


def refuse_remote_code(written: dict[str, Any], checkpoint: str) -> None:
    """Raise unless transformers itself has the model that a config names.

    A config of a type that transformers has is read by transformers, though the repository brings code as well.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    kind, code = written.get("model_type"), written.get("auto_map")
    if kind in CONFIG_MAPPING_NAMES and not (code and names_foreign_class(written)):
        return
    if code:
        wanted = ", ".join(sorted({str(target).rpartition(".")[0] + ".py" for target in flat(code.values())}))
        raise HarnessError(
            f"checkpoint {checkpoint} wants to run code of its own: {wanted} (auto_map in config.json); "
            f"pass --trust-remote-code {checkpoint} if you have read it"
        )
    if not kind:
        raise HarnessError(f"config.json of {checkpoint} names no model_type; expected one such as 'bert' or 'llama'")
    raise HarnessError(
        f"checkpoint {checkpoint} is of model_type {kind!r}, which this transformers does not know; "
        f"{nearest(str(kind), CONFIG_MAPPING_NAMES)}"
    )


def names_foreign_class(written: dict[str, Any]) -> bool:
    """Whether the first class a config names is not one of transformers' own."""
    import transformers

    named = (written.get("architectures") or [""])[0]
    return bool(named) and not hasattr(transformers, named)


def flat(targets: Any) -> list[str]:
    """The strings of a collection that may hold lists of strings or None."""
    found: list[str] = []
    for target in targets:
        found += flat(target) if isinstance(target, (list, tuple)) else [target] if target else []
    return found


def body_parameters(config: Any) -> int:
    """Parameters of a model without its head, by its configuration; no weights are made."""
    import torch
    from transformers import AutoModel

    with torch.device("meta"):
        return sum(p.numel() for p in AutoModel.from_config(config).parameters())
