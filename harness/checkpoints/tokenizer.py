"""Load a checkpoint's tokenizer, and hash what it does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from harness.checkpoints.files import read_json
from harness.checkpoints.quiet import quiet
from harness.errors import HarnessError

PLAIN = {"PreTrainedTokenizerFast", "TokenizersBackend"}
"""Classes that do what tokenizer.json says, and nothing else."""
SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def load_tokenizer(folder: str | Path, checkpoint: str, *, remote_code: bool = False) -> Any:
    """The tokenizer that lies in a folder.

    Raises:
        HarnessError: it cannot be loaded, or needs code that was not permitted.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        with quiet():
            found = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=remote_code, local_files_only=True)
            # For some architectures (qwen2) transformers takes its own class whatever the checkpoint names, and with it
            # a pre-tokenizer that the checkpoint may never have seen.
            if is_plain(Path(folder)) and type(found).__name__ not in PLAIN:
                return PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
            return found
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise HarnessError(
                f"the tokenizer of {checkpoint} wants to run code of its own (auto_map in tokenizer_config.json); "
                f"pass --trust-remote-code {checkpoint} if you have read it"
            ) from error
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HarnessError(
            f"the tokenizer of {checkpoint} cannot be loaded: {reason}; "
            "expected files that tokenizer.save_pretrained writes"
        ) from error


def is_plain(folder: Path) -> bool:
    """Whether a tokenizer says that its tokenizer.json is all there is to it."""
    settings = folder / "tokenizer_config.json"
    if not settings.is_file() or not (folder / "tokenizer.json").is_file():
        return False
    written = read_json(settings)
    return written.get("tokenizer_class") in PLAIN and not written.get("auto_map")


def tokenizer_hash(tokenizer: Any) -> str:
    """SHA-256 of what turns text to ids: the same for equal tokenizers, wherever they came from.

    Padding and truncation, which belong to a batch and not to the tokenizer, are left out.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        rules = json.loads(backend.to_str())
        rules = {name: rules[name] for name in sorted(rules) if name not in ("padding", "truncation", "version")}
    else:
        rules = {"class": type(tokenizer).__name__, "vocabulary": sorted(tokenizer.get_vocab().items())}
    rules["special"] = {name: str(getattr(tokenizer, name, None)) for name in SPECIAL}
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
