"""The world "synchronous": its rows pinned, its domains, its excess of zero under the truth, what it refuses."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from harness.data.worlds import load_world, open_world, world_revision
from harness.data.worlds.synchronous_world import SynchronousWorld
from harness.errors import HarnessError

FEW = {f"{kind}_{split}": 40 for kind in ("general", "domain") for split in ("train", "validation", "test")}
COLUMNS = {"source", "target", "best", "log_probability", "best_log_probability", "entropy"}


def world(**options: float) -> SynchronousWorld:
    """One with forty pairs a split, unless told otherwise."""
    found = open_world("synchronous", FEW | options)
    assert isinstance(found, SynchronousWorld)
    return found


@pytest.mark.parametrize(
    ("config", "rows"),
    [("general", "3fd1dbbc56ec3236"), ("domain_a", "6c6d8d91d4c7b0fb"), ("domain_c", "bb001f7f4bd6bad8")],
)
def test_default_rows_are_pinned(config: str, rows: str) -> None:
    columns, found = load_world("synchronous", {}, config, "validation", ("source", "target"))
    assert found == world_revision("synchronous", {})
    assert len(columns["source"]) == 500
    text = "\n".join(columns["source"] + columns["target"])
    assert (found[:16], hashlib.sha256(text.encode()).hexdigest()[:16]) == ("b89bd15561ef74d5", rows), (
        "raise the version"
    )


def test_the_truth_has_no_excess_and_another_domain_has() -> None:
    """Of texts that are read back, in every domain."""
    found = world(domain_test=300)
    for config in found.configurations:
        rows = found.columns(config, "test")
        assert set(rows) == COLUMNS
        exact = found.conditional_log_probabilities_of(config, rows["source"], rows["target"])
        np.testing.assert_allclose(rows["log_probability"], exact, atol=1e-6)
        np.testing.assert_allclose(rows["entropy"], found.conditional_entropy_of(config, rows["source"]), atol=1e-6)
        assert rows["best"] == found.best_translations_of(config, rows["source"])
        best = found.conditional_log_probabilities_of(config, rows["source"], rows["best"])
        np.testing.assert_allclose(rows["best_log_probability"], best, atol=1e-6)
        assert (best >= exact - 1e-9).all()
        if config != "general":
            above = exact - found.conditional_log_probabilities_of("general", rows["source"], rows["target"])
            assert 0.2 < above.mean() < 20


def test_reported_entropy_is_that_of_many_pairs() -> None:
    found = world(domain_test=4000)
    for config in ("domain_a", "domain_c"):
        rows, told = found.columns(config, "test", ("target", "log_probability", "entropy")), found.entropy(config)
        for nats in (-np.array(rows["log_probability"]), np.array(rows["entropy"])):
            assert abs(nats.mean() - told.nats) < 4.5 * nats.std() / np.sqrt(len(nats))
        tokens = np.array([len(target.split()) + 1 for target in rows["target"]])
        assert abs(tokens.mean() - told.tokens) < 4.5 * tokens.std() / np.sqrt(len(tokens))


def test_the_ceiling_is_what_the_best_translations_reach() -> None:
    """Exact matches with one draw of the targets; BLEU of that draw among those of others."""
    from sacrebleu.metrics import BLEU

    found = world(general_test=1500)
    rows, ceiling = found.columns("general", "test", ("target", "best")), found.ceiling("general")
    equal = np.mean([best == target for best, target in zip(rows["best"], rows["target"], strict=True)])
    assert 0.2 < ceiling.exact < 0.9
    assert abs(equal - ceiling.exact) < 4.5 * np.sqrt(0.25 / 1500)
    assert abs(BLEU().corpus_score(rows["best"], [rows["target"]]).score - ceiling.bleu) < 3.0
    assert ceiling.pairs == 1500
    assert world(ambiguity=0.0, general_test=50).ceiling("general").exact > ceiling.exact


def test_distance_is_a_knob_from_the_general_domain_on() -> None:
    near, far = world(distance_b=0.0, domain_test=500), world(distance_b=0.8, domain_test=500)
    assert near.domain("domain_b").probabilities.words == pytest.approx(near.domain("general").probabilities.words)
    assert near.entropy("domain_b").nats == pytest.approx(near.entropy("general").nats)

    def divergence(found: SynchronousWorld) -> float:
        rows = found.columns("domain_b", "test")
        ours = found.conditional_log_probabilities_of("general", rows["source"], rows["target"])
        return float(np.mean(rows["log_probability"] - ours))

    middle = world(distance_b=0.4, domain_test=500)
    assert divergence(near) == pytest.approx(0.0, abs=1e-5)
    assert 0.05 < divergence(middle) < divergence(far)


def test_domains_share_their_words_and_use_others() -> None:
    """Every word occurs in every domain, and a domain's commonest words are not those of the general one."""
    found = world()
    general, far = (found.domain(config).probabilities for config in ("general", "domain_c"))
    nouns = slice(0, found.options.nouns)
    assert (general.words[1, nouns] > 0).all() and (far.words[1, nouns] > 0).all()
    assert general.words[1, far.words[1].argmax()] < 0.1 * far.words[1].max()
    assert abs(general.rules - far.rules).max() > 0.05


def test_splits_and_configurations_differ_and_begin_alike_at_any_size() -> None:
    found = world()
    firsts = {
        (config, split): found.columns(config, split, ("source", "target"))["source"]
        for config in found.configurations
        for split in ("train", "validation", "test")
    }
    assert len({tuple(rows) for rows in firsts.values()}) == len(firsts)
    more = world(general_train=20000).columns("general", "train", ("source",))["source"]
    assert more[:40] == firsts["general", "train"]
    assert len(more) == 20000


def test_repeats_are_few_and_told() -> None:
    """Fewer the more words there are."""
    sizes = {"general_train": 20000, "general_test": 500, "domain_test": 500}
    usual = world(**sizes)
    assert 0.0 < usual.repeats("general") < 0.15
    assert usual.repeats("domain_c") < usual.repeats("general")
    assert world(**sizes, nouns=3, verbs=3, adjectives=3, names=3).repeats("general") > usual.repeats("general")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: open_world("synchronous", {"noun": 5}), "unknown option 'noun'; did you mean 'nouns'"),
        (lambda: open_world("synchronous", {"distance_a": 1.5}), "from 0.0 to 1.0"),
        (lambda: open_world("synchronous", {"verbs": 2}), "found 2; expected a whole number from 3"),
        (lambda: load_world("synchronous", {}, "domain_d", "train"), "unknown config 'domain_d'"),
        (
            lambda: load_world("synchronous", {}, None, "train"),
            "unknown config 'text'; valid: domain_a, domain_b, domain_c, general",
        ),
        (lambda: load_world("synchronous", {}, "general", "dev"), "unknown split 'dev'"),
        (lambda: world().conditional_entropy_of("general", ["t1 t2"]), "found the source 't1 t2'"),
        (lambda: world().language(), "use a task of kind translation"),
        (lambda: world().levels("general"), "which has no labels; valid: none"),
    ],
)
def test_what_does_not_fit_is_refused(ask: object, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        ask()  # type: ignore[operator]
