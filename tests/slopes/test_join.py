"""Records meet roles: what becomes x and y, what is left out, and what may not share a line."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from typing import Any

import pytest
from slope_examples import info, record

from harness.errors import HarnessError
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes import Cell, fit_cell
from harness.slopes.join import join

NAMES = tuple("abcdefgh")


def roles(**known: Any) -> Roles:
    """One family, one upstream task, one downstream task."""
    plain = {"upstream": ("loss",), "flatness": ("trace",), "downstream": ("rte",), "families": {"f": NAMES}}
    return Roles(**{**plain, **known})


def measured(names: tuple[str, ...] = NAMES, **known: Any) -> list[Record]:
    """A loss and an accuracy for each checkpoint."""
    losses = [record(name, "loss", 3 - i / 10) for i, name in enumerate(names)]
    return losses + [record(name, "rte", 0.5 + i / 100, **known) for i, name in enumerate(names)]


def infos(*changes: CheckpointInfo) -> dict[str, CheckpointInfo]:
    """All checkpoints, some of them replaced."""
    return {**{name: info(name) for name in NAMES}, **{change.identity: change for change in changes}}


def only(cells: list[Cell]) -> Cell:
    """The one cell there is."""
    (cell,) = cells
    return cell


def test_points_in_the_family_s_order() -> None:
    cell = only(join(reversed(measured()), infos(info("c", run="r", step=7)), roles()))
    assert [point.name for point in cell.points] == list(NAMES)
    assert (cell.points[2].run, cell.points[2].step, cell.points[2].x, cell.points[2].y) == ("r", 7, 2.8, 0.52)
    assert cell.upstream.task == "loss" and cell.downstream.metric == "accuracy" and cell.incomparable is None
    assert not any(point.partial for point in cell.points)


def test_a_checkpoint_is_found_by_any_of_its_names() -> None:
    found = infos(info("a", names=("org/model@main", "org/model")))
    cell = only(join(measured(), found, roles(families={"f": ("org/model", "org/model@main", "b", "unknown")})))
    assert [point.name for point in cell.points] == ["org/model", "b"]


def test_what_does_not_count() -> None:
    extra = [
        record("a", "rte", 0.1, stage="grid", seed=1),
        record("a", "rte", None, seed=2, error="out of memory"),
        record("a", "trace", 9.0),
        record("a", "unlisted", 9.0),
        record("zz", "rte", 0.3),
    ]
    assert join(measured() + extra, infos(), roles()) == join(measured(), infos(), roles())


def test_mean_over_seeds() -> None:
    seeds = [record("a", "rte", value, seed=seed, stderr=0.03) for seed, value in enumerate((0.50, 0.54, 0.58))]
    point = only(join([record("a", "loss", 3.0, stderr=0.01), *seeds], infos(), roles())).points[0]
    assert point.y == pytest.approx(0.54) and point.seeds == 3
    assert point.y_stderr == pytest.approx(math.sqrt(0.03**2 + 0.04**2 / 3))
    assert point.x_stderr == 0.01


def test_standard_error_of_what_is_known() -> None:
    loss = record("a", "loss", 3.0)

    def stderr(*seeds: Record) -> float | None:
        return only(join([loss, *seeds], infos(), roles())).points[0].y_stderr

    assert stderr(record("a", "rte", 0.5)) is None
    assert stderr(record("a", "rte", 0.5, stderr=0.02)) == pytest.approx(0.02)
    spread = stderr(record("a", "rte", 0.5, seed=1), record("a", "rte", 0.6, seed=2))
    assert spread == pytest.approx(0.05)


def test_headline_metric() -> None:
    losses = [record(name, "loss", 4.0, metric="bits_per_byte", unit="bits per byte") for name in NAMES]
    f1 = [record(name, "rte", 0.3, metric="f1") for name in NAMES]
    every = measured() + losses + f1
    first, second = join(every, infos(), roles())
    assert first.upstream.metric == "nats_per_token"
    assert (first.downstream.metric, second.downstream.metric) == ("accuracy", "f1")
    first, second = join(every, infos(), roles(headline={"loss": "bits_per_byte", "rte": "f1"}))
    assert first.upstream.metric == "bits_per_byte"
    assert (first.downstream.metric, second.downstream.metric) == ("f1", "accuracy")
    with pytest.raises(HarnessError, match="did you mean 'bits_per_byte'"):
        join(every, infos(), roles(headline={"loss": "bit_per_byte"}))


def test_the_best_there_is_is_the_ceiling_where_it_is_known() -> None:
    assert only(join(measured(), infos(), roles())).downstream.best == 1.0
    known = measured(details={"chance": 0.25, "bayes": 0.625})
    assert only(join(known, infos(), roles())).downstream.best == 0.625


def test_upstream_is_not_fitted_against_itself_and_flatness_not_at_all() -> None:
    every = measured() + [record(name, "books", 3.5 - i / 9, metric="loss") for i, name in enumerate(NAMES)]
    cells = join(every, infos(), roles(upstream=("loss", "books"), downstream=("rte", "loss")))
    assert [(cell.upstream.task, cell.downstream.task) for cell in cells] == [
        ("loss", "rte"), ("books", "rte"), ("books", "loss"),
    ]  # fmt: skip


def test_a_family_without_a_loss_is_a_cell_without_points() -> None:
    cell = only(join([r for r in measured() if r.task == "rte"] + [record("zz", "loss", 2.0)], infos(), roles()))
    assert cell.points == ()


def changed(records: list[Record], name: str, task: str, **known: Any) -> list[Record]:
    """The records, with one of them changed."""
    return [dataclasses.replace(r, **known) if (r.checkpoint, r.task) == (name, task) else r for r in records]


@pytest.mark.parametrize(
    ("task", "known", "told"),
    [
        ("rte", {"signature": "another"}, "rte .accuracy. was measured under 2 signatures"),
        ("loss", {"signature": "another"}, "loss .nats_per_token. was measured under 2 signatures"),
        ("rte", {"partial": "limit 10"}, "limit 10.* for 1 of 8 checkpoints"),
        ("loss", {"partial": "limit 10"}, "loss was measured on part"),
        ("rte", {"unit": "percent"}, "in fraction .* and in percent"),
        ("rte", {"higher_is_better": False}, "lower is better"),
        ("rte", {"task_version": 2, "signature": "newer"}, "2 signatures"),
    ],
)
def test_records_that_may_not_share_a_line(task: str, known: dict[str, Any], told: str) -> None:
    cell = only(join(changed(measured(), "c", task, **known), infos(), roles()))
    assert cell.incomparable is not None
    assert re.search(told, cell.incomparable)
    assert len(cell.points) == 8


def test_two_objectives() -> None:
    found = infos(info("a", objective="masked"), *(info(name, objective="causal") for name in "bcd"))
    assert "causal and masked" in str(only(join(measured(), found, roles())).incomparable)


def test_two_tokenizers_need_bits_per_byte() -> None:
    found = infos(info("a", tokenizer="one"), info("b", tokenizer="two"))
    assert "2 tokenizers" in str(only(join(measured(), found, roles())).incomparable)
    bytewise = [
        dataclasses.replace(r, metric="bits_per_byte", unit="bits per byte") if r.task == "loss" else r
        for r in measured()
    ]
    assert only(join(bytewise, found, roles())).incomparable is None


def test_partial_everywhere_is_partial_and_comparable() -> None:
    cell = only(join(measured(partial="limit 10"), infos(), roles()))
    assert cell.incomparable is None and all(point.partial for point in cell.points)


def test_a_whole_record_stands_in_for_a_partial_one() -> None:
    quick = [record(name, "rte", 0.9, signature="limited", partial="limit 10") for name in NAMES]
    assert join(quick + measured(), infos(), roles()) == join(measured(), infos(), roles())


def test_a_newer_version_measured_everywhere_stands_in_for_the_older() -> None:
    newer = [record(name, "rte", 0.7 + i / 100, signature="v2", task_version=2) for i, name in enumerate(NAMES)]
    cell = only(join(measured() + newer, infos(), roles()))
    assert cell.incomparable is None and cell.points[0].y == 0.7


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused_by_name(value: float) -> None:
    wrong = [record(NAMES[0], "rte", value), *(r for r in measured() if (r.checkpoint, r.task) != (NAMES[0], "rte"))]
    fit = fit_cell(only(join(wrong, infos(), roles())))
    assert [flag.code for flag in fit.refusals] == ["NOT-FINITE"] and fit.transfer_slope is None


def test_duplicates() -> None:
    assert join(measured() * 2, infos(), roles()) == join(measured(), infos(), roles())
    with pytest.raises(HarnessError, match="recorded twice"):
        join([*measured(), record("a", "rte", 0.9)], infos(), roles())


def test_twenty_thousand_records() -> None:
    names = [f"c{i}" for i in range(200)]
    one = record("a", "rte", 0.5)
    records = [
        dataclasses.replace(one, checkpoint=name, task=f"task {t}", seed=seed, key=f"{name} {t} {seed}")
        for name in names for t in range(33) for seed in range(3)
    ]  # fmt: skip
    records += [record(name, "loss", 3.0, key=f"{name} loss") for name in names]
    families = {f"f{i}": tuple(names[10 * i : 10 * i + 10]) for i in range(20)}
    wanted = roles(families=families, downstream=tuple(f"task {t}" for t in range(33)))
    start = time.process_time()
    cells = join(records, {name: info(name) for name in names}, wanted)
    assert time.process_time() - start < 8  # a few tenths on an idle core
    assert len(cells) == 660 and all(len(cell.points) == 10 and cell.points[0].seeds == 3 for cell in cells)


def test_a_family_that_was_made_anew_is_not_counted_twice():
    from harness.results.record import CheckpointInfo
    from harness.slopes.join import identities_by_name

    infos = {i: CheckpointInfo(identity=i, names=("family/step=1",), run="r") for i in ("old", "new")}
    assert identities_by_name(infos) == {"family/step=1": "new"}


def test_an_upstream_task_that_a_family_was_never_scored_on_makes_no_cell() -> None:
    fields = {
        "key": "k",
        "unit": "nats per token",
        "higher_is_better": False,
        "task_version": 1,
        "signature": "s",
        "context": "c",
    }

    def row(task: str, checkpoint: str, value: float) -> Record:
        return Record(
            **{**fields, "key": f"{task}{checkpoint}"}, metric="loss", task=task, checkpoint=checkpoint, value=value
        )

    infos = {name: CheckpointInfo(identity=name, names=(name,), run=name) for name in "abcd"}
    records = [row("wiki", "a", 2.0), row("wiki", "b", 3.0), row("task", "a", 1.0), row("task", "b", 2.0), row("books", "d", 1.0),
               row("task", "c", 1.5)]  # fmt: skip
    roles = Roles(
        upstream=("wiki", "books"), flatness=(), downstream=("task",),
        families={"scored": ("a", "b"), "never": ("c",), "books": ("d",)},
    )  # fmt: skip
    cells = join(records, infos, roles)
    assert [(cell.family, cell.upstream.task, len(cell.points)) for cell in cells] == [
        ("scored", "wiki", 2),
        ("never", "wiki", 0),
    ]


BLEU = {"metric": "bleu", "unit": "points", "higher_is_better": True}


def translated(**floors: float) -> list[Record]:
    """General BLEU and loss of each checkpoint, and BLEU of a domain after adaptation with all that stands beside it."""
    found = []
    for i, name in enumerate(NAMES):
        details = {"chance": 0.5, "floor": floors[name]} if name in floors else None
        more = {"stderr": 0.5, **BLEU}
        found += [record(name, "news", 20.0 + i, **more), record(name, "news", 2.0 - i / 10, metric="nats_per_token",
                  unit="nats per token", higher_is_better=False)]  # fmt: skip
        found.append(record(name, "law", 10.0 + i, **more, details=details))
        for metric in ("bleu_before", "general_bleu", "general_bleu_before"):
            found.append(record(name, "law", 5.0, **{**more, "metric": metric}))
    return found


def test_a_suite_names_the_metrics_that_predict() -> None:
    """Several of one task, each an axis with its own title; without a word, the first that was recorded."""
    plain = roles(upstream=("news",), downstream=("law",))
    assert [(c.upstream.metric, c.upstream.title) for c in join(translated(), infos(), plain)] == [("bleu", "news")]
    both = dataclasses.replace(plain, predictors={"news": ("bleu", "nats_per_token")})
    cells = join(translated(), infos(), both)
    assert [c.upstream.title for c in cells] == ["news bleu", "news nats_per_token"]
    fits = {cell.upstream.metric: fit_cell(cell) for cell in cells}
    assert fits["bleu"].transfer_slope == pytest.approx(1.0) and fits["bleu"].per == 1
    assert fits["nats_per_token"].transfer_slope == pytest.approx(1.0) and fits["nats_per_token"].per == 0.1
    with pytest.raises(HarnessError, match="'chrf' of news was not recorded"):
        join(translated(), infos(), dataclasses.replace(plain, predictors={"news": ("chrf",)}))


def test_a_score_is_fitted_on_a_loss_of_its_own_task_where_that_is_asked_for() -> None:
    own = roles(upstream=("news",), downstream=("news",), predictors={"news": ("bleu", "nats_per_token")})
    assert [(c.upstream.metric, c.downstream.metric) for c in join(translated(), infos(), own)] == [
        ("nats_per_token", "bleu")
    ]
    assert join(translated(), infos(), roles(upstream=("news",), downstream=("news",))) == []


def test_values_before_adaptation_and_of_other_domains_carry_no_slope() -> None:
    cells = join(translated(), infos(), roles(upstream=("news",), downstream=("law",)))
    assert [cell.downstream.metric for cell in cells] == ["bleu"]


def test_each_checkpoint_has_its_own_floor_and_does_not_count_within_two_errors_of_it() -> None:
    """The floor is the larger of copied sources and outputs for other sources, which differs by checkpoint."""
    plain = roles(upstream=("news",), downstream=("law",))
    cell = only(join(translated(a=9.5, b=9.5, c=11.0, h=3.0), infos(), plain))
    assert [point.y_floor for point in cell.points] == [9.5, 9.5, 11.0, None, None, None, None, 3.0]
    fit = fit_cell(cell)  # a has 10 and c 12, a floor and two errors at most; b has 11, by more above it
    assert fit.excluded == (("a", "floor"), ("c", "floor")) and fit.n_points == 6
    floors = next(flag.text for flag in fit.flags if flag.code == "CENSORED")
    assert "floors 3 to 11, each checkpoint its own" in floors
    all_down = only(join(translated(**dict.fromkeys(NAMES, 30.0)), infos(), plain))
    assert fit_cell(all_down).status == "refused" and "CENSORED" in {f.code for f in fit_cell(all_down).refusals}


def test_a_score_upstream_has_a_floor_too() -> None:
    floored = [
        dataclasses.replace(r, details={"floor": 19.5}) if r.task == "news" and r.metric == "bleu" else r
        for r in translated()
    ]
    fit = fit_cell(only(join(floored, infos(), roles(upstream=("news",), downstream=("law",)))))
    assert fit.excluded == (("a", "floor upstream"),)
