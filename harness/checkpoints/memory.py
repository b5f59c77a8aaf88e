"""A model and tokenizer that are in memory, treated as a checkpoint."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from harness.checkpoints.architecture import context_of, objective_of, tells_segments
from harness.checkpoints.identity import memory_identity
from harness.checkpoints.pruned import pruning_of
from harness.checkpoints.quiet import quiet
from harness.checkpoints.resolved import Resolved
from harness.checkpoints.tokenizer import tokenizer_hash
from harness.errors import HarnessError
from harness.results.record import CheckpointInfo


def resolve_in_memory(
    model: Any,
    tokenizer: Any,
    *,
    name: str = "in memory",
    run: str | None = None,
    step: int | None = None,
    training_seed: int | None = None,
    corpus: str | None = None,
    parent: str | None = None,
) -> Resolved:
    """Describe a model in memory as ``resolve`` describes a named one.

    The identity is taken now: a model that is trained further must be resolved again.

    Raises:
        HarnessError: it is not a transformers model, or there is no tokenizer.
    """
    if tokenizer is None:
        raise HarnessError("a model in memory needs its tokenizer; pass tokenizer=")
    if not hasattr(model, "config") or not hasattr(model, "state_dict"):
        raise HarnessError(f"expected a transformers model, found {type(model).__name__}")
    config = copy.deepcopy(model.config)
    config.architectures = [type(model).__name__]
    hashed, objective = tokenizer_hash(tokenizer), objective_of(config, name)
    identity = memory_identity(model, hashed)
    info = CheckpointInfo(
        identity=identity,
        names=(name,),
        run=run or name,
        parent=parent,
        step=step,
        training_seed=training_seed,
        corpus=corpus,
        objective=objective,
        architecture=config.model_type,
        tokenizer=hashed,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )
    return Resolved(
        name=name,
        path=name,
        revision=None,
        identity=identity,
        objective=objective,
        architecture=config.model_type,
        context=context_of(config, name),
        tokenizer=hashed,
        info=info,
        segments=tells_segments(config) or "token_type_ids" not in tokenizer.model_input_names,
        pruning=pruning_of(config, name),
        memory=(model, tokenizer),
    )


def language_model_in_memory(resolved: Resolved, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any]:
    """The model itself where nothing about it must change, else a copy; and its tokenizer."""
    assert resolved.memory is not None
    model, tokenizer = resolved.memory
    same_place = model.device.type == device.type and device.index in (None, model.device.index)
    if same_place and model.dtype == dtype and not model.training:
        return model, tokenizer
    return copy.deepcopy(model).to(device=device, dtype=dtype).eval(), tokenizer


@contextmanager
def classifier_folder(resolved: Resolved) -> Iterator[Resolved]:
    """The model saved to a folder that lasts as long as the context: another class may be loaded from there."""
    assert resolved.memory is not None
    model, tokenizer = resolved.memory
    with tempfile.TemporaryDirectory() as folder, quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        yield replace(resolved, memory=None, folder=folder, weights=("model.safetensors",))
