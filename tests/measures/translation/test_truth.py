"""Excess over the truth of a world: none for the truth itself, the divergence for another domain."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data.parallel import Pair
from harness.data.worlds import open_world
from harness.data.worlds.synchronous_world import SynchronousWorld
from harness.measures.translation.truth import excess_value, has_truth, truth_of
from harness.specs import TranslationTask, load_task

FEW = {"domain_test": 200}


def task(**changes: object) -> TranslationTask:
    """``synthetic/synchronous_b`` on few pairs."""
    found = load_task("synthetic/synchronous_b")
    assert isinstance(found, TranslationTask)
    return found.model_copy(update={"data": found.data.model_copy(update={"options": FEW}), **changes})


def pairs() -> tuple[SynchronousWorld, list[Pair]]:
    """The world, and all pairs that the task scores."""
    world = open_world("synchronous", FEW)
    assert isinstance(world, SynchronousWorld)
    rows = world.columns("domain_b", "test", ("source", "target"))
    return world, [Pair(n, s, t) for n, (s, t) in enumerate(zip(rows["source"], rows["target"], strict=True))]


def test_the_truth_has_no_excess_and_another_domain_its_divergence() -> None:
    """In every domain but its own a truth is a model that knows too little."""
    world, found = pairs()
    sources, targets = [p.source for p in found], [p.target for p in found]
    truth = truth_of(task(), found)
    assert truth is not None
    assert truth.best == world.columns("domain_b", "test", ("best",))["best"]
    own = excess_value(truth, -world.conditional_log_probabilities_of("domain_b", sources, targets))
    assert (own.value, own.stderr, own.higher_is_better) == (pytest.approx(0.0, abs=1e-12), pytest.approx(0.0), False)
    general = -world.conditional_log_probabilities_of("general", sources, targets)
    other = excess_value(truth, general)
    words = sum(len(target.split()) + 1 for target in targets)
    assert other.value == pytest.approx((general - truth.nats).sum() / words)
    assert other.stderr is not None and other.value > 4 * other.stderr > 0
    assert (other.n, other.metric) == (words, "excess_nats_per_token")
    assert other.details is not None
    assert other.details["least"] + other.value == pytest.approx(general.sum() / words)
    assert other.details["entropy"] == world.entropy("domain_b").nats_per_token
    assert other.details["least"] == pytest.approx(other.details["entropy"], abs=4.5 * truth.nats.std() / np.sqrt(200))


def test_one_pair_has_no_standard_error() -> None:
    _, found = pairs()
    truth = truth_of(task(), found[:1])
    assert truth is not None
    assert excess_value(truth, truth.nats + 1.0).stderr is None


def test_only_whole_sentences_of_a_world_have_a_truth() -> None:
    """A template that writes something around a sentence makes another task of it, and so does the other direction."""
    assert has_truth(task()) and has_truth(task(source="{{source}}"))
    for other in ({"source": "Translate: {{ source }}"}, {"source": "{{ target }}", "target": "{{ source }}"}):
        assert not has_truth(task(**other))
        assert truth_of(task(**other), pairs()[1]) is None
    assert not has_truth(load_task("synthetic/hmm_loss"))
