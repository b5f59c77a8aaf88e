"""Tiny random models under the names of public families, and tiny rows under those of public data sets.

A stand-in has the architecture of what it stands for and weights drawn from its name, so that no two are equal.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForPreTraining,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    Olmo2Config,
    Olmo2ForCausalLM,
    OlmoConfig,
    OlmoForCausalLM,
)

from tests.hub.content import POSITIONS, Content
from tests.hub.server import Hub
from tests.measures.likelihood.choice_rows import rows_of

WIDTH = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24,
         "max_position_embeddings": POSITIONS}  # fmt: skip
CHOICE = {
    "piqa": ("baber/piqa", "default", "validation", "142f6d7367fd9877f0fb3b5734ea6a545f54cdd1"),
    "sciq": ("allenai/sciq", "default", "test", "2c94ad3e1aafab77146f384e23536f97a4849815"),
    "arc_easy": ("allenai/ai2_arc", "ARC-Easy", "test", "210d026faf9955653af8916fad021475a3f00453"),
}


def publish_checkpoints(hub: Hub, content: Content, names: Iterable[str]) -> None:
    """Put a stand-in on the Hub under each ``org/name[@revision]``."""
    tokenizers = {causal: tokenizer_files(content, causal) for causal in (False, True)}
    for name in names:
        repository, _, revision = name.partition("@")
        model = model_of(content, name)
        files = {"config.json": json.dumps(model.config.to_dict()).encode(), "model.safetensors": weights(model)}
        known = tokenizers["bert" not in repository]
        hub.publish("models", repository, files | known, branch=revision or "main")


def model_of(content: Content, name: str) -> Any:
    """The stand-in of a checkpoint, the same whenever it is made."""
    size, end = len(content.bytepair), content.bytepair.eos_token_id
    ends = {"vocab_size": size, "bos_token_id": end, "eos_token_id": end, "pad_token_id": None}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
        if "pythia" in name:
            made: Any = GPTNeoXForCausalLM(GPTNeoXConfig(**WIDTH, **ends))
        elif "OLMo-2" in name:
            made = Olmo2ForCausalLM(Olmo2Config(**WIDTH, **ends))
        elif "OLMo" in name:
            made = OlmoForCausalLM(OlmoConfig(**WIDTH, **ends))
        else:
            made = BertForPreTraining(BertConfig(**WIDTH, vocab_size=len(content.wordpiece)))
        made.config.architectures = [type(made).__name__]
        return made


def weights(model: Any) -> bytes:
    """All tensors that are saved, as a safetensors file."""
    from safetensors.torch import save

    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    return save({name: t.contiguous() for name, t in model.state_dict().items() if name not in tied}, {"format": "pt"})


def tokenizer_files(content: Content, causal: bool) -> dict[str, bytes]:
    """The files of the byte-pair or the word-piece tokenizer."""
    files = content.files("gpt2" if causal else "bert")
    return {name: data for name, data in files.items() if name.startswith("token") or name.startswith("special")}


def publish_choice_data(hub: Hub) -> None:
    """Put multiple-choice sets on the Hub, at the revisions that the shipped specs pin."""
    from datasets import Dataset

    for name, (path, config, split, revision) in CHOICE.items():
        buffer = io.BytesIO()
        Dataset.from_list(rows_of(name, 12)).to_parquet(buffer)
        card = f"---\nconfigs:\n- config_name: {config}\n  data_files:\n  - split: {split}\n    path: {config}/{split}-*\n---\n"
        files = {f"{config}/{split}-00000-of-00001.parquet": buffer.getvalue(), "README.md": card.encode()}
        hub.publish("datasets", path, files, commit=revision)
