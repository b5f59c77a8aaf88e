"""The new parameters of a classifier, drawn from a seed of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from harness.errors import HarnessError


def new_parameters(model: Any, loading: Mapping[str, Any], checkpoint: str) -> set[str]:
    """Names of the parameters to draw anew: all of the head, and a pooler that the checkpoint lacks.

    Raises:
        HarnessError: the checkpoint lacks weights of the body.
    """
    prefix = f"{model.base_model_prefix}."
    mismatched = {key[0] if isinstance(key, tuple) else key for key in loading.get("mismatched_keys", ())}
    missing = set(loading["missing_keys"]) | mismatched
    lacking = sorted(name for name in missing if name.startswith(prefix) and "pooler" not in name)
    if lacking:
        raise HarnessError(
            f"checkpoint {checkpoint} lacks {len(lacking)} weights of its body ({', '.join(lacking[:3])}); "
            "expected all but the head; save it anew with save_pretrained"
        )
    return {name for name, _ in model.named_parameters() if not name.startswith(prefix) or name in missing}


def fill_head(model: Any, names: Iterable[str], seed: int) -> None:
    """Draw the named parameters as the architecture does, module by module in the model's order, under ``seed``.

    Modules that hold nothing else come after their parts: T5 sets the spread of its head's weights in the whole head.
    The global random state is left as it was.
    """
    drawn = set(names)
    wanted = {name.rpartition(".")[0] for name in drawn}
    holders = {name.rpartition(".")[0] for name in wanted} - wanted - {""}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        modules = dict(model.named_modules())
        for name in [name for name in modules if name in wanted]:
            for tensor in (modules[name], *modules[name].parameters(recurse=False)):
                tensor._is_hf_initialized = False
            model._init_weights(modules[name])
        for name in [name for name in modules if name in holders]:
            if all(f"{name}.{part}" in drawn for part, _ in modules[name].named_parameters()):
                model._init_weights(modules[name])
