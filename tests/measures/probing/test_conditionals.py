from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from harness import evaluate
from harness.data.worlds import open_world
from harness.evaluator import run as run_request
from harness.measures.probing import run
from harness.measures.probing.conditionals import true_conditionals
from harness.measures.probing.heads import trained_heads
from harness.request import Options, from_arguments

SMALL = {"nonterminals": 3, "vocabulary": 4, "rules": 2}
INVERTIBLE = (
    "{depth: 1, nonterminals: 3, vocabulary: 6, rules: 3, invertible: 1, labelled_train: 600, labelled_validation: 200}"
)


@pytest.fixture
def task(tmp_path):
    lines = (
        "include: probe/pcfg_root_conditionals\n"
        f"data: {{world: pcfg, name: root, options: {INVERTIBLE}}}\n"
        "rows: {train: 600, validation: 200}\n"
        'labels: ["0", "1", "2"]\n'
        "probe: {pooling: concat, features: conditionals, head: mlp, hidden: 32, epochs: 40, learning_rates: [0.01]}\n"
    )
    (tmp_path / "lookup.yaml").write_text(lines)
    return str(tmp_path / "lookup.yaml")


@pytest.mark.parametrize(
    ("shape", "longest"), [({"depth": 2}, 4), ({"depth": 0, "shortest": 1, "longest": 3, "depth_classes": 2}, 3)]
)
def test_features_are_the_shares_of_each_word_among_all_sentences_that_differ_in_it(shape, longest):
    world = open_world("pcfg", SMALL | shape)
    lengths = [longest] if shape["depth"] else range(1, longest + 1)
    every = [sentence for length in lengths for sentence in product(range(4), repeat=length)]
    logarithms = [float(world.model.sentence_log_probabilities(np.array([sentence]))[0]) for sentence in every]
    probability = {s: float(np.exp(value)) for s, value in zip(every, logarithms, strict=True)}
    assert sum(probability.values()) == pytest.approx(1)
    possible = [sentence for sentence in every if probability[sentence] > 1e-12]
    expected = np.zeros((len(possible), longest, 4))
    for row, sentence in enumerate(possible):
        for place in range(len(sentence)):
            others = [probability[(*sentence[:place], word, *sentence[place + 1 :])] for word in range(4)]
            expected[row, place] = np.array(others) / sum(others)
    texts = [" ".join(f"w{word}" for word in sentence) for sentence in possible]
    found = true_conditionals(world, "text", texts, "concat", longest)
    np.testing.assert_allclose(found, expected.reshape(len(possible), -1), atol=1e-6)
    lengths_found = np.array([len(sentence) for sentence in possible])[:, None]
    np.testing.assert_allclose(
        true_conditionals(world, "text", texts, "mean", longest), expected.sum(1) / lengths_found, atol=1e-6
    )


def test_the_lookup_table_reaches_bayes_where_the_label_follows_from_it(content, task):
    """Each word is of one symbol, the two symbols have one root, and each symbol its own conditional of the other word."""
    language = open_world("pcfg", {"depth": 1, "nonterminals": 3, "vocabulary": 6, "rules": 3, "invertible": 1}).model
    tokens = np.array(list(product(range(6), repeat=2)))
    table, symbols = language.conditionals(tokens), language.grammar.lexical.argmax(0)
    rows = {
        tuple(symbols[pair]): np.concatenate(values).round(6).tobytes()
        for pair, values in zip(tokens, table, strict=True)
    }
    possible = {pair: row for pair, row in rows.items() if np.frombuffer(row).any()}
    assert len(set(possible.values())) == len(possible)
    record = evaluate(content.make("bert"), task)[0]
    assert record.error is None and record.details["chance"] < 0.8
    assert record.value == 1.0 and record.cost.tokens == 0


def test_the_lookup_table_is_of_no_checkpoint_and_made_once(hub, task, monkeypatch, tmp_path):
    trained = []
    monkeypatch.setattr(run, "trained_heads", lambda *given: trained.append(1) or trained_heads(*given))
    outcome = run_request(
        from_arguments(["tests/tiny-gpt2@step1", "tests/tiny-bert"], [task], (1,)), tmp_path / "out", Options()
    )
    assert outcome.measured == 2 and len(trained) == 1
