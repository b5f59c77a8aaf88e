"""Trained tokenizers: deterministic, one token a word on worlds, no text lost by BPE, BERT's frame when masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from harness.data.tokenizer import train_tokenizer
from harness.data.worlds import load_world
from harness.errors import HarnessError

TEXTS = [f"The quick brown fox {n} jumps over the lazy dog — naïve café\n" for n in range(200)]
EVERY = [(kind, objective) for kind in ("bpe", "word") for objective in ("causal", "masked", "span", "denoising")]


@pytest.mark.parametrize(("kind", "objective"), EVERY)
def test_same_text_same_bytes_and_back_from_disk(kind: Any, objective: Any, tmp_path: Path) -> None:
    saved = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        train_tokenizer(iter(TEXTS), kind=kind, vocabulary=400, objective=objective, max_length=64).save_pretrained(
            folder
        )
        saved.append((folder / "tokenizer.json").read_bytes())
    assert saved[0] == saved[1]
    loaded = AutoTokenizer.from_pretrained(tmp_path / "a")
    assert loaded.model_max_length == 64
    assert loaded.padding_side == "right"
    assert loaded("fox", "dog").keys() == set(loaded.model_input_names)
    assert ("token_type_ids" in loaded.model_input_names) == (objective == "masked")


def test_a_word_of_a_world_is_a_token() -> None:
    texts = load_world("hmm", {"text_train": 200}, "text", "train")[0]["text"]
    tokenizer = train_tokenizer(texts, kind="word", vocabulary=100, objective="causal")
    assert len(tokenizer) == 64 + 2
    encoded = tokenizer(texts[:5])["input_ids"]
    assert [len(row) for row in encoded] == [32] * 5
    assert tokenizer.decode(encoded[0]) == texts[0]
    assert tokenizer("w1 nonsense")["input_ids"][1] == tokenizer.unk_token_id


@pytest.mark.parametrize("objective", ["causal", "masked"])
def test_bpe_loses_no_text(objective: Any) -> None:
    tokenizer = train_tokenizer(TEXTS, kind="bpe", vocabulary=400, objective=objective)
    text = "A fox – 狐 \t and\n\nüber 🦊 "
    back = tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"])
    assert back == (text if objective == "causal" else " " + text)
    assert len(tokenizer) <= 400
    assert len(tokenizer(TEXTS[0])["input_ids"]) < 40


def test_causal_tokenizers_add_nothing() -> None:
    tokenizer = train_tokenizer(TEXTS, kind="bpe", vocabulary=300, objective="causal")
    assert tokenizer("fox")["input_ids"] == tokenizer("fox", add_special_tokens=False)["input_ids"]
    assert {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id} == {0}
    assert tokenizer.convert_ids_to_tokens(0) == "<|endoftext|>"


def test_masked_tokenizers_frame_a_pair_as_bert_does() -> None:
    tokenizer = train_tokenizer(TEXTS, kind="word", vocabulary=300, objective="masked")
    pair = tokenizer("quick fox", "dog")
    assert tokenizer.convert_ids_to_tokens(pair["input_ids"]) == ["[CLS]", "quick", "fox", "[SEP]", "dog", "[SEP]"]
    assert pair["token_type_ids"] == [0, 0, 0, 0, 1, 1]
    assert tokenizer.mask_token == "[MASK]"
    assert tokenizer.pad_token_id == 0


def test_lower_case() -> None:
    tokenizer = train_tokenizer(TEXTS, kind="word", vocabulary=300, objective="causal", lowercase=True)
    assert tokenizer("THE Quick")["input_ids"] == tokenizer("the quick")["input_ids"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "bpee"}, "found kind 'bpee'; did you mean 'bpe'"),
        ({"objective": "mask"}, "found objective 'mask'; did you mean 'masked'"),
        ({"vocabulary": 256}, "found vocabulary 256; expected more than 257"),
        ({"texts": ["", " \n"]}, "found no word in the training texts"),
        ({"texts": []}, "found no word in the training texts"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], message: str) -> None:
    given = {"texts": TEXTS, "kind": "bpe", "vocabulary": 300, "objective": "causal"} | change
    with pytest.raises(HarnessError, match=message):
        train_tokenizer(given.pop("texts"), **given)


def test_sentencepiece_marks_words_and_gives_back_what_it_read(tmp_path):
    texts = ["Der Hund läuft über die Straße.", "The dog  runs across\tthe street."] * 20 + ["漢"]
    made = train_tokenizer(texts, kind="sentencepiece", vocabulary=60, objective="translation")
    again = train_tokenizer(texts, kind="sentencepiece", vocabulary=60, objective="translation")
    assert made.backend_tokenizer.to_str() == again.backend_tokenizer.to_str() and len(made) == 60
    made.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("Der Hund läuft.", "  The   dog runs\nacross. ", "ﬁne"):
        ids = made(text)["input_ids"]
        assert loaded(text)["input_ids"] == ids and ids[-1] == made.eos_token_id
    assert made.decode(made("  The   dog runs\nacross. ").input_ids, skip_special_tokens=True) == "The dog runs across."
    assert made("漢字 the 字").input_ids.count(made.unk_token_id) == 2  # a character in 1,300 is none of the alphabet


def test_sentencepiece_in_lower_case_and_a_small_vocabulary():
    made = train_tokenizer(
        ["Ein Ei", "ein Hai"], kind="sentencepiece", vocabulary=10, objective="translation", lowercase=True
    )
    assert made("EIN")["input_ids"] == made("ein")["input_ids"] and len(made) <= 10
