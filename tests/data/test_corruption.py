"""Pairs of corrupted text and answer: put together they are the text, whatever the window, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data.corruption import Corruption, corrupted_windows, corruption_policy, sentinels
from harness.data.documents import Document
from harness.data.pairs import decoder_start, frame, scored_pair
from harness.data.windows import Tokenised, tokenise
from harness.errors import HarnessError
from harness.specs import Loss
from tests.hub import seq2seq
from tests.hub.text import sentences

TEXT = " ".join(sentences(30, seed=4))
KINDS = {"t5": "span corruption", "bart": "text infilling", "mbart": "text infilling"}


def corruption_of(name: str, **loss) -> tuple[Corruption, Tokenised, int]:
    model, tokenizer = seq2seq.make(name)
    policy = corruption_policy(Loss(**loss), model.config.model_type, name)
    assert policy["corruption"] == KINDS[name]
    document = tokenise(tokenizer, [Document(TEXT, 0, 1)])[0]
    return Corruption.of(tokenizer, policy), document, decoder_start(model, tokenizer)


def restored(source: list[int], target: list[int], marks: set[int]) -> list[int]:
    """The source with what the target says after a sentinel in that sentinel's place."""
    said: dict[int, list[int]] = {}
    for token in target:
        if token in marks:
            latest = said[token] = []
        else:
            latest.append(token)
    return [piece for token in source for piece in (said[token] if token in marks else [token])]


@pytest.mark.parametrize("window", [8, 40, 512])
def test_t5s_source_and_target_put_together_are_the_text(window):
    corruption, document, start = corruption_of("t5")
    found: list[int] = []
    corrupted = 0
    for pair in corrupted_windows(document, 0, corruption, window, start):
        source, target = pair.source.tolist(), pair.ids.tolist()
        assert len(source) <= window and len(target) - 1 <= window
        assert (target[0], source[-1], target[-1]) == (0, 1, 1)
        used = [token for token in target if token in corruption.replacements]
        assert used == corruption.replacements[: len(used)] == [t for t in source if t in corruption.replacements]
        assert pair.labels.tolist() == [-100, *target[1:]]
        corrupted += len(target) - 2 - len(used)
        found += restored(source[:-1], target[1:-1], set(corruption.replacements))
    assert found == document.ids
    assert corrupted / len(document.ids) == pytest.approx(0.15, abs=0.15 if window == 8 else 0.01)


@pytest.mark.parametrize("window", [12, 40, 512])
def test_barts_target_is_the_text_and_its_source_the_text_with_masks(window):
    corruption, document, start = corruption_of("bart")
    found: list[int] = []
    kept = 0
    for pair in corrupted_windows(document, 0, corruption, window, start):
        source, (first, begin, *text, end) = pair.source.tolist(), pair.ids.tolist()
        assert len(source) <= window and (first, begin, end, source[0], source[-1]) == (2, 0, 2, 0, 2)
        assert pair.labels.tolist() == [-100, -100, *text, -100]
        spans = corruption.spans(text)
        between = [
            text[a:b] for a, b in zip([0, *(s for _, s in spans)], [*(f for f, _ in spans), len(text)], strict=True)
        ]
        masked = [token for part in between for token in (*part, 4)][:-1]
        assert source[1:-1] == masked
        kept += len(masked) - len(spans)
        found += text
    assert found == document.ids
    assert 1 - kept / len(document.ids) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_spans_depend_on_text_and_seed_and_nothing_else(name):
    def sources(seed: int, cluster: int = 0) -> list[list[int]]:
        corruption, document, start = corruption_of(name, mask_seed=seed)
        return [pair.source.tolist() for pair in corrupted_windows(document, cluster, corruption, 40, start)]

    assert sources(0) == sources(0, cluster=7) != sources(1)


