"""The page and its Markdown twin: everything the board says, put through the templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.board.adaptation_section import NOTE as ADAPTATION_NOTE
from harness.board.adaptation_section import AdaptationSection, adaptation_section
from harness.board.chart_traces import traces
from harness.board.charts import Chart
from harness.board.checklist import ChecklistRow, checklist_notes, checklist_rows
from harness.board.checkpoint_table import CheckpointRow, Column, Failure, checkpoint_rows, columns, failures, shown
from harness.board.claims_text import NOTE as CLAIMS_NOTE
from harness.board.claims_text import ClaimRow, claim_rows
from harness.board.controls import ControlRow, control_rows
from harness.board.findings import family_sentences, flatness_sentence, prediction_sentence
from harness.board.flatness_section import CAPTION as CURVATURE_CAPTION
from harness.board.flatness_section import GROUPS, TABLE_NOTE, FlatnessSection, flatness_section
from harness.board.groups_text import NOTE as GROUPS_NOTE
from harness.board.groups_text import GroupRow, group_rows, group_sentences
from harness.board.interactive import chart
from harness.board.notation import axis_label, change_unit, value_unit
from harness.board.panels import Panel, Style, family_order, panels, styles
from harness.board.probing_section import CURVES_NOTE, ProbingSection, probing_section
from harness.board.probing_section import TABLE_NOTE as LAYERS_NOTE
from harness.board.probing_text import NOTE as PROBING_NOTE
from harness.board.provenance import FILES, ProvenanceRow, Total, provenance_rows, total
from harness.board.sensitivity_text import SensitivityRow, order_sentences, sensitivity_rows, sensitivity_sentences
from harness.board.slope_table import LegendEntry, SlopeRow, flag_legend, slope_rows
from harness.board.text import Safe, markdown, plain, script_json
from harness.board.verdicts import counted, summary
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.adaptation import adaptations
from harness.slopes.cell import Fit
from harness.slopes.claims import claim_answers
from harness.slopes.flatness.draws import Draws
from harness.slopes.flatness.join import answers
from harness.slopes.groups import group_answers
from harness.slopes.sensitivity.board import sensitivities
from harness.slopes.slope_features import predictions

TEMPLATES = Path(__file__).parent / "templates"
TITLE = "Transfer leaderboard"
CAPTION = (
    "Bars are one standard error. Lines are the fits over their windows; the shading swings them through the "
    "interval of the slope about the mean, so it shows how sure the slope is, not the level; that of a curve is the 95% "
    "band of its mean. Open points were left out, at the floor or ceiling, or are partial. Faint lines join the "
    "checkpoints of one run. Grey: no line was fitted."
)


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the templates say, in the order of the page."""

    title: str
    description: str
    summary: str
    slopes: list[SlopeRow]
    headlines: list[tuple[str, list[SlopeRow]]]
    panels: list[Panel]
    styles: dict[str, Style]
    families: list[str]
    group_sentences: list[str]
    groups: list[GroupRow]
    adaptation: AdaptationSection | None
    flatness: list[str]
    curvature: FlatnessSection | None
    predictions: list[str]
    probing: ProbingSection | None
    sensitivity: list[str]
    sensitivity_rows: list[SensitivityRow]
    legend: list[LegendEntry]
    claims: list[ClaimRow]
    controls: list[ControlRow]
    checklist: list[ChecklistRow]
    checklist_notes: list[str]
    columns: list[Column]
    grouped: str
    checkpoints: list[CheckpointRow]
    failures: list[Failure]
    provenance: list[ProvenanceRow]
    total: Total

    @property
    def charts(self) -> list[Chart]:
        """The charts of all sections but the panels, each with files of its name under ``figures/``."""
        return [
            chart for section in (self.adaptation, self.probing, self.curvature) if section for chart in section.charts
        ]


