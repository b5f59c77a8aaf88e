"""The world "hmm": its levels against samples, its control against its text, its rows pinned."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from harness.data.worlds import load_world, open_world, world_revision
from harness.errors import HarnessError

SMALL = {"text_train": 60, "text_validation": 40, "text_test": 40, "labelled_train": 50, "labelled_test": 2000}


def test_default_rows_are_pinned() -> None:
    columns, revision = load_world("hmm", {}, None, "validation")
    assert revision == world_revision("hmm", {})
    digest = hashlib.sha256("\n".join(columns["text"]).encode()).hexdigest()
    assert (revision[:16], digest[:16]) == ("45c515edc3476655", "5f7090d5fdf515f4"), (
        "a row moved: raise GENERATOR_VERSION"
    )


@pytest.mark.parametrize("config", ["text", "text_control"])
def test_text_comes_with_its_exact_probability(config: str) -> None:
    world = open_world("hmm", SMALL)
    columns, _ = load_world("hmm", SMALL, config, "train")
    assert set(columns) == {"text", "log_probability", "token_log_probabilities"}
    words = world.word_numbers(columns["text"])
    assert words.shape == (60, 32)
    exact = world.model.log_probabilities(words)
    np.testing.assert_allclose(columns["token_log_probabilities"], exact, atol=1e-6)
    np.testing.assert_allclose(columns["log_probability"], exact.sum(axis=1), atol=1e-6)


def test_control_is_another_sample_of_the_same_language() -> None:
    options = SMALL | {"text_test": 4000}
    ours, theirs = (load_world("hmm", options, config, "test")[0] for config in ("text", "text_control"))
    assert not set(ours["text"]) & set(theirs["text"])
    first, second = (np.array(columns["log_probability"]) / 32 for columns in (ours, theirs))
    stderr = np.sqrt(first.var() / len(first) + second.var() / len(second))
    assert abs(first.mean() - second.mean()) < 4 * stderr
    entropy = open_world("hmm", options).entropy(4000)
    assert abs(first.mean() + entropy.nats_per_token) < 4 * np.hypot(entropy.stderr, stderr)


def test_splits_and_configurations_differ() -> None:
    texts = [
        load_world("hmm", SMALL, config, split)[0]["text"][0]
        for config in ("text", "text_control", "state", "source")
        for split in ("train", "validation", "test")
    ]
    assert len(set(texts)) == len(texts)


def test_loss_can_fall_by_half_a_nat() -> None:
    world = open_world("hmm", {})
    assert world.model.unigram_entropy() - world.entropy(2000).nats_per_token > 0.5


@pytest.mark.parametrize(("config", "classes"), [("state", 4), ("source", 2)])
def test_bayes_labels_reach_the_bayes_level(config: str, classes: int) -> None:
    columns, _ = load_world("hmm", SMALL, config, "test")
    levels = open_world("hmm", SMALL).levels(config)
    labels = np.array(columns["label"])
    assert set(labels) == set(range(classes))
    assert levels.majority == pytest.approx(1 / classes)
    accuracy = (labels == columns["bayes_label"]).mean()
    assert abs(accuracy - levels.bayes) < 4 * np.sqrt(levels.bayes * (1 - levels.bayes) / levels.n)
    posterior = np.array(columns["bayes_posterior"])
    assert posterior.shape == (2000, classes)
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, atol=1e-5)
    assert posterior.max(axis=1).mean() == pytest.approx(levels.bayes, abs=1e-6)


@pytest.mark.parametrize("config", ["state", "source"])
def test_posteriors_are_calibrated(config: str) -> None:
    columns, _ = load_world("hmm", SMALL | {"contrast": 0.05}, config, "test")
    posterior, labels = np.array(columns["bayes_posterior"]), np.array(columns["label"])
    unsure = (posterior[:, 1] > 0.2) & (posterior[:, 1] < 0.8)
    expected = posterior[unsure, 1].mean()
    assert unsure.sum() > 50
    assert abs((labels[unsure] == 1).mean() - expected) < 4 * np.sqrt(0.25 / unsure.sum())


def test_source_cannot_be_told_without_a_contrast() -> None:
    assert open_world("hmm", SMALL | {"contrast": 0.0}).levels("source").bayes == pytest.approx(0.5)


def test_revision_knows_every_option() -> None:
    assert world_revision("hmm", {}) == world_revision("hmm", {"states": 16})
    changed = {world_revision("hmm", options) for options in ({}, {"seed": 1}, {"labelled_test": 7}, {"jump": 0.1})}
    assert len(changed) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": 3}, "unknown option 'state'; did you mean 'states'"),
        ({"states": True}, "'states': found True \\(bool\\); expected a whole number"),
        ({"states": "12"}, "found '12' \\(str\\)"),
        ({"states": 2.5}, "found 2.5 \\(float\\)"),
        ({"jump": 1.5}, "found 1.5; expected a number from 0.0 to 1.0"),
        ({"length": 0}, "found 0; expected a whole number from 2"),
        ({"jump": float("nan")}, "found nan"),
        ({"classes": 17}, "classes 17 with states 16"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        load_world("hmm", options, None, "train")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(HarnessError, match="unknown world 'hmn'; did you mean 'hmm'"):
        load_world("hmn", {}, None, "train")
    with pytest.raises(HarnessError, match="unknown config 'sauce'; did you mean 'source'"):
        load_world("hmm", SMALL, "sauce", "train")
    with pytest.raises(HarnessError, match="unknown split 'valid'; did you mean 'validation'"):
        load_world("hmm", SMALL, "state", "valid")
    with pytest.raises(HarnessError, match="which has no labels; valid: state, source"):
        open_world("hmm", SMALL).levels("text")


def test_words_of_another_language_are_refused() -> None:
    world = open_world("hmm", SMALL)
    with pytest.raises(HarnessError, match=r"found the word 'w64'; expected w0 \.\.\. w63"):
        world.word_numbers(["w1 w64"])
    with pytest.raises(HarnessError, match="expected one length"):
        world.word_numbers(["w1 w2", "w1"])
