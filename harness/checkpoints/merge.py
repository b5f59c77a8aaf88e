"""Merge an adapter's weights into a model that was loaded from its base."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from harness.checkpoints.adapter import read_adapter_config
from harness.checkpoints.files import ADAPTER_WEIGHTS
from harness.checkpoints.resolved import Resolved
from harness.errors import HarnessError

PREFIX = "base_model.model."
CLOSE = 1e-3
Tensors = dict[str, torch.Tensor]


def merge_adapter(model: Any, resolved: Resolved, folder: Path, *, body: bool) -> None:
    """Merge the adapter that lies in a folder into a float32 model, in place.

    Args:
        model: loaded from the adapter's base.
        resolved: the adapter.
        folder: where its config and weights lie.
        body: only what belongs to the model's body, since its head is drawn anew.

    Raises:
        HarnessError: the adapter is damaged, does not fit the model, cannot be merged, or what the model says
            once it is merged is not what it said with the adapter beside it.
    """
    config = read_adapter_config(folder, resolved.name)
    try:
        stored = load_file(folder / ADAPTER_WEIGHTS)
    except SafetensorError as error:
        raise HarnessError(
            f"weights of adapter {resolved.name} are damaged ({error}); fetch or save them anew"
        ) from error
    target, tensors, lost = fitted(model, stored, body=body)
    if lost or not tensors:
        raise HarnessError(
            f"adapter {resolved.name} does not fit its base {resolved.info.parent}: {len(lost) or len(stored)} of its "
            f"{len(stored)} weights ({min(lost or stored, default='')} ...) belong to no layer of {type(model).__name__}; "
            "name the base it was trained on"
        )
    resize_vocabulary(model, target, tensors)
    trainable = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    try:
        before, after = merged(model, target, narrowed(config, target, tensors), tensors)
    except HarnessError as error:
        raise HarnessError(f"adapter {resolved.name} {error}") from error
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HarnessError(f"adapter {resolved.name} cannot be merged into {resolved.info.parent}: {reason}") from error
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trainable.get(name, True))
    refuse_changed(before, after, resolved)


def refuse_changed(before: torch.Tensor, after: torch.Tensor, resolved: Resolved) -> None:
    """Raise where logits with the adapter beside the model are not those of the merged one."""
    if not torch.allclose(before, after, rtol=CLOSE, atol=CLOSE * float(before.std())):
        raise HarnessError(
            f"adapter {resolved.name} says something else once it is merged into {resolved.info.parent} (logits differ by "
            f"{float((before - after).abs().max()):.2g}), as one does that changes one of two tied weights; "
            "merge it by hand into a copy with untied weights, and name that folder"
        )


def fitted(model: Any, stored: Mapping[str, torch.Tensor], *, body: bool) -> tuple[Any, Tensors, list[str]]:
    """The model or its body, the tensors of an adapter that belong to it, named from there, and those of no layer.

    An adapter may have been trained on a body alone, or on one below another head, which is no part of this model.
    """
    prefix, inner = f"{model.base_model_prefix}.", model.base_model
    names = {old: old.removeprefix(PREFIX) for old in stored}
    whole = any(name.startswith(prefix) for name in names.values())
    target = model if whole and not body else inner
    own = own_names(target)
    found: Tensors = {}
    lost: list[str] = []
    for old, name in names.items():
        in_body = name.startswith(prefix) or not whole
        local = name.removeprefix(prefix) if target is inner and whole else name
        path = layer_path(target, local)
        layer = bool(path) and not any(target.get_submodule(path).children())
        if is_copy(old, stored):
            continue
        if (local in own or layer) and (in_body or not body):
            found[local] = stored[old]
        elif in_body and "pooler" not in name:
            lost.append(name)
    return target, found, lost


def is_copy(name: str, stored: Mapping[str, torch.Tensor]) -> bool:
    """Whether a tensor is one that peft saves twice, or the one it replaces."""
    return ".original_module." in name or (
        ".modules_to_save." in name and name.replace(".modules_to_save.", ".") in stored
    )


def own_names(target: Any) -> set[str]:
    """Names of all tensors of a module, those of tied ones too."""
    parameters = {name for name, _ in target.named_parameters(remove_duplicate=False)}
    return parameters | {name for name, _ in target.named_buffers(remove_duplicate=False)}


def layer_path(model: Any, name: str) -> str:
    """The path of the deepest module that a tensor's name leads to; empty where it leads to none."""
    module = model
    path: list[str] = []
    for part in name.split("."):
        module = dict(module.named_children()).get(part)
        if module is None:
            break
        path.append(part)
    return ".".join(path)


