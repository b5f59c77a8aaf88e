"""Tiny random models under the names of public families, and tiny rows under those of public data sets.

A stand-in has the architecture of what it stands for and weights drawn from its name, so that no two are equal.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForPreTraining,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    MarianConfig,
    MarianMTModel,
    Olmo2Config,
    Olmo2ForCausalLM,
    OlmoConfig,
    OlmoForCausalLM,
)

from harness.specs import TranslationTask
from tests.hub import seq2seq
from tests.hub.content import POSITIONS, Content
from tests.hub.sacrebleu_sets import plant, plant_documents
from tests.hub.server import Hub
from tests.hub.text import sentences
from tests.measures.likelihood.choice_rows import rows_of

WIDTH = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24,
         "max_position_embeddings": POSITIONS}  # fmt: skip
PAIRS = 6
CHOICE = {
    "piqa": ("baber/piqa", "default", "validation", "142f6d7367fd9877f0fb3b5734ea6a545f54cdd1"),
    "sciq": ("allenai/sciq", "default", "test", "2c94ad3e1aafab77146f384e23536f97a4849815"),
    "arc_easy": ("allenai/ai2_arc", "ARC-Easy", "test", "210d026faf9955653af8916fad021475a3f00453"),
}


def publish_checkpoints(hub: Hub, content: Content, names: Iterable[str]) -> None:
    """Put a stand-in on the Hub under each ``org/name[@revision]``."""
    tokenizers = {kind: tokenizer_files(content, kind) for kind in ("bert", "gpt2", "marian")}
    for name in names:
        repository, _, revision = name.partition("@")
        model = model_of(content, name)
        files = {"config.json": json.dumps(model.config.to_dict()).encode(), "model.safetensors": weights(model)}
        kind = "marian" if "opus-mt" in name else "bert" if "bert" in repository else "gpt2"
        hub.publish("models", repository, files | tokenizers[kind], branch=revision or "main")


def model_of(content: Content, name: str) -> Any:
    """The stand-in of a checkpoint, the same whenever it is made."""
    size, end = len(content.bytepair), content.bytepair.eos_token_id
    ends = {"vocab_size": size, "bos_token_id": end, "eos_token_id": end, "pad_token_id": None}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
        if "opus-mt" in name:
            made: Any = MarianMTModel(marian_config())
        elif "pythia" in name:
            made = GPTNeoXForCausalLM(GPTNeoXConfig(**WIDTH, **ends))
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


def marian_config() -> MarianConfig:
    """A translation model for the tokenizer of the stand-ins."""
    size = len(seq2seq.t5_tokenizer())
    return MarianConfig(
        vocab_size=size, decoder_vocab_size=size, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, **seq2seq.WIDTH
    )  # fmt: skip


def tokenizer_files(content: Content, kind: str) -> dict[str, bytes]:
    """The files of the byte-pair or word-piece tokenizer, or of the one of translation models."""
    if kind == "marian":
        with TemporaryDirectory() as folder:
            seq2seq.t5_tokenizer().save_pretrained(folder)
            return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    files = content.files(kind)
    return {name: data for name, data in files.items() if name.startswith("token") or name.startswith("special")}


def publish_translation_data(hub: Hub, kept: Path, tasks: Iterable[TranslationTask]) -> None:
    """Put pairs where the tasks look for them: on the Hub, at the revisions that they pin, and in a folder as sacreBLEU's."""
    from datasets import Dataset

    files: dict[tuple[str, str | None], dict[str, bytes]] = {}
    cards: dict[tuple[str, str | None], str] = {}
    for number, task in enumerate(tasks):
        data, split = task.data, task.splits["score"]
        here, there = sentences(PAIRS, seed=number), sentences(PAIRS, seed=100 + number)
        if data.test_set is not None:
            plant_pairs(kept, data.test_set, str(data.name), here, there)
            continue
        one, other = str(data.name or "de-en").split("-")
        texts = [{one: a, other: b} for a, b in zip(here, there, strict=True)]
        rows = texts if data.name is None else [{"translation": pair} for pair in texts]
        buffer, config, place = io.BytesIO(), data.name or "default", (str(data.path), data.revision)
        Dataset.from_list(rows).to_parquet(buffer)
        files.setdefault(place, {})[f"{config}/{split}-00000-of-00001.parquet"] = buffer.getvalue()
        card = f"- config_name: {config}\n  data_files:\n  - split: {split}\n    path: {config}/{split}-*\n"
        cards[place] = cards.get(place, "").replace(card, "") + card
    for (path, revision), held in files.items():
        readme = f"---\nconfigs:\n{cards[path, revision]}---\n".encode()
        hub.publish("datasets", path, held | {"README.md": readme}, commit=revision)


def plant_pairs(kept: Path, test_set: str, pair: str, here: list[str], there: list[str]) -> None:
    """A test set in the form that its archive has."""
    if test_set.startswith("wmt2"):
        plant_documents(kept, test_set, pair, [("news", a, b) for a, b in zip(here, there, strict=True)])
    else:
        plant(kept, test_set, pair, src=here, ref=there)


def publish_choice_data(hub: Hub) -> None:
    """Put multiple-choice sets on the Hub, at the revisions that the shipped specs pin."""
    from datasets import Dataset

    for name, (path, config, split, revision) in CHOICE.items():
        buffer = io.BytesIO()
        Dataset.from_list(rows_of(name, 12)).to_parquet(buffer)
        card = f"---\nconfigs:\n- config_name: {config}\n  data_files:\n  - split: {split}\n    path: {config}/{split}-*\n---\n"
        files = {f"{config}/{split}-00000-of-00001.parquet": buffer.getvalue(), "README.md": card.encode()}
        hub.publish("datasets", path, files, commit=revision)
