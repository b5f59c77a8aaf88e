"""Slopes on the terminal: a table for each family and upstream task, and what else they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.board.claims_text import claim_rows
from harness.board.findings import family_sentences, prediction_sentence
from harness.board.groups_text import group_rows, group_sentences
from harness.board.notation import slope_unit
from harness.board.probing_text import probe_rows, probing_sentences
from harness.board.sensitivity_text import order_sentences, sensitivity_rows, sensitivity_sentences
from harness.board.slope_table import slope_text
from harness.render import wide_console
from harness.slopes.codes import meaning

MOST_ROWS = 400
"""Rows of a table on the terminal; the board and ``--json`` have all."""
COLUMNS = ("task", "runs/points", "curve", "slope [95 %]", "unit", "by", "window", "R2", "Q2", "residual/noise", "break", "rank",
           "q", "verdict", "flags")  # fmt: skip


def slope_table(fits: Sequence[Any]) -> None:
    """Slopes by family and upstream task, best first; refused cells are named after them with their reason."""
    console = wide_console()
    groups: dict[tuple[str, Any], list[Any]] = {}
    for fit in fits:
        if fit.status != "refused":
            groups.setdefault((fit.cell.family, fit.cell.upstream), []).append(fit)
    console.print("Transfer slopes; positive: the metric gets better as the upstream one does. Best first.")
    shown = 0
    for (family, upstream), found in groups.items():
        if shown < MOST_ROWS:
            console.print(family_table(family, upstream, found[: MOST_ROWS - shown]))
        shown += len(found)
    say_more(console, shown)
    for text in family_sentences(fits):
        console.print(escape(text))
    refused: dict[str, list[str]] = {}
    for fit in fits:
        for flag in fit.refusals:
            where = f"{fit.cell.family}, {fit.cell.downstream.task} {fit.cell.downstream.metric} on {fit.cell.upstream.title}"
            refused.setdefault(f"{flag.code}: {flag.text}", []).append(where)
    for text, places in refused.items():
        others = f" and {len(places) - 1} more" if len(places) > 1 else ""
        console.print(f"refused {escape(places[0])}{others}. {escape(text)}")
    for code, text in sorted({(flag.code, meaning(flag.code, flag.text)) for fit in fits for flag in fit.flags}):
        console.print(escape(f"{code}: {text}"))


def family_table(family: str, upstream: Any, fits: Sequence[Any]) -> Table:
    """The slopes of one family on one upstream task."""
    title = escape(f"{family} on {upstream.title} ({upstream.unit})")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, overflow="fold", justify="right" if name in ("R2", "Q2", "q") else "left")
    for fit in fits:
        down = fit.cell.downstream
        table.add_row(
            escape(f"{down.task} {down.metric}"), f"{fit.n_runs}/{fit.n_points}", fit.model or "", escape(slope_text(fit)),
            escape(slope_unit(fit)), escape(short_method(fit.interval.method)), "{:.4g} to {:.4g}".format(*fit.window),
            optional(fit.r2, ".2f"), optional(fit.q2, ".2f"), against_noise(fit), break_text(fit),
            "" if fit.rank is None else "{} to {}".format(*fit.rank), optional(fit.q_value, ".1g"), fit.verdict,
            " ".join(flag.code for flag in fit.flags),
        )  # fmt: skip
    return table


def short_method(method: str) -> str:
    """How the interval was computed, in a few words.

    >>> short_method("ordinary least squares, HC3 t(8)"), short_method("Theil-Sen, order statistics")
    ('HC3 t(8)', 'Theil-Sen')
    >>> short_method("logit curve, leave-one-out jackknife, t(5), widened over rivals")
    'jackknife, t(5), widened'
    """
    line, how = method.split(", ", 1)
    return line if how == "order statistics" else how.removeprefix("leave-one-out ").removesuffix(" over rivals")


def say_more(console: Console, rows: int) -> None:
    """How many rows there were no lines for."""
    if rows > MOST_ROWS:
        console.print(f"and {rows - MOST_ROWS:,} more: see the board")


def optional(value: float | None, form: str) -> str:
    """A number in a format; nothing where there is none."""
    return "" if value is None else format(value, form)


def against_noise(fit: Any) -> str:
    """Residual standard deviation against the metric's own standard error."""
    return (
        ""
        if fit.residual_sd is None
        else f"{fit.residual_sd:.2g}/{'?' if fit.y_noise is None else f'{fit.y_noise:.2g}'}"
    )


def break_text(fit: Any) -> str:
    """Where the line breaks with its interval, where that is significant."""
    found = fit.broken
    return "" if found is None or found.p >= 0.05 else escape(f"{found.at:.4g} [{found.low:.4g}, {found.high:.4g}]")


