"""Translation beside transformers' ``generate`` in batches of a fixed order: segments of ragged lengths, the same outputs.

Each side prints the memory it took; compare with the largest batch of the peer that takes no less than ours.
``HARNESS_SEGMENTS`` sets how many segments are translated.

On one core, 100 segments: greedy 1.5 s and 42 MB, beside 3.3 s and 79 MB in batches of 32 (2.2 times the segments per second);
with 4 beams 4.3 s and 70 MB, beside 12.8 s and 78 MB in batches of 8 (3.0 times).
"""

from __future__ import annotations

import os

import pytest
import torch
from translator import END, PADDING, segments, translator

from harness.data.batches import attention_mask, pad
from harness.measures.session import CACHED_STATES
from harness.measures.translation.decoding import decode
from harness.specs.translation import Decoding

COUNT = int(os.environ.get("HARNESS_SEGMENTS", "500"))
LENGTH = 160


@pytest.fixture(scope="module")
def model():
    return translator()


@pytest.fixture(scope="module")
def outputs() -> dict[int, list[list[int]]]:
    """What the first to run with so many beams has written; all others must write the same."""
    return {}


@pytest.mark.benchmark(group="decoding")
@pytest.mark.parametrize("beams", [1, 4])
def test_harness(watched, model, outputs, beams):
    decoding, budget = Decoding(beams=beams, maximum_length=LENGTH), CACHED_STATES // model.config.d_model

    def translate() -> list[list[int]]:
        found = decode(model, segments(COUNT), decoding, start=[PADDING], end=END, token_budget=budget)
        return [hypothesis.tokens for hypothesis in found]

    found = watched(translate, rounds=1)
    assert found == outputs.setdefault(beams, found)


@pytest.mark.benchmark(group="decoding")
@pytest.mark.parametrize(("beams", "size"), [(1, 16), (1, 32), (1, 64), (4, 8), (4, 16), (4, 32)])
def test_generate(watched, model, outputs, beams, size):
    more = {"early_stopping": False, "length_penalty": 1.0} if beams > 1 else {}

    def translate() -> list[list[int]]:
        found: list[list[int]] = []
        texts = [torch.tensor(text) for text in segments(COUNT)]
        for start in range(0, len(texts), size):
            batch = texts[start : start + size]
            rows = model.generate(
                input_ids=pad(batch, PADDING), attention_mask=attention_mask(batch), num_beams=beams,
                max_new_tokens=LENGTH, do_sample=False, **more,
            )  # fmt: skip
            found += [row[1 : row.index(END)] if END in row else row[1:] for row in rows.tolist()]
        return found

    found = watched(translate, rounds=1)
    assert found == outputs.setdefault(beams, found)
