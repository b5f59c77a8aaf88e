"""Two checkpoints of a folder: which test each metric takes, what it says, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel
from typer.testing import CliRunner

from harness.cli import app
from harness.compare.choice import RESAMPLED, pseudo_values
from harness.compare.comparison import ONE_SEED, Comparison, compare
from harness.errors import HarnessError
from harness.measures.translation.metrics import METRICS, scored
from harness.paired.bootstrap import paired_bootstrap
from harness.paired.mcnemar import mcnemar
from harness.paired.paired_t import paired_t
from harness.paired.randomisation import randomisation
from harness.results import Record, Store, digest, key_of
from harness.results.outcomes import write_shard
from tests.results.records import a_record, an_info

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


class Folder:
    """A results folder that a test fills."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(
        self, record: Record, outcomes: dict[str, Any] | None = None, parts: dict[str, Any] | None = None, **info: Any
    ) -> None:
        """One record of a checkpoint, with outcomes by name: (outcome, weight, cluster, row), the last three optional."""
        context = {"context": record.context, "signature": record.signature, "parts": parts or {"task": record.task}}
        with Store.writing(self.path) as writer:
            writer.add([record], context, an_info(record.checkpoint, **info))
        columns = []
        for name, (outcome, *more) in (outcomes or {}).items():
            rows = np.arange(len(outcome))
            weight, cluster, row = (*more, *(np.ones(len(outcome)), rows, rows)[len(more) :])
            columns.append({"metric": name, "row": row, "cluster": cluster, "outcome": outcome, "weight": weight})
        if columns:
            write_shard(self.path, record.key, columns)

    def compare(self, *tasks: str) -> Comparison:
        return compare(self.path, "ca", "cb", tasks)


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "results")


def accuracy(checkpoint: str, right, seed: int | None = None, task: str = "glue/rte") -> Record:
    return a_record(
        task=task, checkpoint=checkpoint, seed=seed, metric="accuracy", value=float(np.mean(right)), stderr=0.05,
        unit="fraction", higher_is_better=True,
    )  # fmt: skip


def loss(checkpoint: str, nats, tokens, **changes: Any) -> Record:
    return a_record(checkpoint=checkpoint, value=float(nats.sum() / tokens.sum()), **changes)


def translations(seed: int, references: list[str], share: float) -> list[str]:
    generator = np.random.default_rng(seed)
    return [
        " ".join(str(generator.choice(WORDS)) if generator.random() < share else word for word in text.split())
        for text in references
    ]


@pytest.fixture(scope="module")
def references() -> list[str]:
    generator = np.random.default_rng(0)
    return [" ".join(generator.choice(WORDS, size=generator.integers(5, 14))) for _ in range(80)]


def add_translations(folder: Folder, references, checkpoint, system, metric="bleu", rows=None, seed=None):
    found = scored(metric, system, references, "en")
    record = a_record(
        task="wmt_domain/de-en", checkpoint=checkpoint, metric=metric, value=found.value, stderr=found.stderr, seed=seed,
        unit="points", higher_is_better=found.higher_is_better,
    )  # fmt: skip
    row = np.arange(len(system)) if rows is None else rows
    columns = {
        name: (found.statistics[:, place], np.ones(len(system)), row, row)
        for place, name in enumerate(found.statistic_names)
    }
    folder.add(record, columns)
    return found


@pytest.mark.parametrize("metric", METRICS)
def test_translations_take_randomisation_and_the_bootstrap(folder, references, metric):
    a, b = (
        add_translations(folder, references, name, translations(seed, references, share), metric)
        for name, seed, share in (("ca", 1, 0.2), ("cb", 2, 0.5))
    )
    [found] = folder.compare().compared
    values = METRICS[metric].values
    drawn = paired_bootstrap(a.statistics, b.statistics, values)
    assert found.difference.test == RESAMPLED
    assert found.difference.p == randomisation(a.statistics, b.statistics, values).p
    assert (found.difference.low, found.difference.high) == (drawn.low, drawn.high)
    assert found.difference.p_sacrebleu == drawn.p_sacrebleu
    assert found.difference.difference == pytest.approx(a.value - b.value)
    assert (found.better, found.difference.units) == ("A", 80)


def test_the_segments_that_both_have_count_alone(folder, references):
    a = add_translations(folder, references, "ca", translations(1, references, 0.2))
    b = add_translations(folder, references[20:], "cb", translations(2, references[20:], 0.5), rows=np.arange(20, 80))
    [found] = folder.compare().compared
    assert found.difference.units == 60
    assert found.difference.first == pytest.approx(METRICS["bleu"].values(a.statistics[20:].sum(axis=0)))
    assert found.difference.second == pytest.approx(b.value)