def flatness_table(answers: Sequence[tuple[Any, float]]) -> None:
    """What flatness adds to the loss, task by task; nothing where it was not measured."""
    if not answers:
        return
    console = wide_console()
    table = Table(
        title="does flatness add to the loss? (partial r at given loss and family; negative: flatter is better)"
    )
    for name in ("upstream", "task", "metric", "flatness", "n", "partial r", "p", "q", "added Q2", "at equal loss",
                 "least r seen", "flags"):  # fmt: skip
        table.add_column(name, overflow="fold")
    for answer, q in answers:
        skill, matched = answer.skill, answer.matched
        ends = "" if skill is None or skill.low is None else f" [{skill.low:.2f}, {skill.high:.2f}]"
        table.add_row(
            escape(answer.upstream), escape(answer.task), escape(answer.metric), escape(answer.flatness), str(answer.n),
            f"{answer.decisive.r:.2f}", f"{answer.decisive.p:.2g}", f"{q:.2g}",
            "" if skill is None else escape(f"{skill.delta:.2f}{ends}"),
            "" if matched is None else f"S = {matched.s} of {matched.pairs} pairs, p = {matched.p:.2g}",
            optional(answer.least_partial, ".2f"), " ".join(flag.code for flag in answer.flags),
        )  # fmt: skip
    console.print(table)


def feature_tables(answers: Sequence[Any]) -> None:
    """Features of tasks against their slopes, one table for each upstream task, and the verdict; nothing without features."""
    console = wide_console()
    for answer in answers:
        if answer.found is not None:
            table = Table(title=escape(f"features of tasks and their slopes on {answer.upstream.title}"))
            for name in (
                "feature",
                "slope for one sd more",
                "95 % interval",
                "Q2 on tasks left out",
                "p (all features)",
            ):
                table.add_column(name, overflow="fold")
            for feature in answer.found.features:
                table.add_row(
                    escape(feature.name), f"{feature.coefficient:.3g}",
                    escape(f"[{feature.low:.3g}, {feature.high:.3g}]"), optional(feature.q2, ".2f"), f"{feature.p:.2g}",
                )  # fmt: skip
            console.print(table)
        console.print(escape(prediction_sentence(answer)))


def group_table(answers: Sequence[Any]) -> None:
    """Groups of checkpoints held against one another; nothing where the suite compares none."""
    if not answers:
        return
    console = wide_console()
    table = Table(title="do groups share a line? second less first, positive for the better")
    for name in ("comparison", "line", "verdict", "slopes differ by", "offset at equal upstream", "q", "checkpoints of runs",
                 "smallest seen"):  # fmt: skip
        table.add_column(name, overflow="fold")
    for row in group_rows(answers):
        cells = (f"{row.name}: {row.groups}", row.line, f"{row.verdict} {row.reason}".strip(), f"{row.slope} {row.slope_unit}",
                 f"{row.offset} {row.offset_unit}", row.q, row.n, row.smallest)  # fmt: skip
        table.add_row(*map(escape, cells))
    console.print(table)
    for text in group_sentences(answers):
        console.print(escape(text))


def claim_table(answers: Sequence[Any]) -> None:
    """Published claims and what became of them; nothing where the suite states none."""
    if not answers:
        return
    console = wide_console()
    table = Table(title="published claims at equal loss; r is positive as claimed")
    for name in ("claim", "verdict", "about", "r [95 %]", "q", "loss", "checkpoints/runs", "smallest |r| seen"):
        table.add_column(name, overflow="fold")
    for row in claim_rows(answers):
        table.add_row(*map(escape, (row.text, row.verdict, row.about, row.r, row.q, row.loss, row.n, row.smallest)))
    console.print(table)


def probe_table(answers: Sequence[Any]) -> None:
    """Probes against fine-tuning: a row a pair; nothing without probes."""
    if not answers:
        return
    console = wide_console()
    table = Table(title="does probing predict fine-tuning? Spearman's correlation over checkpoints")
    for name in ("family", "task", "probe", "same labels", "correlation [95 %]", "checkpoints/runs", "q", "says"):
        table.add_column(name, overflow="fold")
    for row in probe_rows(answers)[:MOST_ROWS]:
        cells = (row.family, row.task, row.probe, row.same_data, row.correlation, row.n, row.q, row.says)
        table.add_row(*map(escape, cells))
    console.print(table)
    say_more(console, len(answers))
    for sentence in probing_sentences(answers):
        console.print(escape(sentence))


def sensitivity_table(found: Any) -> None:
    """The slope of each task under every option of each choice; nothing where there is but one option of each."""
    if not found.answers:
        return
    console = wide_console()
    table = Table(title="does it hold under other choices?")
    for name in (
        "choice",
        "family",
        "upstream",
        "task",
        "metric",
        "sign",
        "slope [interval] under each option",
        "unit",
    ):
        table.add_column(name, overflow="fold")
    answers = sensitivity_rows(found)
    for row in answers[:MOST_ROWS]:
        options = [
            f"{o.name}: {o.slope}" + ("" if o.status == "ok" else f" {o.status}") + (o.shift and f"; metric {o.shift}")
            for o in row.options
        ]
        table.add_row(
            escape(row.choice), escape(row.family), escape(row.upstream), escape(row.task), escape(row.metric), row.sign,
            escape("\n".join(options)), escape(row.unit),
        )  # fmt: skip
    console.print(table)
    say_more(console, len(answers))
    for text in (*sensitivity_sentences(found), *order_sentences(found)):
        console.print(escape(text))
