"""Small random encoder-decoder models, with tokenizers trained on the made-up text of the tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    MBartConfig,
    MBartForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.hub.datasets import vocabulary_text

SENTINELS = [f"<extra_id_{number}>" for number in range(100)]
POSITIONS = 64
WIDTH = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
         "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": POSITIONS}  # fmt: skip


@cache
def t5_tokenizer() -> PreTrainedTokenizerFast:
    """As T5's: Unigram, ``text </s>``, padding 0, end 1, sentinels at the end of the vocabulary from high to low."""
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=special, unk_token="<unk>", show_progress=False)
    backend.train_from_iterator(vocabulary_text(), trainer)
    backend.add_special_tokens(SENTINELS[::-1])
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        extra_special_tokens=SENTINELS, model_max_length=POSITIONS, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


@cache
def bart_tokenizer() -> PreTrainedTokenizerFast:
    """As BART's: byte-level pieces, ``<s> text </s>``, pairs ``<s> a </s></s> b </s>``."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(vocabulary_text(), trainer)
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        mask_token="<mask>", model_max_length=POSITIONS, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def t5(tied: bool = True) -> Any:
    """A T5; 1.1 (``tied=False``) has a head of its own, gated units, and states that are not scaled."""
    config = T5Config(
        vocab_size=len(t5_tokenizer()), d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, n_positions=POSITIONS,
        decoder_start_token_id=0, feed_forward_proj="relu" if tied else "gated-gelu", tie_word_embeddings=tied,
    )  # fmt: skip
    model = made(T5ForConditionalGeneration, config)
    if not tied:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(drawn(model.lm_head.weight.shape))
    return model


def bart(positions: int = POSITIONS) -> Any:
    """A BART whose logits have a bias of their own."""
    return biased(made(BartForConditionalGeneration, BartConfig(
        vocab_size=len(bart_tokenizer()), bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2,
        **WIDTH | {"max_position_embeddings": positions},
    )))  # fmt: skip


def mbart() -> Any:
    """An mBART: its decoder begins with the token that ends the text."""
    return biased(made(MBartForConditionalGeneration, MBartConfig(
        vocab_size=len(bart_tokenizer()), bos_token_id=0, pad_token_id=1, eos_token_id=2, **WIDTH,
    )))  # fmt: skip


def marian() -> Any:
    """A translation model: fixed positions, and a decoder that begins with padding."""
    size = len(t5_tokenizer())
    return biased(made(MarianMTModel, MarianConfig(
        vocab_size=size, decoder_vocab_size=size, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, **WIDTH,
    )))  # fmt: skip


MAKERS = {"t5": (t5, t5_tokenizer), "t5-untied": (lambda: t5(tied=False), t5_tokenizer), "bart": (bart, bart_tokenizer),
          "mbart": (mbart, bart_tokenizer), "marian": (marian, t5_tokenizer)}  # fmt: skip


def make(name: str) -> tuple[Any, PreTrainedTokenizerFast]:
    """A model in eval mode, the same whenever it is made, and its tokenizer."""
    model, tokenizer = MAKERS[name]
    return model().eval(), tokenizer()


def made(kind: Any, config: Any) -> Any:
    """A model with weights large enough that its logits are not flat."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = kind(config)
        for weight in model.parameters():
            if weight.requires_grad and weight.ndim > 1 and model.config.model_type != "t5":
                weight.data.mul_(5)
    return model


def biased(model: Any) -> Any:
    """Give the logits a bias that is not zero."""
    model.final_logits_bias = drawn(model.final_logits_bias.shape)
    return model


def drawn(shape: torch.Size) -> torch.Tensor:
    """Numbers of a normal distribution, the same for one shape."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))
