"""A table of architectures: each a tiny random model with a tokenizer of its own kind, saved as a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedTokenizerFast

from tests.hub.text import NAMES, PLACES, THINGS, VERBS

WORDS = [".", *sorted({word for group in (NAMES, VERBS, THINGS, PLACES) for text in group for word in text.split()})]
SIGNALS = ("dreadful", "wonderful")
POSITIONS = 48
SIZES = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "initializer_range": 0.2,
}  # fmt: skip

SENTENCE_PIECE = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
ROBERTA = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "cls_token": "<s>",
           "sep_token": "</s>", "mask_token": "<mask>"}  # fmt: skip
BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
END = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}


@dataclass(frozen=True)
class Architecture:
    """One row of the table.

    ``before`` and ``after`` are what the tokenizer writes around a text, ``between`` what stands between two.
    ``inputs`` are the names its tokenizer returns. ``settings`` go to the config over ``SIZES``.
    """

    kind: str
    named: str
    special: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, Any] = field(default_factory=lambda: SIZES)
    before: str = ""
    after: str = ""
    between: str = ""
    side: str = "right"
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    tied: bool = True

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """Whole words; special tokens come first, in the order given."""
        words = [*dict.fromkeys(self.special.values()), *WORDS, *SIGNALS]
        backend = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token=self.special["unk_token"]))
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        if self.before or self.after:
            single = [self.before, "$A", self.after]
            pair = [*single, self.between, "$B:1", f"{self.after}:1" if self.after else ""]
            backend.post_processor = processors.TemplateProcessing(
                single=[piece for piece in single if piece], pair=[piece for piece in pair if piece],
                special_tokens=[(w, words.index(w)) for w in {self.before, self.after, self.between} if w],
            )  # fmt: skip
        return PreTrainedTokenizerFast(
            tokenizer_object=backend, model_max_length=POSITIONS, padding_side=self.side,
            model_input_names=list(self.inputs), **self.special,
        )  # fmt: skip

    def config(self) -> Any:
        """The config, with the ids of the tokenizer's special tokens."""
        tokenizer = self.tokenizer()
        ids = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
        ids |= {
            name: getattr(tokenizer, name) for name in ("cls_token_id", "sep_token_id") if "cls_token" in self.special
        }
        return AutoConfig.for_model(
            self.kind, vocab_size=len(tokenizer), tie_word_embeddings=self.tied, **ids, **self.sizes, **self.settings
        )

    def model(self) -> Any:
        """The random model in eval mode, every parameter moved off its initial value, the same whenever it is made."""
        import transformers

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = getattr(transformers, self.named)(self.config())
            generator = torch.Generator().manual_seed(1)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        return model.eval()

    def save(self, folder: Path) -> Path:
        """Save model and tokenizer."""
        self.model().save_pretrained(folder)
        self.tokenizer().save_pretrained(folder)
        return folder


GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS, "initializer_range": 0.2}
LIMIT = {"max_position_embeddings": POSITIONS}
OFFSET = {"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1}
SEGMENTS = ("input_ids", "token_type_ids", "attention_mask")
BERT_LIKE: dict[str, Any] = {
    "special": BERT, "before": "[CLS]", "after": "[SEP]", "settings": LIMIT, "inputs": SEGMENTS
}  # fmt: skip
ROBERTA_LIKE: dict[str, Any] = {
    "special": ROBERTA, "before": "<s>", "after": "</s>", "between": "</s>", "settings": OFFSET
}  # fmt: skip
DEBERTA = LIMIT | {
    "relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
    "share_att_key": True, "norm_rel_ebd": "layer_norm", "type_vocab_size": 0, "max_relative_positions": -1,
}  # fmt: skip
NO_BOS = {"pad_token": "<|endoftext|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>"}
GROUPED = LIMIT | {"num_key_value_heads": 1}
ELECTRA = LIMIT | {"embedding_size": 8}

CAUSAL = {
    "gpt2": Architecture("gpt2", "GPT2LMHeadModel", END, sizes=GPT2),
    "gpt2-segments": Architecture("gpt2", "GPT2LMHeadModel", END, sizes=GPT2, inputs=SEGMENTS, tied=False),
    "llama": Architecture("llama", "LlamaForCausalLM", SENTENCE_PIECE, GROUPED, before="<s>", side="left", tied=False),
    "neox": Architecture("gpt_neox", "GPTNeoXForCausalLM", END, LIMIT, tied=False),
    "opt": Architecture(
        "opt", "OPTForCausalLM", {"bos_token": "</s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "</s>"},
        LIMIT | {"ffn_dim": 24, "word_embed_proj_dim": 8}, before="</s>",
    ),
    "qwen2": Architecture("qwen2", "Qwen2ForCausalLM", NO_BOS, GROUPED, side="left", tied=False),
    "qwen3": Architecture("qwen3", "Qwen3ForCausalLM", NO_BOS, GROUPED | {"head_dim": 8}, side="left"),
    "gemma2": Architecture(
        "gemma2", "Gemma2ForCausalLM", SENTENCE_PIECE, GROUPED | {"head_dim": 8, "final_logit_softcapping": 3.0},
        before="<s>", side="left",
    ),
    "granite": Architecture("granite", "GraniteForCausalLM", END, GROUPED | {"logits_scaling": 4.0}),
}  # fmt: skip
MASKED = {
    "bert": Architecture("bert", "BertForMaskedLM", **BERT_LIKE),
    "roberta": Architecture("roberta", "RobertaForMaskedLM", **ROBERTA_LIKE),
    "deberta-v3": Architecture("deberta-v2", "DebertaV2ForMaskedLM", **BERT_LIKE | {"settings": DEBERTA}),
    "deberta-v3-head": Architecture(
        "deberta-v2", "DebertaV2ForMaskedLM", **BERT_LIKE | {"settings": DEBERTA | {"legacy": False}}
    ),
    "electra": Architecture("electra", "ElectraForMaskedLM", **BERT_LIKE | {"settings": ELECTRA}),
    "modernbert": Architecture(
        "modernbert", "ModernBertForMaskedLM", BERT, LIMIT | {"local_attention": 8}, before="[CLS]", after="[SEP]"
    ),
}
ENCODERS = {
    "bert-body": Architecture("bert", "BertModel", **BERT_LIKE),
    "electra-discriminator": Architecture("electra", "ElectraForPreTraining", **BERT_LIKE | {"settings": ELECTRA}),
    "mpnet": Architecture("mpnet", "MPNetModel", **ROBERTA_LIKE),
    "sentence-transformer": Architecture("bert", "BertModel", **BERT_LIKE),
}
TABLE = CAUSAL | MASKED | ENCODERS