def narrowed(config: Any, target: Any, tensors: Iterable[str]) -> Any:
    """A copy of the config that names as targets just the layers that have tensors.

    Written by their last names, they may be found also in a head that the adapter never saw.
    """
    config = copy.deepcopy(config)
    own = own_names(target)
    whole: set[str] = set()
    layers: set[str] = set()
    for name in tensors:
        path = layer_path(target, name)
        rest = name.removeprefix(f"{path}.")
        if name in own:
            whole.add(path)
        elif not rest.startswith("token_adapter"):
            layers.add(path)
    for field in ("target_modules", "feedforward_modules"):
        given = getattr(config, field, None)
        if given and layers:
            setattr(config, field, [path for path in sorted(layers) if field == "target_modules" or named(path, given)])
    for field in ("layers_to_transform", "layers_pattern", "exclude_modules", "megatron_config"):
        if getattr(config, field, None) is not None:
            setattr(config, field, None)
    if getattr(config, "modules_to_save", None):
        config.modules_to_save = sorted(path for path in whole if named(path, config.modules_to_save)) or None
    config.task_type, config.inference_mode = None, True
    return config


def named(path: str, given: str | Iterable[str]) -> bool:
    """Whether a config's pattern, or one of its names, means a layer."""
    if isinstance(given, str):
        return re.fullmatch(given, path) is not None
    return any(path == name or path.endswith(f".{name}") for name in given)


def resize_vocabulary(model: Any, target: Any, tensors: Mapping[str, torch.Tensor]) -> None:
    """Give the model the rows of an embedding that was saved whole, with tokens that were added for the adapter."""
    embedding = model.get_input_embeddings()
    for name, tensor in tensors.items():
        path = layer_path(target, name)
        if (
            name in (f"{path}.weight", f"{path}.base_layer.weight")
            and target.get_submodule(path) is embedding
            and len(tensor) != len(embedding.weight)
        ):
            model.resize_token_embeddings(len(tensor), mean_resizing=False)
            return


def merged(model: Any, target: Any, config: Any, tensors: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a few tokens with the adapter beside the model, and after the merge.

    Raises:
        HarnessError: tensors are missing or left over.
    """
    from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        adapted = PeftModel(target, config, autocast_adapter_dtype=False)
        wanted = {n.removeprefix(PREFIX) for n in get_peft_model_state_dict(adapted, save_embedding_layers=False)}
        plain = {name.removeprefix(PREFIX) for name in own_names(adapted)}
        left, missing = set(tensors) - wanted - plain, wanted - set(tensors)
        if left or missing:
            what, names = ("lacks", missing) if missing else ("has weights that its config does not explain,", left)
            raise HarnessError(f"{what} {len(names)} of {len(wanted)}: {min(names)} ...; save it anew with peft")
        set_peft_model_state_dict(adapted, {PREFIX + name: tensor for name, tensor in tensors.items()})
        before = logits(model)
        adapted.merge_and_unload(safe_merge=True)
        return before, logits(model)


def logits(model: Any) -> torch.Tensor:
    """What the model says of its first tokens."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            ids = torch.arange(8, device=model.device)[None] % model.config.get_text_config().vocab_size
            also = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
            return model(input_ids=ids, **also).logits.float()
    finally:
        for module, training in modes:
            module.training = training
