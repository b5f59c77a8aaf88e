"""The world "pcfg": its rows pinned, its labels and levels against its model, what it refuses."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from harness.data.worlds import load_world, open_world, world_revision
from harness.data.worlds.pcfg_world import PcfgWorld
from harness.errors import HarnessError

FREE = {"depth": 0, "longest": 8, "labelled_test": 1500}
PINNED = {
    "balanced": ({}, "c7c94751c49d5a13", "62638a8dbc627d6a"),
    "free": ({"depth": 0}, "dd8cf29909d695f1", "9ac7aa85afd829e2"),
}


@pytest.mark.parametrize("kind", PINNED)
def test_default_rows_are_pinned(kind: str) -> None:
    options, revision, rows = PINNED[kind]
    columns, found = load_world("pcfg", dict(options), None, "validation")
    assert found == world_revision("pcfg", dict(options))
    digest = hashlib.sha256("\n".join(columns["text"]).encode()).hexdigest()
    assert (found[:16], digest[:16]) == (revision, rows), "a row moved: raise the world's version"


@pytest.mark.parametrize("options", [{}, FREE])
def test_text_comes_with_its_exact_probability(options: dict[str, object]) -> None:
    world = open_world("pcfg", options)
    assert isinstance(world, PcfgWorld)
    for config in ("text", "text_control", "text_shift"):
        columns = world.columns(config, "test", first=30)
        exact = world.language(config).sentence_log_probabilities(world.word_numbers(columns["text"]))
        np.testing.assert_allclose(columns["log_probability"], exact, atol=1e-6)
        assert len(columns["text"]) == 30


@pytest.mark.parametrize("name", ["pcfg", "hmm"])
def test_every_world_answers_the_same_questions(name: str) -> None:
    world = open_world(name, {"text_test": 40})
    (tokens,) = world.sample("text", "test")
    assert set(world.tasks) | set(world.texts) == set(world.configurations)
    logs = world.log_probabilities(tokens)
    assert np.exp(logs).max() <= 1 and np.isfinite(logs).all()
    alone = world.conditionals(tokens)
    assert alone.shape == (*tokens.shape, len(world.words()))
    np.testing.assert_allclose(alone.sum(axis=2), 1.0, rtol=1e-9)
    first = (np.arange(tokens.shape[1]) == 0)[None] & np.ones_like(tokens, dtype=bool)
    own = np.take_along_axis(alone[:, 0], tokens[:, :1], axis=1)[:, 0]
    np.testing.assert_allclose(world.masked_log_probabilities(tokens, first)[:, 0], np.log(own), rtol=1e-8)
    with pytest.raises(HarnessError, match="has no labels"):
        world.levels("text_control")


def test_wanted_columns_alone_are_made() -> None:
    world = open_world("pcfg", {"text_test": 5, "labelled_test": 5})
    assert set(world.columns("text", "test", ("text",))) == {"text"}
    assert set(world.columns("root", "test", ("text", "label"))) == {"text", "label"}
    assert set(world.columns("root", "test")) == {"text", "label", "bayes_label", "bayes_posterior"}


def test_splits_and_configurations_differ() -> None:
    few = {f"{kind}_{split}": 5 for kind in ("text", "labelled") for split in ("train", "validation", "test")}
    world = open_world("pcfg", FREE | few)
    firsts = [
        tuple(world.columns(config, split, ("text",))["text"])
        for config in world.configurations
        for split in ("train", "validation", "test")
    ]
    assert len(set(firsts)) == len(firsts)


def test_decoded_labels_are_the_likeliest_symbols() -> None:
    world = open_world("pcfg", {"labelled_test": 200})
    assert isinstance(world, PcfgWorld)
    for config, span in (("root", 8), ("span_8", 8), ("span_4", 4), ("span_2", 2)):
        columns = world.columns(config, "test")
        posterior = world.model.first_span(world.word_numbers(columns["text"]), span)
        np.testing.assert_array_equal(columns["label"], posterior.argmax(axis=1))
        levels = world.levels(config)
        assert (levels.bayes, levels.n) == (1.0, 200)
        assert levels.majority == pytest.approx(np.bincount(columns["label"]).max() / 200)


@pytest.mark.parametrize("config", ["root_drawn", "depth"])
def test_bayes_labels_reach_the_bayes_level(config: str) -> None:
    world = open_world("pcfg", FREE)
    columns, levels = world.columns(config, "test"), world.levels(config)
    labels = np.array(columns["label"])
    accuracy = (labels == columns["bayes_label"]).mean()
    assert 0.1 < levels.majority < levels.bayes < 1
    assert abs(accuracy - levels.bayes) < 4 * np.sqrt(levels.bayes * (1 - levels.bayes) / levels.n)
    posterior = np.array(columns["bayes_posterior"])
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, atol=1e-5)
    spread = np.sqrt(posterior * (1 - posterior) / len(labels) ** 2).sum(axis=0)
    frequencies = np.bincount(labels, minlength=posterior.shape[1]) / len(labels)
    assert (np.abs(frequencies - posterior.mean(axis=0)) < 4 * np.maximum(spread, 1e-3)).all()


def test_spans_of_free_trees_are_those_of_sentences_that_have_them() -> None:
    world = open_world("pcfg", FREE | {"labelled_test": 100})
    assert min(len(text.split()) for text in world.columns("span_6", "test")["text"]) == 6


def test_the_smaller_the_shift_option_the_larger_the_shift() -> None:
    def divergence(shift: float) -> float:
        world = open_world("pcfg", {"shift": shift, "text_test": 300})
        assert isinstance(world, PcfgWorld)
        words = world.word_numbers(world.columns("text_shift", "test", ("text",))["text"])
        ours, theirs = (world.language(c).sentence_log_probabilities(words) for c in ("text", "text_shift"))
        return float((theirs - ours).mean())

    assert 0 < divergence(30.0) < divergence(1.0) < divergence(0.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": 65}, "found rules 65 with nonterminals 8; expected at most 64 rules a symbol"),
        ({"rules": 9, "invertible": 1}, "expected at most 8 rules a symbol"),
        ({"vocabulary": 7, "invertible": 1}, "expected a word for each symbol"),
        ({"shortest": 17}, "found shortest 17 with longest 16"),
        ({"depth_classes": 16}, "expected fewer than longest, 16"),
        ({"depht": 2}, "unknown option 'depht'; did you mean 'depth'"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        open_world("pcfg", options)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(HarnessError, match="unknown config 'span_3'; did you mean 'span_8'"):
        load_world("pcfg", {}, "span_3", "train")
    with pytest.raises(HarnessError, match="unknown config 'depth'"):
        load_world("pcfg", {}, "depth", "train")
    with pytest.raises(HarnessError, match="which has no labels; valid: root, root_drawn"):
        open_world("pcfg", {}).levels("text_shift")
    with pytest.raises(HarnessError, match=r"found the word 'w40'; expected w0 \.\.\. w39"):
        open_world("pcfg", {}).word_numbers(["w40"])
