"""The section "Does probing predict fine-tuning?": what the probes say of it, and what they found layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.board.charts import Chart
from harness.board.notation import NONE, number, scale_of, value_unit, with_error
from harness.board.panels import Style
from harness.board.probing_layers import LayerValues, ProbedTask, probed_tasks
from harness.board.probing_panels import NO_NAME, by_family, highest_first, probing_charts
from harness.board.probing_text import ProbeRow, probe_rows, probing_sentences
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.probing import Contexts, probe_answers

UNTUNED = "No task of this board is fine-tuned, so that there is nothing to predict yet."
CURVES_NOTE = (
    "Bars are one standard error; a ring marks the layer that the score is taken from, which held-out rows choose unless the task "
    "names it; the dashed line is chance. Within a family the paler lines are of higher upstream loss."
)
TABLE_NOTE = (
    "Values ± one standard error of the checkpoint of the lowest upstream loss of each family (the last one where a loss is not "
    "known), of all layers where they are few; and from which layer the score of how many checkpoints is taken."
)
LAYERS = 7
"""Most layers of a row."""


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One probe on one family, by the checkpoint that stands for it."""

    probe: str
    chance: str
    family: str
    checkpoint: str
    values: str
    taken: str


@dataclass(frozen=True, slots=True)
class ProbingSection:
    """What the section shows; ``rows`` is empty where no task is fine-tuned, ``layers`` where no probe reads layers."""

    sentences: list[str]
    rows: list[ProbeRow]
    charts: list[Chart]
    layers: list[LayerRow]


def probing_section(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], contexts: Contexts, roles: Roles,
    styles: Mapping[str, Style],
) -> ProbingSection | None:  # fmt: skip
    """The section; None where nothing was probed."""
    answers = probe_answers(records, checkpoints, contexts, roles)
    probed = probed_tasks(records, checkpoints, contexts, roles)
    if not answers and not probed:
        return None
    sentences = probing_sentences(answers) if answers else [UNTUNED]
    return ProbingSection(sentences, probe_rows(answers), probing_charts(probed, styles), layer_rows(probed))


def layer_rows(probed: Sequence[ProbedTask]) -> list[LayerRow]:
    """A row for each probe and family."""
    return [
        layer_row(probe, family, group) for probe in probed for family, group in by_family(probe.found).items()
    ]  # fmt: skip


def layer_row(probe: ProbedTask, family: str, group: Sequence[LayerValues]) -> LayerRow:
    """One row."""
    lowest = highest_first(group)[-1]
    unit, scale = value_unit(probe.unit), scale_of(probe.unit)
    means = [
        f"{layer}: {with_error(lowest.values[layer].value, lowest.values[layer].stderr, scale)}"
        for layer in some(list(lowest.values))
    ]
    taken = Counter(one.taken for one in group)
    return LayerRow(
        f"{probe.task} {probe.metric} ({unit})", NONE if probe.chance is None else number(scale * probe.chance, 3),
        family or NO_NAME, lowest.spot.name, "; ".join(means),
        "; ".join(f"layer {' or '.join(map(str, layers))} of {count}" for layers, count in sorted(taken.items())),
    )  # fmt: skip


def some(layers: Sequence[int]) -> list[int]:
    """All layers, or so many of them as a row holds, evenly, both ends among them.

    >>> some(range(3)), some(range(25))
    ([0, 1, 2], [0, 4, 8, 12, 16, 20, 24])
    """
    if len(layers) <= LAYERS:
        return list(layers)
    return [layers[round(place * (len(layers) - 1) / (LAYERS - 1))] for place in range(LAYERS)]
