from __future__ import annotations

import numpy as np
import pytest

from harness.data.sequences import UNSCORED
from harness.data.windows import (
    MaskVocabulary,
    Tokenised,
    byte_length,
    causal_windows,
    corrupted,
    generator,
    masked_windows,
)
from harness.specs import Loss

VOCABULARY = MaskVocabulary(mask=3, cls=1, sep=2, ordinary=np.arange(10, 100))


def document(count: int, text: str | None = None) -> Tokenised:
    text = text or " ".join(f"w{i:03}" for i in range(count))
    return Tokenised(text, list(range(100, 100 + count)), [(5 * i, 5 * i + 4) for i in range(count)])


def scored(window):
    """(token, tokens of context before it) for each scored position."""
    return [(label, place) for place, label in enumerate(window.labels.tolist()) if label != UNSCORED]


@pytest.mark.parametrize(
    ("count", "window", "stride"), [(20, 8, 8), (20, 8, 3), (7, 8, 8), (8, 8, 8), (9, 8, 1), (1, 8, 8)]
)
def test_every_token_is_scored_once_with_as_much_context_as_fits(count, window, stride):
    windows = list(causal_windows(document(count), 0, 50, window, stride))
    found = [token for w in windows for token, _ in scored(w)]
    assert found == list(range(100, 100 + count))
    assert all(len(w.ids) - 1 <= window for w in windows)
    full = [50, *range(100, 100 + count)]
    for w in windows:
        for token, context in scored(w):
            assert context >= min(token - 99, window - stride + 1)
            assert w.ids.tolist()[:context] == full[full.index(token) - context : full.index(token)]


def test_windows_are_those_of_lm_eval():
    utils = pytest.importorskip("lm_eval.utils")
    for count in (1, 5, 8, 9, 16, 17, 30):
        tokens = list(range(100, 100 + count))
        theirs = [utils.make_disjoint_window(pair) for pair in utils.get_rolling_token_windows(tokens, 50, 8, 1)]
        ours = [
            (w.ids.tolist()[: scored(w)[0][1]], [token for token, _ in scored(w)])
            for w in causal_windows(document(count), 0, 50, 8, 8)
        ]
        assert ours == [(list(context), list(continuation)) for context, continuation in theirs]


def test_without_bos_the_first_token_is_context_only():
    windows = list(causal_windows(document(5), 0, None, 8, 8))
    assert [token for w in windows for token, _ in scored(w)] == [101, 102, 103, 104]
    assert list(causal_windows(document(1), 0, None, 8, 8)) == []


def test_bytes_are_those_of_the_scored_tokens():
    windows = list(causal_windows(document(6), 0, 50, 4, 4))
    assert [w.bytes for w in windows] == [4 * 5 - 1, 2 * 5 - 1]
    assert byte_length("äö", [(0, 1), (1, 2)]) == 4


def test_masks_depend_on_text_and_seed_and_nothing_else():
    def ids(seed: int, cluster: int = 0):
        return [w.ids.tolist() for w in masked_windows(document(40), cluster, VOCABULARY, 22, Loss(mask_seed=seed))]

    assert ids(0) == ids(0, cluster=7) != ids(1)


def test_the_rate_is_masked_and_special_tokens_are_not():
    windows = list(masked_windows(document(40), 0, VOCABULARY, 22, Loss()))
    assert [len(scored(w)) for w in windows] == [3, 3]
    for w in windows:
        assert w.ids[0] == 1 and w.ids[-1] == 2 and w.labels[0] == UNSCORED and w.labels[-1] == UNSCORED


def test_words_are_masked_alike_under_any_tokenizer():
    text = " ".join(f"word{i}" for i in range(300))
    words = [(m, m + len(w)) for m, w in ((text.index(f"word{i}"), f"word{i}") for i in range(300))]
    halves = [span for first, last in words for span in ((first, first + 4), (first + 4, last))]

    def masked_characters(spans):
        tokens = Tokenised(text, list(range(100, 100 + len(spans))), spans)
        (window,) = masked_windows(tokens, 0, VOCABULARY, 10_000, Loss(mask_unit="word"))
        return {c for token, _ in scored(window) for c in range(*spans[token - 100])}

    whole, split = masked_characters(words), masked_characters(halves)
    assert whole == split and 0.08 < len(whole) / len(text) < 0.25


def test_pseudo_log_likelihood_masks_each_token_alone():
    windows = list(masked_windows(document(5), 0, VOCABULARY, 22, Loss(pseudo_log_likelihood=True)))
    assert [scored(w)[0][0] for w in windows] == [100, 101, 102, 103, 104]
    assert all(w.ids.tolist().count(3) == 1 for w in windows)


def test_corruption_is_80_10_10():
    tokens = np.full(100_000, 5)
    found = corrupted(tokens, VOCABULARY, generator(b"", b"x", 0))
    kept, masked = (found == 5).mean(), (found == 3).mean()
    assert masked == pytest.approx(0.8, abs=0.006) and kept == pytest.approx(0.1, abs=0.006)
    assert set(found) <= {5, 3, *VOCABULARY.ordinary.tolist()}
