"""Tiny random models that write texts of many lengths, and what transformers' ``generate`` writes with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    MBartConfig,
    MBartForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    OPTConfig,
    OPTForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from harness.data.batches import attention_mask, pad
from harness.specs.translation import Decoding

VOCABULARY, PADDING, SPECIAL = 40, 1, 3
LANGUAGE = 5
POSITIONS = 64
IDS = {"vocab_size": VOCABULARY, "pad_token_id": PADDING, "bos_token_id": 0, "eos_token_id": 2}
DECODER = {
    "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": POSITIONS, "decoder_start_token_id": 2,
}  # fmt: skip
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 1}
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS}
LLAMA = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
         "intermediate_size": 24, "max_position_embeddings": POSITIONS}  # fmt: skip
OPT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 24, "word_embed_proj_dim": 16,
       "max_position_embeddings": POSITIONS}  # fmt: skip
MODELS = {
    "marian": (MarianMTModel, MarianConfig, DECODER | {"decoder_vocab_size": VOCABULARY}),
    "t5": (T5ForConditionalGeneration, T5Config, T5),
    "mt5": (MT5ForConditionalGeneration, MT5Config, T5),
    "bart": (BartForConditionalGeneration, BartConfig, DECODER),
    "mbart": (MBartForConditionalGeneration, MBartConfig, DECODER),
    "m2m100": (M2M100ForConditionalGeneration, M2M100Config, DECODER),
    "gpt2": (GPT2LMHeadModel, GPT2Config, GPT2),
    "llama": (LlamaForCausalLM, LlamaConfig, LLAMA),
    "opt": (OPTForCausalLM, OPTConfig, OPT),
}
START = {"marian": [PADDING], "t5": [PADDING], "mt5": [PADDING], "bart": [2], "mbart": [2, LANGUAGE], "m2m100": [2, LANGUAGE],
         "gpt2": [], "llama": [], "opt": []}  # fmt: skip
"""What the decoder reads first; nothing for causal models."""
SOURCES = [3, 11, 7, 1, 16, 9, 5, 2, 12, 7]
"""Tokens of each source."""


@cache
def model_of(name: str) -> Any:
    """A model with drawn weights and a generation config that asks for nothing.

    It is float64, so that no two scores are near one another, and its head is not tied to its embeddings, since it would
    else say one token again and again.
    """
    kind, config, settings = MODELS[name]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = kind(config(**IDS, **settings)).double().eval()
        for weight in model.parameters():
            if weight.requires_grad and weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.2)
        head = model.get_output_embeddings()
        head.weight = torch.nn.Parameter(torch.randn_like(head.weight))
    model.generation_config = GenerationConfig(pad_token_id=PADDING)
    return model


def sources_of(lengths: Sequence[int] = SOURCES) -> list[list[int]]:
    """Random tokens, none of them special."""
    random = np.random.default_rng(0)
    return [random.integers(SPECIAL, VOCABULARY, length).tolist() for length in lengths]


def generated(
    model: Any, sources: Sequence[list[int]], decoding: Decoding, start: list[int], end: int | list[int], **more: Any
) -> list[list[int]]:
    """What ``generate`` writes for all sources in one batch, its padding and what it was given taken off."""
    read = [torch.tensor(source) for source in sources]
    config = model.generation_config
    padding = config.pad_token_id
    asked: dict[str, Any] = {"num_beams": decoding.beams, "max_new_tokens": decoding.maximum_length, "do_sample": False}
    if decoding.beams > 1:
        asked |= {"length_penalty": decoding.length_penalty, "early_stopping": False}
    if model.config.is_encoder_decoder:
        asked |= {"input_ids": pad(read, model.config.pad_token_id), "attention_mask": attention_mask(read),
                  "decoder_input_ids": torch.tensor([start] * len(read)), "decoder_start_token_id": start[0]}  # fmt: skip
        begun = len(start)
    else:
        asked |= {"input_ids": pad([r.flip(0) for r in read], padding).flip(1),
                  "attention_mask": attention_mask([r.flip(0) for r in read]).flip(1)}  # fmt: skip
        begun = asked["input_ids"].shape[1]
    found = model.generate(**asked, eos_token_id=end, pad_token_id=padding, **more)
    ends = [end] if isinstance(end, int) else end
    return [cut(row[begun:], ends) for row in found.tolist()]


def cut(tokens: list[int], ends: list[int]) -> list[int]:
    """Tokens up to the first that ends a text."""
    places = [place for place, token in enumerate(tokens) if token in ends]
    return tokens[: places[0]] if places else tokens


@cache
def ragged_end(name: str) -> int:
    """The token that a greedy search meets first at the most places, so that with it as the end texts have many lengths."""
    model = model_of(name)
    texts = generated(model, sources_of(), Decoding(maximum_length=20), START[name], 1000)
    tokens = {token for text in texts for token in text} - {model.generation_config.pad_token_id}
    return max(sorted(tokens), key=lambda token: len({text.index(token) for text in texts if token in text[1:]}))
