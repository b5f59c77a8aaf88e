"""Small random models with tokenizers trained on made-up text, in folders and on the Hub of the tests."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from tests.hub.datasets import vocabulary_text
from tests.hub.server import Hub

WIDTH = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
POSITIONS = 64
TOKEN = "hf_a_token_for_tests"


class Content:
    """Models by a short name, each made when it is first asked for.

    ``gpt2``, ``llama`` (causal), ``bert`` (masked), ``encoder`` (a BertModel without head), and ``gpt2-later``,
    the same run at a later step. On the Hub they are ``tests/tiny-<name>``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def wordpiece(self) -> PreTrainedTokenizerFast:
        """A BERT tokenizer."""
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.train_from_iterator(
            vocabulary_text(), trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False)
        )
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
        return PreTrainedTokenizerFast(
            tokenizer_object=backend, model_max_length=POSITIONS, **dict(zip(names, special, strict=True))
        )

    @cached_property
    def bytepair(self) -> PreTrainedTokenizerFast:
        """A GPT-2 tokenizer: bytes, one special token, no padding token."""
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        backend.train_from_iterator(
            vocabulary_text(),
            trainers.BpeTrainer(
                vocab_size=500, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
            ),
        )
        return PreTrainedTokenizerFast(
            tokenizer_object=backend, bos_token="<|endoftext|>", eos_token="<|endoftext|>", model_max_length=POSITIONS
        )

    def folder(self, name: str) -> Path:
        """The folder of a model, made now if it is not there."""
        folder = self.root / name
        if not folder.exists():
            model, tokenizer = self.make(name)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        return folder

    def make(self, name: str) -> tuple[Any, PreTrainedTokenizerFast]:
        """A random model, the same whenever it is made, and its tokenizer."""
        kind, _, later = name.partition("-")
        with torch.random.fork_rng():
            torch.manual_seed(2 if later else 1)
            if kind in ("bert", "encoder"):
                config = BertConfig(vocab_size=len(self.wordpiece), max_position_embeddings=POSITIONS, **WIDTH)
                return (BertForMaskedLM if kind == "bert" else BertModel)(config), self.wordpiece
            size, end = len(self.bytepair), self.bytepair.eos_token_id
            if kind == "llama":
                llama = LlamaConfig(
                    vocab_size=size, max_position_embeddings=POSITIONS, bos_token_id=end, eos_token_id=end, **WIDTH
                )
                return LlamaForCausalLM(llama), self.bytepair
            gpt2 = GPT2Config(vocab_size=size, n_embd=32, n_layer=2, n_head=2, n_positions=POSITIONS,
                              bos_token_id=end, eos_token_id=end)  # fmt: skip
            return GPT2LMHeadModel(gpt2), self.bytepair

    def files(self, name: str) -> dict[str, bytes]:
        """The files of a model, with a README."""
        files = {path.name: path.read_bytes() for path in sorted(self.folder(name).iterdir())}
        return files | {"README.md": b"# a model of the tests\n"}

    def publish(self, hub: Hub) -> None:
        """Put every model on the Hub."""
        for name in ("llama", "bert", "encoder"):
            hub.publish("models", f"tests/tiny-{name}", self.files(name))
        early, late = self.files("gpt2"), self.files("gpt2-later")
        hub.publish("models", "tests/tiny-gpt2", early, branch="step1")
        hub.publish("models", "tests/tiny-gpt2", late, branch="step2")
        hub.publish("models", "tests/tiny-gpt2", late, tag="v1.0")
        for gated in ("tests/gated-gpt2", "tests/gated-too"):  # what one test opened, its cache keeps for the next
            hub.publish("models", gated, early, token=TOKEN)
        hub.publish("models", "tests/pickled", self.pickled())
        hub.publish("models", "tests/remote-code", self.with_code())
        for missing in ("config.json", "tokenizer.json"):
            left = {path: data for path, data in early.items() if path != missing}
            hub.publish("models", f"tests/no-{missing.removesuffix('.json')}", left)

    def pickled(self) -> dict[str, bytes]:
        """GPT-2 with its weights pickled only."""
        model, _ = self.make("gpt2")
        path = self.root / "pytorch_model.bin"
        torch.save(model.state_dict(), path)
        files = {name: data for name, data in self.files("gpt2").items() if name != "model.safetensors"}
        return files | {"pytorch_model.bin": path.read_bytes()}

    def with_code(self) -> dict[str, bytes]:
        """A model whose config wants code of the repository to run: GPT-2 under another name."""
        code = (
            "from transformers import GPT2Config, GPT2LMHeadModel\n"
            "class OwnConfig(GPT2Config):\n    model_type = 'own'\n"
            "class OwnModel(GPT2LMHeadModel):\n    config_class = OwnConfig\n"
        )
        files = self.files("gpt2")
        config = json.loads(files["config.json"]) | {"model_type": "own", "architectures": ["OwnModel"]}
        config["auto_map"] = {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnModel"}
        return files | {"config.json": json.dumps(config).encode(), "modeling_own.py": code.encode()}