def test_translations_of_several_seeds_take_jackknife_values(folder, references):
    for seed in (1, 2, 3):
        for name, share in (("ca", 0.2), ("cb", 0.5)):
            add_translations(
                folder, references, name, translations(10 * seed + len(name), references, share), seed=seed
            )
    [found] = folder.compare().compared
    assert (found.difference.seeds, found.difference.units, found.better) == (3, 80, "A")
    statistics = scored("bleu", translations(12, references, 0.2), references, "en").statistics
    pseudo = pseudo_values(statistics, METRICS["bleu"])
    whole = float(METRICS["bleu"].values(statistics.sum(axis=0)))
    assert pseudo.mean() == pytest.approx(whole, rel=0.02)
    told = scored("bleu", translations(12, references, 0.2), references, "en").stderr
    assert pseudo.std(ddof=1) / np.sqrt(80) == pytest.approx(told, rel=0.15)


def test_accuracy_takes_mcnemar(folder):
    generator = np.random.default_rng(1)
    a = (generator.random(200) < 0.8).astype(float)
    b = np.where(generator.random(200) < 0.2, 0.0, a)
    for name, right in (("ca", a), ("cb", b)):
        folder.add(accuracy(name, right, seed=1), {"correct": (right,)})
    [found] = folder.compare().compared
    assert found.difference == mcnemar(a.astype(bool), b.astype(bool))
    assert (found.better, found.note) == ("A", ONE_SEED)


def test_accuracy_over_seeds_takes_seeds_and_examples(folder):
    generator = np.random.default_rng(2)
    right = {name: (generator.random((3, 100)) < share).astype(float) for name, share in (("ca", 0.7), ("cb", 0.6))}
    for name, many in right.items():
        for seed, one in enumerate(many, 1):
            folder.add(accuracy(name, one, seed=seed), {"correct": (one,)})
    folder.add(accuracy("ca", np.ones(100), seed=4), {"correct": (np.ones(100),)})
    [found] = folder.compare().compared
    expected = paired_t(right["ca"], right["cb"])
    assert (found.difference.stderr, found.difference.p) == (expected.stderr, expected.p)
    assert (found.difference.seeds, found.note) == (3, None)


def test_a_loss_takes_a_clustered_t_and_bits_per_byte_are_its_copy(folder):
    generator = np.random.default_rng(3)
    tokens, cluster = generator.integers(20, 60, size=60).astype(float), np.repeat(np.arange(20), 3)
    nats = {name: tokens * generator.normal(mean, 0.3, size=60) for name, mean in (("ca", 3.0), ("cb", 3.2))}
    for name, one in nats.items():
        folder.add(loss(name, one, tokens), {"nats_per_token": (one, tokens, cluster)})
        bits = 0.3 * float(one.sum() / tokens.sum())
        folder.add(a_record(checkpoint=name, metric="bits_per_byte", value=bits, unit="bits per byte"))
    found = folder.compare()
    first, second = found.compared
    expected = paired_t(nats["ca"], nats["cb"], first_weights=tokens, second_weights=tokens, clusters=cluster)
    assert first.difference.stderr == expected.stderr
    assert (first.difference.test, first.difference.units, first.better) == ("paired t, clustered", 20, "A")
    assert (second.copy_of, second.p_adjusted, found.tests) == ("nats_per_token", first.p_adjusted, 1)
    assert second.difference.low == pytest.approx(0.3 * first.difference.low)


def test_a_metric_without_outcomes_takes_the_two_errors(folder):
    for name, value in (("ca", 0.50), ("cb", 0.60)):
        folder.add(
            a_record(checkpoint=name, metric="f1", value=value, stderr=0.03, unit="fraction", higher_is_better=True)
        )
    [found] = folder.compare().compared
    assert found.difference.stderr == pytest.approx(0.03 * 2**0.5)
    assert found.difference.p == pytest.approx(0.0184, abs=1e-4)  # z = 2.357
    assert (found.better, found.difference.units) == ("B", 0)


def test_outcomes_of_another_measurement_are_not_used(folder):
    right = np.array([1.0, 0.0, 1.0, 1.0])
    folder.add(accuracy("ca", right), {"correct": (right,)})
    folder.add(accuracy("cb", right[:2]), {"correct": (right,)})
    [found] = folder.compare().compared
    assert found.difference.test == "the two standard errors"


def test_p_values_are_adjusted_for_how_many_are_tested(folder):
    generator = np.random.default_rng(4)
    right = {}
    for task, gap in (("glue/rte", 0.15), ("glue/cola", 0.12), ("glue/sst2", 0.0)):
        a = (generator.random(150) < 0.7).astype(float)
        b = np.where(generator.random(150) < gap, 0.0, a)
        right[task] = (a, b)
        for name, one in zip(("ca", "cb"), (a, b), strict=True):
            folder.add(accuracy(name, one, task=task), {"correct": (one,)})
    found = folder.compare()
    plain = [mcnemar(*(side.astype(bool) for side in right[task])).p for task in right]
    assert found.tests == 3
    low, middle = sorted(plain)[:2]
    adjusted = sorted(one.p_adjusted for one in found.compared)
    assert adjusted[:2] == pytest.approx([3 * low, max(3 * low, 2 * middle)])
    assert folder.compare("glue/rte").tests == 1
    assert [one.task for one in folder.compare("glue/[rc]*").compared] == ["glue/rte", "glue/cola"]


