"""Small random models that translate between many languages, with tokenizers of transformers' own classes."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    MBartConfig,
    MBartForConditionalGeneration,
)

from tests.hub.datasets import vocabulary_text
from tests.hub.seq2seq import WIDTH, biased, made

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


@cache
def pieces() -> list[tuple[str, float]]:
    """Pieces of the tests' text with their log-probabilities, special tokens first."""
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    backend.train_from_iterator(vocabulary_text(), trainer)
    return [(piece, score) for piece, score in json.loads(backend.to_str())["model"]["vocab"]]


@cache
def merges() -> dict[str, Any]:
    """A vocabulary and its merges, as NLLB's."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    backend.train_from_iterator(vocabulary_text(), trainer)
    model = json.loads(backend.to_str())["model"]
    return {"vocab": model["vocab"], "merges": [tuple(pair) for pair in model["merges"]]}


def sentence_pieces(folder: Path) -> Path:
    """A file of sentencepiece, trained on the tests' text."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(vocabulary_text()), model_writer=written, vocab_size=80, minloglevel=2
    )
    path = folder / "source.spm"
    path.write_bytes(written.getvalue())
    return path


def vocabulary_of(path: Path, *more: str) -> Path:
    """The pieces of such a file by number, as Marian and M2M100 keep them, and further tokens."""
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    own = [model.id_to_piece(number) for number in range(model.get_piece_size())]
    names = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *more, *own])
    target = path.with_name("vocab.json")
    target.write_text(json.dumps({name: number for number, name in enumerate(names)}))
    return target


def mbart50() -> tuple[Any, Any]:
    """MBART-50: the code stands before a text, on both sides."""
    from transformers import MBart50Tokenizer

    tokenizer = MBart50Tokenizer(vocab=[("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), *pieces()[4:]])
    return mbart_model(tokenizer), tokenizer


def mbart() -> tuple[Any, Any]:
    """MBART of 25 languages: the code stands behind a text, and the decoder begins with that of the target."""
    from transformers import MBartTokenizer
    from transformers.models.mbart.tokenization_mbart import FAIRSEQ_LANGUAGE_CODES

    codes = [(code, 0.0) for code in FAIRSEQ_LANGUAGE_CODES]
    tokenizer = MBartTokenizer(vocab=[*pieces(), *codes, ("<mask>", 0.0)])
    return mbart_model(tokenizer), tokenizer


def mbart_model(tokenizer: Any) -> Any:
    """A model for a tokenizer of mBART's."""
    return biased(made(MBartForConditionalGeneration, MBartConfig(
        vocab_size=len(tokenizer), bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, **WIDTH,
    )))  # fmt: skip


def nllb() -> tuple[Any, Any]:
    """NLLB: codes of language and script."""
    from transformers import NllbTokenizer

    tokenizer = NllbTokenizer(**merges())
    return m2m100_model(len(tokenizer)), tokenizer


def m2m100(folder: Path) -> tuple[Any, Any]:
    """M2M100, whose tokenizer is sentencepiece's."""
    from transformers import M2M100Tokenizer

    spm = sentence_pieces(folder)
    tokenizer = M2M100Tokenizer(vocab_file=str(vocabulary_of(spm)), spm_file=str(spm))
    return m2m100_model(tokenizer.get_lang_id("zu") + 1), tokenizer


def m2m100_model(size: int) -> Any:
    """A model for a tokenizer of M2M100's or NLLB's."""
    return made(M2M100ForConditionalGeneration, M2M100Config(
        vocab_size=size, bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, **WIDTH,
    ))  # fmt: skip


def marian(folder: Path, *tokens: str) -> tuple[Any, Any]:
    """Marian with sentencepiece; of several target languages where it has tokens for them."""
    from transformers import MarianTokenizer

    spm = sentence_pieces(folder)
    tokenizer = MarianTokenizer(source_spm=str(spm), target_spm=str(spm), vocab=str(vocabulary_of(spm, *tokens)))
    model = biased(made(MarianMTModel, MarianConfig(
        vocab_size=len(tokenizer), decoder_vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2,
        decoder_start_token_id=1, **WIDTH,
    )))  # fmt: skip
    return model, tokenizer
