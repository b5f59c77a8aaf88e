"""Planted choices: corpora that order tasks oppositely, a grid whose best run inflates, train sizes; and none of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from slope_examples import info, record

from harness.results.record import Record
from harness.results.roles import Roles
from harness.results.signature import digest, key_of
from harness.slopes import fit_all
from harness.slopes.join import join
from harness.slopes.sensitivity.board import Sensitivities, sensitivities
from harness.slopes.sensitivity.options import Flip

NAMES = tuple(f"c{n:02d}" for n in range(60))
INFOS = {name: info(name) for name in NAMES}
RNG = np.random.default_rng(3)
# Two orthogonal rows of equal length: skills that tell nothing of one another.
SKILLS = 0.3 * np.sqrt(len(NAMES)) * np.linalg.svd(RNG.normal(size=(2, len(NAMES))), full_matrices=False)[2]
NOISE = RNG.normal(0, 0.002, (2, len(NAMES)))


def roles(**known: Any) -> Roles:
    return Roles(**{"upstream": ("loss",), "flatness": (), "downstream": ("rte",), "families": {"f": NAMES}, **known})


def found(records: list[Record], suite: Roles, contexts: dict[str, Any] | None = None) -> Sensitivities:
    fits = fit_all(join(records, INFOS, suite))
    return sensitivities(records, INFOS, contexts or {}, suite, fits)


def corpora(books: tuple[int, int]) -> Sensitivities:
    """Two skills; rte needs the first and cola the second, the wiki loss is of the first, books a mix of the two."""
    losses = {"wiki": 3 - SKILLS[0], "books": 3 - books[0] * SKILLS[0] - books[1] * SKILLS[1]}
    accuracies = {"rte": 0.6 + 0.1 * SKILLS[0] + NOISE[0], "cola": 0.6 + 0.1 * SKILLS[1] + NOISE[1]}
    kind = {"metric": "nats_per_token", "unit": "nats per token", "higher_is_better": False}
    records = [record(n, task, float(x), **kind) for task, xs in losses.items() for n, x in zip(NAMES, xs, strict=True)]
    records += [record(n, task, float(y)) for task, ys in accuracies.items() for n, y in zip(NAMES, ys, strict=True)]
    return found(records, roles(upstream=("wiki", "books"), downstream=("rte", "cola")))


def test_two_corpora_that_order_the_tasks_oppositely() -> None:
    answers = {answer.task: answer for answer in corpora((0, 1)).answers}
    assert answers["rte"].flips == (Flip("cola accuracy", "wiki", "books"),)
    assert answers["cola"].flips == (Flip("rte accuracy", "books", "wiki"),)
    assert [option.name for option in answers["rte"].options] == ["wiki", "books"]
    (order,) = corpora((0, 1)).orders
    assert (order.first, order.second, order.tasks, order.tau) == ("wiki", "books", 2, -1.0)


def test_a_corpus_whose_loss_falls_as_skill_does_turns_the_sign() -> None:
    answers = {answer.task: answer for answer in corpora((-1, 0)).answers}
    assert answers["rte"].sign == "turns"
    assert [option.sign for option in answers["rte"].options] == [1, -1]


def test_nothing_flips_where_the_corpora_agree() -> None:
    agreed = corpora((1, 0))
    assert all(answer.flips == () for answer in agreed.answers)
    assert agreed.answers[0].sign == "holds" and [order.tau for order in agreed.orders] == [1.0]


def test_one_option_of_everything_is_nothing_to_say() -> None:
    records = [record(name, task, 3 - n / 10) for n, name in enumerate(NAMES) for task in ("loss", "rte")]
    assert found(records, roles()) == Sensitivities()


PARTS = {"task": {"name": "rte"}, "version": 1, "policy": {"protocol": {"learning_rates": [1e-5, 2e-5]}}}


def grid(score: dict[float, np.ndarray], held_out: dict[float, np.ndarray]) -> tuple[list[Record], dict[str, Any]]:
    """Losses, every run of a grid, and the cells chosen on the held-out part; contexts as the evaluator writes them."""
    cell = digest(PARTS)
    parts = {rate: {**PARTS, "stage": {"learning_rate": rate}} for rate in score}
    contexts = {f"grid {rate}": {"parts": found} for rate, found in parts.items()} | {"cell": {"parts": PARTS}}
    records = [record(name, "loss", 2 + n / 10) for n, name in enumerate(NAMES)]
    for n, name in enumerate(NAMES):
        for rate in score:
            for metric, values in (("accuracy", score), ("held_out_accuracy", held_out)):
                run = record(name, "rte", float(values[rate][n]), metric=metric, signature=digest(parts[rate]), seed=1)
                records.append(replace(run, stage="grid", context=f"grid {rate}"))
        best = max(score, key=lambda rate: held_out[rate][n])
        chosen = {"key": "k", "learning_rate": best, "chosen_on": "held-out part", "by": "held_out_accuracy"}
        cell_record = record(name, "rte", float(score[best][n]), signature=cell, seed=1)
        records.append(replace(cell_record, context="cell", selected=chosen))
    return records, contexts


def test_the_best_on_the_scored_split_inflates_by_what_hand_computation_says() -> None:
    n = np.arange(len(NAMES))
    low = 0.8 - 0.005 * n
    # On the scored split the high rate is better by 0.03 on odd checkpoints and worse by 0.01 on even ones;
    # held out, the low rate always looks better, so it is what was chosen.
    high = low + np.where(n % 2, 0.03, -0.01)
    records, contexts = grid({1e-5: low, 2e-5: high}, {1e-5: low + 0.1, 2e-5: low})
    (answer,) = found(records, roles(), contexts).answers
    assert answer.choice == "learning rate" and answer.sign == "holds"
    shifts = {option.name: option.shift for option in answer.options}
    assert list(shifts) == ["as measured", "best on the scored split", "learning rate 1e-05", "learning rate 2e-05"]
    assert shifts["as measured"] is None and shifts["learning rate 1e-05"] == 0
    assert shifts["best on the scored split"] == pytest.approx(0.03 / 2)
    assert shifts["learning rate 2e-05"] == pytest.approx((0.03 - 0.01) / 2)
    by_name = {option.name: option.fit for option in answer.options}
    assert by_name["learning rate 1e-05"].transfer_slope == by_name["as measured"].transfer_slope
    best = [point.y for point in by_name["best on the scored split"].cell.points]
    assert best == pytest.approx(np.maximum(low, high).tolist())


def test_a_rate_that_turns_the_sign() -> None:
    n = np.arange(len(NAMES))
    falls, rises = 0.8 - 0.005 * n + NOISE[0], 0.5 + 0.005 * n + NOISE[1]
    records, contexts = grid({1e-5: falls, 2e-5: rises}, {1e-5: falls + 1, 2e-5: rises})
    (answer,) = found(records, roles(), contexts).answers
    assert answer.sign == "turns"
    assert {o.name: o.sign for o in answer.options}["learning rate 2e-05"] == -1


def test_a_rate_that_diverged_on_some_is_refitted_on_the_others() -> None:
    n = np.arange(len(NAMES))
    records, contexts = grid({1e-5: 0.8 - 0.005 * n, 2e-5: 0.7 - 0.005 * n}, {1e-5: 1.0 - n / 200, 2e-5: 0.9 - n / 200})
    kept = [r for r in records if not (r.context == "grid 2e-05" and r.checkpoint in NAMES[:3])]
    (answer,) = found(kept, roles(), contexts).answers
    by_name = {option.name: option for option in answer.options}
    assert by_name["learning rate 2e-05"].fit.n_points == 57
    assert by_name["learning rate 2e-05"].shift == pytest.approx(-0.1)
    assert by_name["best on the scored split"].fit.n_points == 60


def train_sizes(rows: tuple[int | None, ...]) -> Sensitivities:
    contexts, records = {}, [record(name, "loss", 2 + n / 10) for n, name in enumerate(NAMES)]
    for size in rows:
        task = f"rte{size or ''}"
        protocol = {"epochs": 3.0} | ({"train_rows": size} if size else {})
        parts = {"task": {"name": task, "metrics": ["accuracy"]}, "policy": {"protocol": protocol}}
        contexts[task] = {"parts": parts}
        steep = 0.005 if size is None else 0.005 * size / 1000
        for n, name in enumerate(NAMES):
            one = record(name, task, 0.8 - steep * n + float(NOISE[0][n]), signature=digest(parts))
            records.append(replace(one, context=task, key=key_of(digest(parts), name, None)))
    return found(records, roles(downstream=tuple(f"rte{size or ''}" for size in rows)), contexts)


def test_train_sizes_stand_side_by_side_under_the_name_of_the_largest() -> None:
    (answer,) = train_sizes((100, None, 500)).answers
    assert (answer.choice, answer.task) == ("train rows", "rte")
    assert [option.name for option in answer.options] == ["100 rows", "500 rows", "all rows"]
    slopes = [option.fit.transfer_slope for option in answer.options]
    assert slopes == pytest.approx([0.0005, 0.0025, 0.005], abs=1e-4)


def test_one_train_size_is_no_choice() -> None:
    assert train_sizes((500,)) == Sensitivities()
