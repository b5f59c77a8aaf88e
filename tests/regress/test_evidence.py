"""Which test a cell gets, by what its measurement keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from regress_examples import Cell, folder, right

from harness.measures.translation.metrics import METRICS
from harness.regress.cell import Compared, Measured, Name, Pair
from harness.regress.evidence import evidence
from harness.regress.outcomes import Outcomes, flips, read_kept
from harness.regress.pairing import pairs
from harness.regress.side import read_side


def compared(tmp_path, before: Cell, now: Cell) -> dict[str, Compared]:
    sides = read_side(folder(tmp_path / "a", before)), read_side(folder(tmp_path / "b", now, identity="weights:2"))
    kept = [read_kept(side.folder, {record.key for record in side.store.records}) for side in sides]
    return {cell.name.metric: cell for cell in evidence(pairs(*sides), kept[0], kept[1], [])}


def test_flatness_is_paired_over_the_draws_that_both_have(tmp_path):
    draws = np.random.default_rng(0)
    terms = draws.gamma(2, 100, 90)
    before = Cell("flat", "fisher_trace", terms[:60], np.full(60, 10.0))
    now = Cell("flat", "fisher_trace", 1.5 * terms, np.full(90, 10.0))
    found = compared(tmp_path, before, now)["fisher_trace"].difference
    assert found.value == pytest.approx(0.5 * terms[:60].sum() / 600)
    assert found.examples == 60 and "60 draws" in found.method


def test_f1_has_the_errors_of_both_values_and_seeds_on_top(tmp_path):
    before, now = Cell(metric="f1", values=[0.8, 0.82, 0.81]), Cell(metric="f1", values=[0.7, 0.72, 0.71])
    found = compared(tmp_path, before, now)["f1"]
    assert found.difference.stderr**2 == pytest.approx(2 * 0.01**2 + 2 * 0.0001 / 3)
    assert found.difference.method == "standard errors of both values" and found.least_seeds == 3


def test_other_examples_are_not_paired(tmp_path):
    found = compared(tmp_path, Cell(outcomes=right(0.8, 400)), Cell(outcomes=right(0.7, 300)))["accuracy"]
    assert found.difference.method == "standard errors of both values" and found.flips is None


def test_a_difference_by_a_constant_is_a_copy_and_an_unlike_one_is_not(tmp_path):
    nats = np.random.default_rng(1).gamma(2, 20, 50)
    weights = np.full(50, 10.0)
    value = [float(side.sum() / 500) for side in (nats, 1.1 * nats)]
    before = Cell("wiki", "nats_per_token", nats, weights, more={"bits_per_byte": [value[0] - 0.3]})
    now = Cell("wiki", "nats_per_token", 1.1 * nats, weights, more={"bits_per_byte": [value[1] - 0.3]})
    found = compared(tmp_path, before, now)
    assert found["bits_per_byte"].copies == found["nats_per_token"].name
    assert found["bits_per_byte"].difference.stderr == found["nats_per_token"].difference.stderr
    other = replace(now, more={"bits_per_byte": [value[1] - 0.29]})
    assert compared(tmp_path / "other", before, other)["bits_per_byte"].copies is None


def test_losses_name_the_documents_that_moved_most(tmp_path):
    nats = np.full(20, 30.0)
    worse = nats.copy()
    worse[[4, 9]] += [5.0, 8.0]
    worse[2] -= 1.0
    weights = np.full(20, 10.0)
    before, now = (Cell("wiki", "nats_per_token", side, weights) for side in (nats, worse))
    found = compared(tmp_path, before, now)["nats_per_token"].flips
    assert (found.worse, found.better, found.scored) == ((9, 4), (2,), 20)


def bleu(key: str, matched: np.ndarray, counted: np.ndarray) -> dict[tuple[str, str], Outcomes]:
    """Statistics of segments as the kind translation keeps them."""
    rows, length = np.arange(len(counted)), counted[:, :1]
    table = np.hstack([length, length, matched, counted]).astype(float)
    names = METRICS["bleu"].statistic_names
    return {(key, name): Outcomes(rows, rows, table[:, n], np.ones(len(rows))) for n, name in enumerate(names)}


def test_bleu_is_tested_over_segments_and_names_those_that_moved(tmp_path):
    counted = np.random.default_rng(2).integers(8, 20, (40, 1)) - np.arange(4)
    good = counted - 1
    bad = good.copy()
    bad[[7, 21]] //= 2
    cell = Cell("wmt", "acc", values=[30.0])
    record = read_side(folder(tmp_path / "a", cell)).store.records[0]
    sides = [Measured((replace(record, metric="bleu", unit="points", key=key),), None, "translation") for key in "ab"]
    kept = bleu("a", good, counted), bleu("b", bad, counted)
    found = evidence([Pair(Name("wmt", "bleu", "model"), "metric", *sides)], *kept, [])[0]
    assert "bootstrap" in found.difference.method and found.difference.value < 0 and found.difference.exact is not None
    assert set(flips(*sides, *kept).worse) == {7, 21} and found.margin == 0.5