def test_bytes_are_those_of_the_corrupted_spans_or_of_the_text():
    for name, share in (("t5", 0.15), ("bart", 1.0)):
        corruption, document, start = corruption_of(name)
        pairs = list(corrupted_windows(document, 0, corruption, 60, start))
        assert sum(pair.bytes for pair in pairs) / len(TEXT) == pytest.approx(share, abs=0.03)
    text = "naïve"
    document = Tokenised(text, [10, 11, 12], [(0, 2), (2, 3), (3, 5)])
    corruption = Corruption("span corruption", [90], [], [1], 0.3, 1.0, 0)
    (pair,) = corrupted_windows(document, 0, corruption, 10, 0)
    assert pair.ids.tolist() == [0, 90, 12, 1] and pair.bytes == 2


@pytest.mark.parametrize(
    ("name", "around", "start"),
    [("t5", ([], [1]), 0), ("bart", ([0], [2]), 2), ("mbart", ([0], [2]), 2), ("marian", ([], [1]), 0)],
)
def test_what_stands_around_a_text_and_what_the_decoder_reads_first(name, around, start):
    model, tokenizer = seq2seq.make(name)
    assert frame(tokenizer) == around and decoder_start(model, tokenizer) == start


def test_mbarts_decoder_begins_with_the_language_at_the_end_of_a_text():
    from tokenizers import processors

    model, tokenizer = seq2seq.make("mbart")
    backend = type(tokenizer.backend_tokenizer).from_str(tokenizer.backend_tokenizer.to_str())
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s> <unk>", special_tokens=[("</s>", 2), ("<unk>", 3)]
    )
    with_language = type(tokenizer)(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>", pad_token="<pad>")
    assert frame(with_language) == ([], [2, 3]) and decoder_start(model, with_language) == 3


def test_sentinels_are_found_in_their_order_however_they_are_written():
    class Vocabulary:
        def get_vocab(self) -> dict[str, int]:
            return {"a": 0, "▁<extra_id_1>": 7, "▁<extra_id_0>": 8, "<extra_id_x>": 9, "<extra_id_10>": 3}

    assert sentinels(Vocabulary()) == [8, 7, 3]
    assert sentinels(seq2seq.t5_tokenizer()) == list(
        range(len(seq2seq.t5_tokenizer()) - 1, len(seq2seq.t5_tokenizer()) - 101, -1)
    )


def test_the_policy_is_that_of_pre_training_unless_the_task_says_otherwise():
    assert corruption_policy(Loss(), "mt5", "m") == {
        "corruption": "span corruption", "span_rate": 0.15, "span_length": 3.0, "mask_seed": 0,
        "scored": "the whole target: sentinels, spans and end",
    }  # fmt: skip
    assert corruption_policy(Loss(), "bart", "m")["span_rate"] == 0.3
    asked = corruption_policy(Loss(span_rate=0.5, span_length=10, mask_seed=3), "t5", "m")
    assert (asked["span_rate"], asked["span_length"], asked["mask_seed"]) == (0.5, 10.0, 3)


def test_what_cannot_be_corrupted_is_refused():
    for architecture in ("marian", "m2m_100", "pegasus"):
        with pytest.raises(
            HarnessError,
            match=f"m is a .*{architecture}.* no loss on plain text.*pairs of texts: tasks of the kind 'translation'",
        ):
            corruption_policy(Loss(), architecture, "m")
    with pytest.raises(HarnessError, match="has no sentinels"):
        Corruption.of(seq2seq.bart_tokenizer(), corruption_policy(Loss(), "t5", "m"))
    with pytest.raises(HarnessError, match="has no mask token"):
        Corruption.of(seq2seq.t5_tokenizer(), corruption_policy(Loss(), "bart", "m"))
    corruption, document, start = corruption_of("bart")
    with pytest.raises(HarnessError, match="window of 3 tokens, special ones included, has no room"):
        list(corrupted_windows(document, 0, corruption, 3, start))


def test_a_config_without_a_start_token_is_refused():
    model, tokenizer = seq2seq.make("t5")
    model.config.decoder_start_token_id = None
    with pytest.raises(HarnessError, match="names no decoder_start_token_id"):
        decoder_start(model, tokenizer)


def test_a_pair_scores_what_it_is_told_to():
    pair = scored_pair([5, 6], [7, 8], 1, cluster=3, key="k", length_in_bytes=9)
    assert (pair.length, pair.bytes, pair.cluster) == (5, 9, 3)
    assert np.array_equal(pair.labels, [-100, 7, 8])