def assemble(
    records: Sequence[Record],
    checkpoints: Mapping[str, CheckpointInfo],
    contexts: Mapping[str, Mapping[str, Any]],
    roles: Roles,
    fits: Sequence[Fit],
    draws: Mapping[tuple[str, str], Draws] | None = None,
) -> Board:
    """Put the board together from records, what is known of them, the suite's roles, the fits and single flatness draws."""
    looks = styles(family_order(roles, fits))
    visible = shown(records)
    curvature, heads = flatness_section(visible, checkpoints, roles, columns(visible, roles), looks, draws or {})
    listed = checkpoint_rows(visible, checkpoints, roles, heads)
    pictures = panels(fits, roles)
    rows = slope_rows(fits, looks)
    compared = group_answers(records, checkpoints, roles)
    choices = sensitivities(records, checkpoints, contexts, roles, fits)
    return Board(
        title=roles.title or TITLE,
        description=roles.description,
        summary=summary(list(fits)),
        slopes=rows,
        headlines=headlines(rows, pictures, list(looks)),
        panels=pictures,
        styles=looks,
        families=family_sentences(fits),
        group_sentences=group_sentences(compared),
        groups=group_rows(compared),
        adaptation=adaptation_section(adaptations(visible, checkpoints, roles), looks),
        flatness=[flatness_sentence(*pair) for pair in answers(records, checkpoints, roles, fits)],
        curvature=curvature,
        predictions=[prediction_sentence(found) for found in predictions(records, checkpoints, roles, fits, contexts)],
        probing=probing_section(records, checkpoints, contexts, roles, looks),
        sensitivity=[*sensitivity_sentences(choices), *order_sentences(choices)],
        sensitivity_rows=sensitivity_rows(choices),
        legend=flag_legend(rows),
        claims=claim_rows(claim_answers(records, checkpoints, roles)),
        controls=control_rows(roles.controls, fits),
        checklist=checklist_rows(fits),
        checklist_notes=checklist_notes(fits),
        columns=heads,
        grouped=GROUPS if any(entry.group for row in listed for cell in row.entries for entry in cell) else "",
        checkpoints=listed,
        failures=failures(visible, checkpoints),
        provenance=provenance_rows(records, contexts),
        total=total(records, contexts),
    )


def headlines(
    rows: Sequence[SlopeRow], pictures: Sequence[Panel], families: Sequence[str]
) -> list[tuple[str, list[SlopeRow]]]:
    """The slope rows under their downstream task, tasks in the order of the pictures."""
    tasks = dict.fromkeys(panel.downstream.task for panel in pictures)
    grouped: dict[str, list[SlopeRow]] = {task: [] for task in tasks}
    for row in sorted(rows, key=lambda row: families.index(row.family)):
        grouped[row.task].append(row)
    return list(grouped.items())


def html(board: Board, library: str) -> str:
    """``board.html``: every name in it is escaped.

    Args:
        board: what to say.
        library: where plotly.min.js lies, relative to the page.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=lambda value: value if isinstance(value, Markup) else plain(value, 2000),
    )  # fmt: skip
    charts = [chart(panel, board.styles) for panel in board.panels]
    charts += [traces(found) for found in board.charts]
    data = Markup(script_json(charts)) if charts else ""
    return environment.get_template("board.html.jinja").render(words(board), library=library, charts=data)


def github(board: Board) -> str:
    """``board.md``: every name in it is escaped, by default and not by remembering to."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=False, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, finalize=markdown,
    )  # fmt: skip
    return environment.get_template("board.md.jinja").render(words(board), rule=lambda n: Safe("---|" * n))


def words(board: Board) -> dict[str, Any]:
    """What both templates have at hand."""
    return {
        "board": board, "files": FILES, "caption": CAPTION, "axis_label": axis_label, "value_unit": value_unit,
        "change_unit": change_unit, "counted": counted, "curvature_caption": CURVATURE_CAPTION,
        "curvature_table_note": TABLE_NOTE, "probing_note": PROBING_NOTE, "curves_note": CURVES_NOTE,
        "layers_note": LAYERS_NOTE, "claims_note": CLAIMS_NOTE, "groups_note": GROUPS_NOTE,
        "adaptation_note": ADAPTATION_NOTE,
    }  # fmt: skip
