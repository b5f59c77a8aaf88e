"""The section "Where the curvature sits": all that the templates say of the flatness tasks that tell how they measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.board.charts import Chart
from harness.board.checkpoint_table import CheckpointRow, Column, apart, checkpoint_rows
from harness.board.flatness_metrics import detailed_tasks
from harness.board.flatness_panels import flatness_charts
from harness.board.flatness_spots import spots
from harness.board.flatness_table import AllDraws, FlatnessRow, Head, flatness_rows, heads
from harness.board.panels import Style
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles

GROUPS = (
    "Letters mark the comparability groups of a column: values under different letters (another architecture, tokenizer or "
    "definition) may not be ranked against each other, and such a column is sorted group by group."
)

CAPTION = (
    "Bars are one standard error; faint lines are what the row-normalised trace S predicts, ρ² S/2 nats for noise of relative "
    "size ρ. Shares are of the trace, by the parts of the network that hold it. Flatness tells checkpoints apart at equal "
    "loss, so the loss stands beside it; raw traces of two architectures share an axis for their course, not for their height."
)
TABLE_NOTE = (
    "Value ± one standard error; the loss is that on the tokens the flatness was measured on, where records say it. The change "
    "since the step before of the same run is paired: on the same draws, with its own 95% interval, and below it the ratio."
)


@dataclass(frozen=True, slots=True)
class FlatnessSection:
    """What the section shows; ``grouped`` is empty where all values of every column may be compared."""

    charts: list[Chart]
    heads: list[Head]
    rows: list[FlatnessRow]
    grouped: str
    further: list[Column]
    further_rows: list[CheckpointRow]


def flatness_section(
    visible: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles, columns: Sequence[Column],
    styles: Mapping[str, Style], draws: AllDraws,
) -> tuple[FlatnessSection | None, list[Column]]:  # fmt: skip
    """The section, None where no flatness task tells how it measured, and the columns that the checkpoints table keeps."""
    tasks = detailed_tasks(visible, roles)
    if not tasks:
        return None, list(columns)
    shown, further = apart(columns, roles, tasks)
    found = spots(visible, checkpoints, roles, tasks)
    head = heads(found, tasks, roles, draws)
    rows = flatness_rows(found, head, checkpoints, draws)
    measured = {spot.identity for spot in found}
    more = [row for row in checkpoint_rows(visible, checkpoints, roles, further) if row.identity in measured]
    return FlatnessSection(
        flatness_charts(found, tasks, styles), head, rows,
        GROUPS if any(value.group for row in rows for value in row.values) else "", further, more if further else [],
    ), shown  # fmt: skip
