"""The world "sampled_lm" against every sentence of a tiny model's language."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import GPT2Config, GPT2LMHeadModel

from harness.data.rows import load_rows, revision_of
from harness.data.tokenizer import train_tokenizer
from harness.data.worlds import load_world, open_world, world_revision
from harness.data.worlds.sampled_language import SampledLanguage
from harness.data.worlds.sampled_lm_world import SampledLmWorld
from harness.errors import HarnessError
from harness.specs import LmLossTask

WORDS, LENGTH = 4, 3


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 that is far from uniform, over nine words."""
    folder = tmp_path_factory.mktemp("speaker")
    tokenizer = train_tokenizer(["a b c d e f g h i"], kind="word", vocabulary=16, objective="causal", max_length=8)
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=8, initializer_range=0.5)
    GPT2LMHeadModel(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def options(checkpoint: Path) -> dict[str, Any]:
    return {"checkpoint": str(checkpoint), "vocabulary": WORDS, "length": LENGTH, "text_validation": 100}


@pytest.fixture
def world(options: dict[str, Any]) -> SampledLmWorld:
    found = open_world("sampled_lm", options)
    assert isinstance(found, SampledLmWorld)
    return found


@pytest.fixture
def sentences() -> np.ndarray:
    return np.array(list(itertools.product(range(WORDS), repeat=LENGTH)))


def probability(language: SampledLanguage, words: np.ndarray) -> float:
    """One word after another, from the model's whole logits."""
    read, total = [language.begin], 1.0
    for word in words:
        with torch.no_grad():
            logits = language.model(input_ids=torch.tensor([read])).logits[0, -1].double()
        allowed = torch.softmax(logits, 0)[torch.tensor(language.tokens)] ** (1 / language.temperature)
        total *= float(allowed[word] / allowed.sum())
        read.append(int(language.tokens[word]))
    return total


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_sentences_have_the_product_of_renormalised_probabilities(
    options: dict[str, Any], sentences: np.ndarray, temperature: float
) -> None:
    language = open_world("sampled_lm", options | {"temperature": temperature}).language()
    assert isinstance(language, SampledLanguage)
    found = np.exp(language.log_probabilities(sentences).sum(axis=1))
    np.testing.assert_allclose(found[::7], [probability(language, s) for s in sentences[::7]], rtol=1e-5)
    assert found.sum() == pytest.approx(1.0, abs=1e-6)


def test_hidden_words_follow_from_every_sentence(world: SampledLmWorld, sentences: np.ndarray) -> None:
    language = world.language()
    p = np.exp(language.log_probabilities(sentences).sum(axis=1))
    words = np.array([[2, 0, 3]])
    alone = language.conditionals(words)
    for t in range(LENGTH):
        kept = [other for other in range(LENGTH) if other != t]
        agree = (sentences[:, kept] == words[0, kept]).all(axis=1)
        expected = p[agree] / p[agree].sum()
        np.testing.assert_allclose(alone[0, t], expected, rtol=1e-6)
        mask = (np.arange(LENGTH) == t)[None]
        assert language.masked_log_probabilities(words, mask)[0, t] == pytest.approx(np.log(expected[words[0, t]]))
        seen = np.eye(WORDS)[words]
        seen[0, t] = [0.5, 1.0, 0.25, 0.25]
        weighed = expected * seen[0, t]
        np.testing.assert_allclose(language.conditionals(words, seen=seen)[0, t], weighed / weighed.sum(), rtol=1e-6)
    with pytest.raises(HarnessError, match="found 2 unknown words in a sentence; expected one"):
        language.conditionals(words, np.array([[True, True, False]]))
    assert language.can_tell(10, 3, 1) and not language.can_tell(10, 3, 2) and not language.can_tell(10**7, 3, 1)


@pytest.mark.slow
def test_samples_have_the_exact_frequencies(world: SampledLmWorld, sentences: np.ndarray) -> None:
    language = world.speaker
    words = np.concatenate(list(language.sample(6000, LENGTH, np.random.Generator(np.random.PCG64(1)))))
    expected = np.exp(language.log_probabilities(sentences).sum(axis=1)) * len(words)
    found = np.bincount(words @ WORDS ** np.arange(LENGTH - 1, -1, -1), minlength=len(sentences))
    group = np.where(expected > 5, np.arange(len(expected)), len(expected))
    seen, wanted = np.bincount(group, found), np.bincount(group, expected)
    assert stats.chisquare(seen[wanted > 0], wanted[wanted > 0] * seen.sum() / wanted.sum()).pvalue > 0.001


def test_entropy_is_that_of_the_enumeration(world: SampledLmWorld, sentences: np.ndarray) -> None:
    logs = world.speaker.log_probabilities(sentences).sum(axis=1)
    found = world.speaker.entropy(LENGTH, 2000, 3)
    assert abs(found.value + (np.exp(logs) * logs).sum()) < 4 * found.stderr < 0.2


def test_words_are_the_commonest_tokens_of_the_model_s_own_text(world: SampledLmWorld) -> None:
    language = world.speaker
    everything = SampledLanguage(language.model, language.begin, np.arange(2, 11))
    pairs = np.array(list(itertools.product(range(9), repeat=LENGTH)))
    p = np.exp(everything.log_probabilities(pairs).sum(axis=1))
    share = np.array([(p * (pairs == word).sum(axis=1)).sum() for word in range(9)])
    chosen = np.isin(everything.tokens, language.tokens)
    assert share[chosen].min() > share[~chosen].max() - 0.1  # the text is a sample
    assert (np.diff(share[language.tokens - 2]) < 0.1).all()


def test_rows_are_nested_and_read_back(world: SampledLmWorld, options: dict[str, Any]) -> None:
    columns = world.columns("text", "validation")
    more = open_world("sampled_lm", options | {"text_validation": 230}).columns("text", "validation", ("text",))
    assert set(columns) == {"text", "decoded"} and set(more) == {"text"}
    assert columns["text"] == more["text"][:100] and len(more["text"]) == 230
    words = world.word_numbers(columns["text"])
    assert words.shape == (100, LENGTH)
    ids = world.model[1](columns["decoded"], add_special_tokens=False)["input_ids"]
    np.testing.assert_array_equal(world.speaker.tokens[words], ids)
    assert columns["text"] != world.columns("text_control", "validation")["text"]


def test_weights_are_part_of_the_revision_and_content_of_the_fingerprint(
    options: dict[str, Any], checkpoint: Path, tmp_path: Path
) -> None:
    before = world_revision("sampled_lm", options)
    model = GPT2LMHeadModel.from_pretrained(checkpoint)
    model.transformer.wte.weight.data.mul_(-1)
    (tmp_path / "other").mkdir()
    for file in checkpoint.iterdir():
        (tmp_path / "other" / file.name).write_bytes(file.read_bytes())
    moved = options | {"checkpoint": str(tmp_path / "other")}
    tasks = [
        LmLossTask(
            name="t", description="d", kind="lm_loss", data={"world": "sampled_lm", "options": o},
            splits={"score": "validation"},
        )
        for o in (options, moved)
    ]  # fmt: skip
    prints = [load_rows(task, "score", ("text",)).fingerprint for task in tasks]
    assert prints[0] == prints[1] and revision_of(tasks[0]) == before
    model.save_pretrained(tmp_path / "other")
    assert load_rows(tasks[1], "score", ("text",)).fingerprint != prints[0]
    assert world_revision("sampled_lm", moved) != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoint": ""}, "found no checkpoint"),
        ({"checkpoint": 3}, "'checkpoint': found 3 \\(int\\); expected a text"),
        ({"length": 9}, "found length 9, .* reads 8 tokens; make length smaller"),
        ({"vocabulary": 10}, "found vocabulary 10, .* has 9 tokens; make vocabulary smaller"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        load_world("sampled_lm", options | change, None, "validation")


def test_there_are_no_labels(world: SampledLmWorld) -> None:
    with pytest.raises(HarnessError, match="has no labels; valid: none"):
        world.levels("text")
