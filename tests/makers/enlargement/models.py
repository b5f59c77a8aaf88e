"""Tiny random models of every architecture that can be enlarged; no gain is one and no bias zero."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from harness.specs import Enlarge

VOCABULARY = 23
SIZES = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 14,
         "max_position_embeddings": 16, "initializer_range": 0.3}  # fmt: skip
GROUPED = {**SIZES, "num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 4}
BIASED = {"attention_bias": True, "mlp_bias": True}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "gpt2": {"n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 16, "initializer_range": 0.3},
    "llama": {**GROUPED, **BIASED},
    "mistral": GROUPED,
    "qwen2": {**SIZES, "num_key_value_heads": 1, "tie_word_embeddings": True},
    "qwen3": GROUPED,
    "gpt_neox": {**SIZES, "hidden_size": 24, "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 0.5}},
    "opt": {"hidden_size": 12, "word_embed_proj_dim": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "ffn_dim": 14,
            "max_position_embeddings": 16, "init_std": 0.3},
    "bert": SIZES,
    "roberta": {**SIZES, "max_position_embeddings": 18, "layer_norm_eps": 1e-5, "type_vocab_size": 1},
    "modernbert": {**SIZES, "num_hidden_layers": 3, "attention_bias": True, "norm_bias": True, "mlp_bias": True,
                   "global_attn_every_n_layers": 2, "local_attention": 4, "cls_token_id": 1, "sep_token_id": 2},
}  # fmt: skip
MASKED = ("bert", "roberta", "modernbert")
SPECIAL = {"pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 2}


def recipe(**sizes: Any) -> Enlarge:
    """A recipe whose start is of no interest."""
    return Enlarge.model_validate({"maker": "enlarge", "start": "nothing", **sizes})


def tiny(kind: str, dtype: torch.dtype = torch.float64, **changes: Any) -> Any:
    """A model whose every weight is random."""
    config = AutoConfig.for_model(kind, vocab_size=VOCABULARY, **{**SPECIAL, **SETTINGS[kind], **changes})
    auto = AutoModelForMaskedLM if kind in MASKED else AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = auto.from_config(config).to(dtype).eval()
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.data.add_(torch.randn_like(parameter) * 0.3)
    return model


def in_its_dtype(model: Any) -> Any:
    """The model with RMSNorms that work in the dtype of what they get: transformers' work in float32, whatever that is."""
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = partial(rms_norm, module)
    return model


def rms_norm(module: Any, states: torch.Tensor) -> torch.Tensor:
    """``gain * x / sqrt(mean(x^2) + epsilon)``."""
    return module.weight * states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + module.variance_epsilon)


def inputs(kind: str) -> dict[str, torch.Tensor]:
    """Two sequences of 9 tokens, the second padded."""
    ids = torch.randint(3, VOCABULARY, (2, 9), generator=torch.Generator().manual_seed(5))
    mask = torch.ones_like(ids)
    ids[1, 6:], mask[1, 6:] = 1, 0
    given = {"input_ids": ids, "attention_mask": mask}
    return given | {"token_type_ids": (torch.arange(9) > 4).long().expand(2, 9)} if kind == "bert" else given


def logits(model: Any, given: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Logits of the positions that are no padding, ``(15, V)``."""
    with torch.no_grad():
        return in_its_dtype(model)(**given).logits[given["attention_mask"].bool()]