def test_equal_checkpoints_are_not_told_apart(folder):
    right, nats, tokens = np.array([1.0, 0.0, 1.0, 1.0]), np.array([30.0, 42.0, 9.0]), np.array([10.0, 12.0, 3.0])
    for name in ("ca", "cb"):
        folder.add(accuracy(name, right), {"correct": (right,)})
        folder.add(loss(name, nats, tokens), {"nats_per_token": (nats, tokens)})
    found = folder.compare().compared
    assert [(one.difference.difference, one.p_adjusted, one.better) for one in found] == [(0.0, 1.0, None)] * 2


def test_what_may_not_be_compared_is_told(folder):
    nats, tokens = np.array([30.0, 42.0, 9.0]), np.array([10.0, 12.0, 3.0])
    for name in ("ca", "cb"):
        folder.add(loss(name, nats, tokens), {"nats_per_token": (nats, tokens)}, tokenizer=f"of {name}")
        folder.add(accuracy(name, tokens > 5), {"correct": ((tokens > 5).astype(float),)}, tokenizer=f"of {name}")
        other = digest({"task": "other", "window": name})
        folder.add(
            a_record(checkpoint=name, task="lm_loss/web", unit="bits per byte", metric="bits_per_byte", signature=other,
                     context=other, key=key_of(other, name, None)),
            parts={"loss": {"window": 128 if name == "ca" else 256}}, tokenizer=f"of {name}",
        )  # fmt: skip
    found = folder.compare()
    assert [one.metric for one in found.compared] == ["accuracy"]
    told = {(apart.task, apart.metric): apart.reason for apart in found.apart}
    assert "different tokenizers" in told["lm_loss/wiki", "nats_per_token"]
    assert "loss.window: 128 / 256" in told["lm_loss/web", "bits_per_byte"]
    with pytest.raises(
        HarnessError,
        match=r"nothing to compare: lm_loss/web bits_per_byte: measured in two ways .*loss.window: 128 / 256",
    ):
        folder.compare("lm_loss/web")


def test_bad_input(folder, tmp_path):
    with pytest.raises(HarnessError, match=r"holds no results.jsonl; measure first"):
        compare(tmp_path, "ca", "cb")
    right = np.ones(3)
    folder.add(accuracy("ca", right), {"correct": (right,)}, names=("ca", "family/step=10"))
    folder.add(accuracy("cb", right, task="glue/cola"), {"correct": (right,)})
    with pytest.raises(HarnessError, match=r"no checkpoint 'family/step=1' .*did you mean 'family/step=10'"):
        compare(folder.path, "family/step=1", "cb")
    with pytest.raises(HarnessError, match=r"'ca' and 'family/step=10' are one checkpoint"):
        compare(folder.path, "ca", "family/step=10")
    with pytest.raises(HarnessError, match=r"share no task .*: ca on glue/rte; cb on glue/cola"):
        folder.compare()
    with pytest.raises(HarnessError, match=r"no task 'glue/rt' was measured on ca and cb; did you mean 'glue/rte'"):
        folder.compare("glue/rt")


def test_the_command(folder):
    generator = np.random.default_rng(5)
    a = (generator.random(200) < 0.8).astype(float)
    b = np.where(generator.random(200) < 0.2, 0.0, a)
    for name, right in (("ca", a), ("cb", b)):
        folder.add(accuracy(name, right, seed=1), {"correct": (right,)})
    shown = CliRunner().invoke(app, ["compare", str(folder.path), "ca", "cb"], catch_exceptions=False)
    assert shown.exit_code == 0
    for part in ("glue/rte", "McNemar, exact", "200 examples", "adjusted by Holm for 1 tests", ONE_SEED):
        assert part in shown.output
    told = json.loads(
        CliRunner().invoke(app, ["compare", str(folder.path), "ca", "cb", "-t", "glue/*", "--json"]).output
    )
    assert (told["a"], told["b"], told["tests"]) == ("ca", "cb", 1)
    assert told["compared"][0]["difference"]["p"] == pytest.approx(mcnemar(a.astype(bool), b.astype(bool)).p)


def test_a_plain_t_is_scipys(folder):
    generator = np.random.default_rng(6)
    a, b = generator.normal(3, 1, size=(2, 40))
    for name, one in (("ca", a), ("cb", b)):
        folder.add(loss(name, one, np.ones(40)), {"nats_per_token": (one,)})
    [found] = folder.compare().compared
    assert found.difference.p == pytest.approx(ttest_rel(a, b).pvalue, rel=1e-9)
