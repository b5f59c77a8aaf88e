"""All choices of a board at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.cell import Fit
from harness.slopes.sensitivity.grid import Contexts, grid_sensitivities
from harness.slopes.sensitivity.options import Measure, Option, Order, Sensitivity, compared
from harness.slopes.sensitivity.train_rows import train_row_sensitivities

UPSTREAM = "upstream corpus"


@dataclass(frozen=True, slots=True)
class Sensitivities:
    """What changes under other choices: an answer for each downstream metric, family and choice, and task orders."""

    answers: tuple[Sensitivity, ...] = ()
    orders: tuple[Order, ...] = ()


def sensitivities(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], contexts: Contexts, roles: Roles,
    fits: Sequence[Fit],
) -> Sensitivities:  # fmt: skip
    """Under every upstream corpus, learning rate, rule of selection and train size that the records hold.

    Empty where there is only one option of everything.
    """
    parts = (
        upstream_sensitivities(fits, roles),
        grid_sensitivities(records, checkpoints, contexts, roles, fits),
        train_row_sensitivities(records, contexts, fits),
    )
    return Sensitivities(
        tuple(answer for answers, _ in parts for answer in answers),
        tuple(order for _, orders in parts for order in orders),
    )


def upstream_sensitivities(fits: Sequence[Fit], roles: Roles) -> tuple[list[Sensitivity], list[Order]]:
    """Each family's downstream metrics under every upstream task, in the order of the suite; one metric of each task."""
    place = {task: number for number, task in enumerate(roles.upstream)}
    fits = [
        fit
        for fit in fits
        if fit.cell.upstream.metric in roles.predictors.get(fit.cell.upstream.task, (fit.cell.upstream.metric,))[:1]
    ]
    families: dict[str, dict[Measure, list[Option]]] = {}
    for fit in sorted(fits, key=lambda fit: place.get(fit.cell.upstream.task, len(place))):
        measures = families.setdefault(fit.cell.family, {})
        downstream = fit.cell.downstream
        measures.setdefault((downstream.task, downstream.metric), []).append(Option(fit.cell.upstream.task, fit))
    answers: list[Sensitivity] = []
    orders: list[Order] = []
    for family, measures in families.items():
        more, alike = compared(UPSTREAM, family, "", measures)
        answers, orders = answers + more, orders + alike
    return answers, orders
