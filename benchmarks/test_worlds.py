"""A million sentences of each world in chunks, and what is known of them; a minute a million is the most allowed.

On one idle core: 1.8 s a million sentences of pcfg with 8 words, 2.6 s with 2 to 16, 6.5 s of hmm with 32 words; exact
probabilities of 4,000 sentences of pcfg in 0.01 to 0.6 s. There is no peer that scores sentences by the batch.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from harness.data.worlds import open_world
from harness.data.worlds.pcfg_world import PcfgWorld

MILLION = 1_000_000
WORLDS = {
    "hmm, 32 words": ("hmm", {}),
    "pcfg, 8 words": ("pcfg", {}),
    "pcfg, 2 to 16 words": ("pcfg", {"depth": 0}),
}


@pytest.mark.benchmark(group="a million sentences")
@pytest.mark.parametrize("kind", WORLDS)
def test_a_million_sentences(benchmark, kind):
    name, options = WORLDS[kind]
    world = open_world(name, {**options, "text_train": MILLION})

    def stream() -> int:
        return sum(len(chunk["text"]) for chunk in world.chunks("text", "train", ("text",)))

    began = time.perf_counter()
    assert benchmark.pedantic(stream, rounds=1) == MILLION
    assert time.perf_counter() - began < 60


@pytest.mark.benchmark(group="100,000 pairs")
def test_pairs(benchmark):
    world = open_world("synchronous", {"general_train": MILLION // 10})
    columns = benchmark.pedantic(world.columns, ("general", "train", ("source", "target")), rounds=2)
    assert len(columns["target"]) == MILLION // 10


@pytest.mark.benchmark(group="exact probabilities of 4,000 sentences")
@pytest.mark.parametrize("what", ["sentence", "every word hidden by itself", "next word"])
@pytest.mark.parametrize("depth", [3, 0])
def test_exact_probabilities(benchmark, depth, what):
    world = open_world("pcfg", {"depth": depth, "text_train": 4000})
    assert isinstance(world, PcfgWorld)
    words = world.word_numbers(world.columns("text", "train", ("text",))["text"])
    compute = {
        "sentence": world.model.sentence_log_probabilities,
        "every word hidden by itself": world.model.conditionals,
        "next word": world.model.log_probabilities,
    }[what]
    assert np.isfinite(benchmark.pedantic(compute, (words,), rounds=2)).any()
