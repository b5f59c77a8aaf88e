"""Cells fitted by several processes, and from rows instead of records: the same answers."""

from __future__ import annotations

import pickle
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from slope_examples import info, record

from harness.results.record import Record
from harness.results.roles import Roles
from harness.results.store import Store
from harness.slopes import parallel
from harness.slopes.curves import LOSSES, SCORES, SHARES
from harness.slopes.fit import fit_all
from harness.slopes.join import join

FAMILIES = {f"f{f}": tuple(f"f{f}/{c}" for c in range(9)) for f in range(3)}
INFOS = {name: info(name, step=n) for names in FAMILIES.values() for n, name in enumerate(names)}
ROLES = Roles(("loss",), (), ("rte", "cola"), FAMILIES)


def mixed() -> list[Record]:
    """Lines and sigmoids under two seeds; an older version, a partial value, a failure, grid runs, a value mended."""
    rng = np.random.default_rng(0)
    found = []
    for names in FAMILIES.values():
        for name, loss in zip(names, rng.uniform(2, 3, 9).tolist(), strict=True):
            found.append(record(name, "loss", loss, stderr=0.004))
            for seed in (1, 2):
                noise = float(rng.normal(0, 0.004))
                known = {"seed": seed, "stderr": 0.01, "details": {"chance": 0.5}}
                found.append(record(name, "rte", 0.9 - 0.1 * (loss - 2) + noise, **known))
                found.append(record(name, "cola", 0.6 + 0.3 / (1 + np.exp(9 * (loss - 2.5))) + noise, **known))
    one = found[1]
    failed = record("f0/0", "rte", None, seed=9, metric="error", unit="", error="no disk")
    older = replace(one, key="older", value=0.1, task_version=0, signature="older")
    return [*found, failed, older, replace(one, key="part", partial="limit 10"), replace(one, key="g", stage="grid"),
            replace(one, value=0.77)]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("mixed")
    with Store.writing(path) as writer:
        writer.add_all(mixed(), [], INFOS.values())
    return path


def test_rows_give_the_cells_and_fits_of_records(folder) -> None:
    whole, light = Store(folder), Store.of_rows(folder)
    cells = join(whole.records, whole.checkpoints, ROLES)
    assert join(light.records, light.checkpoints, ROLES) == cells
    assert len(cells) == 6 and cells[0].downstream.chance == 0.5 and cells[0].points[0].seeds == 2
    fits = fit_all(cells)
    assert fit_all(join(light.records, light.checkpoints, ROLES)) == fits
    assert {fit.status for fit in fits} & {"ok", "provisional"}


def test_two_processes_give_the_fits_of_one() -> None:
    cells = join(mixed()[:-1], INFOS, ROLES)
    cells.append(replace(cells[0], points=cells[0].points[:2]))
    one, two = parallel.fit_cells(cells, workers=1), parallel.fit_cells(cells, workers=2)
    assert one == two and all(fit.cell is cell for fit, cell in zip(two, cells, strict=True))
    assert two[-1].status == "refused"
    for a, b in zip(one[:-1], two[:-1], strict=True):
        assert a.fitted.curve is b.fitted.curve
        assert np.array_equal(a.fitted.without, b.fitted.without)
    rte = [fit for fit in two[:-1] if fit.cell.downstream.task == "rte"]
    assert len(rte) == 3 and all(fit.comparison is rte[0].comparison for fit in rte)
    assert rte[0].comparison.families.mean == one[0].comparison.families.mean
    assert all(fit.work is None for fit in (*one, *two))


def test_a_curve_is_itself_after_a_journey() -> None:
    for curve in (*LOSSES, *SHARES, *SCORES):
        assert pickle.loads(pickle.dumps(curve)) is curve


def test_few_cells_threads_and_torch_stay_in_one_process(monkeypatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert [parallel.workers_for(n) for n in (0, 199, 399, 400, 10**4)] == [0, 0, 1, 2, 2]
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert parallel.workers_for(10**4) == 1
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setitem(sys.modules, "torch", object())
    assert parallel.workers_for(10**4) == 1
