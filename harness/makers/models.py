"""Models at the first step of a run: with random weights under a seed, or a checkpoint's."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from harness.checkpoints import Resolved
from harness.checkpoints.dropout import rates, set_dropout
from harness.errors import HarnessError
from harness.specs import LanguageModels, Pretrain, TrainingRun


def new_model(recipe: LanguageModels, start: Resolved | None, tokenizer: Any, run: TrainingRun) -> Any:
    """A model with random weights under the seed, or the start's."""
    if not isinstance(recipe, Pretrain) or start is None:
        return from_scratch(recipe.objective, run.size.architecture, tokenizer, run.seed)
    from harness.checkpoints import load_language_model, load_with_new_head

    if recipe.head == "tied":
        return load_with_new_head(start, run.seed)
    return load_language_model(start, "cpu", "float32")[0]


def from_scratch(objective: str, architecture: Mapping[str, Any], tokenizer: Any, seed: int) -> Any:
    """A language model with random weights under the seed.

    Raises:
        HarnessError: transformers has no such architecture.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    settings = dict(architecture)
    model_type = settings.pop("model_type")
    try:
        usual = AutoConfig.for_model(model_type)
        if objective in ("span", "denoising", "translation"):
            settings |= decoding_tokens(objective, usual, tokenizer)
        named = [name for name in ("cls_token_id", "sep_token_id") if getattr(usual, name, None) is not None]
        special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id", *named)}
        config = AutoConfig.for_model(model_type, vocab_size=len(tokenizer), **special, **settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            chosen = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM}.get(
                objective, AutoModelForSeq2SeqLM
            )
            model = chosen.from_config(config)
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"architecture {dict(architecture)}: {str(error).splitlines()[0]}") from None
    if objective == "translation":
        for name in ("pad_token_id", "eos_token_id", "decoder_start_token_id", "forced_eos_token_id"):
            setattr(model.generation_config, name, getattr(config, name, None))
    return model


def decoding_tokens(objective: str, usual: Any, tokenizer: Any) -> dict[str, int]:
    """What a decoder reads first, and says last where a text is cut off.

    The first is the end of a text where the architecture begins with it, as BART does, and padding elsewhere.
    """
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    if objective != "translation":
        return {"decoder_start_token_id": pad if objective == "span" else end}
    begins_with_end = getattr(usual, "decoder_start_token_id", None) == usual.eos_token_id
    forced = {"forced_eos_token_id": end} if getattr(usual, "forced_eos_token_id", None) is not None else {}
    return {"decoder_start_token_id": end if begins_with_end else pad, **forced}


def with_dropout(model: Any, rate: float | None) -> Any:
    """The model with another dropout rate in every place, and the configuration it had; None leaves it as it is.

    Raises:
        HarnessError: its configuration has no dropout rate.
    """
    if rate is None:
        return model
    config, weights = model.config, model.state_dict()
    if not rates(config):
        raise HarnessError(f"dropout: {rate} has no place in a model of type {config.model_type}, which has no dropout")
    other = copy.deepcopy(config)
    set_dropout(other, rate)
    with torch.random.fork_rng(devices=[]):
        found = type(model)(other)
    found.load_state_dict(weights)
    found.tie_weights()
    found.config = config  # what is saved; the parts of the model keep the other
    return found


def non_embedding_parameters(model: Any) -> int:
    """N of Kaplan et al. 2020: all parameters but the embeddings of tokens and positions and an output layer of its own."""
    apart = {id(p) for part in model.modules() if isinstance(part, torch.nn.Embedding) for p in part.parameters()}
    head = model.get_output_embeddings()
    apart |= {id(p) for p in head.parameters()} if head is not None else set()
    return sum(p.numel() for p in model.parameters() if id(p) not in apart)
