"""Paired bootstrap and approximate randomisation: sacreBLEU's own p-values, enumeration, and how often they err."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from sacrebleu.significance import PairedTest

from harness.errors import HarnessError
from harness.measures.translation.metrics import METRICS
from harness.paired import randomisation as randomisation_module
from harness.paired import resampling
from harness.paired.bootstrap import paired_bootstrap
from harness.paired.randomisation import randomisation

WORDS = (
    "the",
    "a",
    "small",
    "big",
    "dog",
    "cat",
    "house",
    "tree",
    "runs",
    "sleeps",
    "under",
    "near",
    "and",
    "of",
    "to",
    "on",
)


def total(sums):
    return sums[:, 0]


def translations(seed: int, references: list[str], share: float) -> list[str]:
    """References with a share of their words replaced."""
    generator = np.random.default_rng(seed)
    return [
        " ".join(str(generator.choice(WORDS)) if generator.random() < share else word for word in text.split())
        for text in references
    ]


@pytest.fixture(scope="module")
def systems() -> tuple[list[str], list[str], list[str]]:
    """References, and two systems that are nearly as good as one another."""
    generator = np.random.default_rng(0)
    references = [" ".join(generator.choice(WORDS, size=generator.integers(6, 15))) for _ in range(120)]
    return references, translations(1, references, 0.30), translations(2, references, 0.32)


@pytest.mark.parametrize(("kind", "resamples"), [("bs", 1000), ("ar", 2000)])
def test_p_values_are_sacrebleus(systems, kind, resamples, monkeypatch):
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    references, first, second = systems
    theirs = PairedTest(
        [("B", second), ("A", first)], {"BLEU": BLEU(), "CHRF": CHRF(), "TER": TER()}, [references],
        test_type=kind, n_samples=resamples,
    )()[1]  # fmt: skip
    for name, called in (("bleu", "BLEU"), ("chrf", "chrF2"), ("ter", "TER")):
        a, b = (METRICS[name].counted(system, references, "en")[0] for system in (first, second))
        if kind == "bs":
            ours = paired_bootstrap(a, b, METRICS[name].values, resamples=resamples)
        else:
            ours = randomisation(a, b, METRICS[name].values, trials=resamples)
        assert ours.p_sacrebleu == theirs[called][1].p_value, name
        assert 0.001 < ours.p_sacrebleu < 0.9
        # Only numbers of edits tie, and not with a mean over resamples.
        assert (ours.p > ours.p_sacrebleu) == (name == "ter" and kind == "ar")
        assert (ours.second, ours.first) == pytest.approx([found.score for found in theirs[called]], rel=1e-13)


def test_systems_that_are_equal_or_differ_in_one_segment_do_not_differ():
    a = np.random.default_rng(0).normal(size=(50, 1))
    b = a.copy()
    assert paired_bootstrap(a, b, total).p == randomisation(a, b, total).p == 1.0
    b[3] += 1.0
    # Whichever of the two it is given to, the difference is as large as what was found.
    assert randomisation(a, b, total).p == 1.0 > randomisation(a, b, total).p_sacrebleu
    assert paired_bootstrap(a, b, total).p > 0.05


def test_randomisation_is_the_share_of_all_exchanges():
    generator = np.random.default_rng(3)
    a, b = generator.normal(size=(2, 9, 1)) + np.array([[[0.7]], [[0.0]]])
    apart = (a - b)[:, 0]
    exact = np.mean([
        abs(np.dot(signs, apart)) >= abs(apart.sum()) - 1e-12 for signs in itertools.product((-1, 1), repeat=9)
    ])  # fmt: skip
    assert randomisation(a, b, total).p == pytest.approx(exact, abs=0.015)


def test_the_bootstrap_interval_of_a_sum_is_that_of_its_normal_limit():
    generator = np.random.default_rng(4)
    a, b = generator.normal(size=(2, 400, 1))
    found = paired_bootstrap(a, b, total, resamples=4000)
    stderr = np.std(a - b) * np.sqrt(400)
    assert found.stderr == pytest.approx(stderr, rel=0.04)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * stderr, rel=0.05)
    assert found.difference == pytest.approx(float((a - b).sum()))


def test_how_often_the_two_err_where_nothing_differs():
    """Randomisation is exact; sacreBLEU's bootstrap says 0.05 about one time in ten, and its interval misses one in twenty."""
    generator = np.random.default_rng(5)
    found = {"randomisation": 0, "bootstrap": 0, "interval": 0}
    trials = 400
    for number in range(trials):
        a, b = generator.normal(size=(2, 60, 1))
        bootstrap = paired_bootstrap(a, b, total, resamples=400, seed=number)
        found["randomisation"] += randomisation(a, b, total, trials=400, seed=number).p <= 0.05
        found["bootstrap"] += bootstrap.p <= 0.05
        found["interval"] += not bootstrap.low <= 0 <= bootstrap.high
    shares = {name: count / trials for name, count in found.items()}
    assert 0.025 < shares["randomisation"] < 0.075, shares
    assert 0.07 < shares["bootstrap"] < 0.14, shares
    assert 0.025 < shares["interval"] < 0.09, shares


def test_matrices_in_pieces_are_the_same_draws(monkeypatch):
    statistics = np.random.default_rng(6).normal(size=(7, 2))
    whole = resampling.resampled_sums(statistics, 50)
    monkeypatch.setattr(resampling, "HELD", 21)
    np.testing.assert_array_equal(resampling.resampled_sums(statistics, 50), whole)
    monkeypatch.setattr(randomisation_module, "DRAWN", 35)
    assert randomisation(statistics, 0 * statistics, total, trials=50).p > 0


def test_bad_input():
    with pytest.raises(HarnessError, match=r"found \(3, 1\) for A and \(4, 1\) for B"):
        randomisation(np.ones((3, 1)), np.ones((4, 1)), total)
    with pytest.raises(HarnessError, match="found 1 shared examples"):
        paired_bootstrap(np.ones((1, 1)), np.ones((1, 1)), total)
