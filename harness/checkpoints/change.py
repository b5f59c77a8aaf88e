"""A checkpoint as a maker takes it, to change its weights and save it again: nothing it has is lost on the way."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModel

from harness.checkpoints.load import load_language_model, load_weights, refuse_missing
from harness.checkpoints.resolved import Resolved
from harness.checkpoints.tokenizer import load_tokenizer


def load_to_change(resolved: Resolved, device: str = "cpu") -> tuple[Any, Any]:
    """The model in float32 and eval mode, with its language-model head where it has one, and its tokenizer.

    A pooler that the checkpoint has stands in its place, though language models of transformers leave it out: a member
    can then be fine-tuned from it as the start can.

    Raises:
        HarnessError: weights are missing or damaged.
    """
    if resolved.objective == "encoder":
        model, missing = load_body(resolved)
        if any("pooler" in name for name in missing):
            model.pooler = None
        tokenizer = load_tokenizer(resolved.folder, resolved.name, remote_code=resolved.remote_code)
        return model.to(device).eval(), tokenizer
    model, tokenizer = load_language_model(resolved, device, "float32")
    body = model.base_model
    if body is not model and getattr(body, "pooler", model) is None:
        whole, missing = load_body(resolved)
        if getattr(whole, "pooler", None) is not None and not any("pooler" in name for name in missing):
            body.pooler = whole.pooler.to(device)
    return model.eval(), tokenizer


def load_body(resolved: Resolved) -> tuple[Any, list[str]]:
    """The model without its head, and the names of weights that the checkpoint lacks, a pooler's alone.

    Raises:
        HarnessError: others are missing, or the weights are damaged.
    """
    model, loading = load_weights(AutoModel, resolved, torch.float32, "sdpa")
    missing = sorted(loading["missing_keys"])
    refuse_missing(resolved, [name for name in missing if "pooler" not in name], model.base_model_prefix)
    return model, missing
