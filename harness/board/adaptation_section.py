"""The section "What adaptation gained and forgot": values before and after it, in the domain adapted to and in others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.board.charts import Axes, Chart, Curve, Curves
from harness.board.notation import change_unit, number, scale_of, value_unit, with_interval
from harness.board.panels import COLOURS, Style
from harness.slopes.adaptation import Adapted, Change

NOTE = (
    "Means over the checkpoints of a family, before and after adaptation; a gain is positive for the better, with its 95% interval: "
    "from three runs on of the spread between runs, below of the test examples, as if the two values were scored on others."
)
PICTURE = "Bars are 95% intervals. The domain adapted to is in the legend; the shape tells the family. Left of zero the other domain was forgotten."
ENTRIES = 14
"""Most entries of the legend."""


@dataclass(frozen=True, slots=True)
class AdaptedRow:
    """One metric of one task in one family, written out; ``others`` are (domain, before and after, change)."""

    task: str
    metric: str
    unit: str
    family: str
    values: str
    gain: str
    others: tuple[tuple[str, str, str], ...]
    n: str
    method: str


@dataclass(frozen=True, slots=True)
class AdaptationSection:
    """What the section shows."""

    sentences: list[str]
    rows: list[AdaptedRow]
    charts: list[Chart]


def adaptation_section(found: Sequence[Adapted], styles: Mapping[str, Style]) -> AdaptationSection | None:
    """The section; None where no task has values before and after."""
    if not found:
        return None
    return AdaptationSection(sentences(found), [row(one) for one in found], charts(found, styles))


def row(one: Adapted) -> AdaptedRow:
    """One row."""
    scale = scale_of(one.unit)
    others = tuple((domain, moved(change, scale), gained(change, scale)) for domain, change in one.others.items())
    return AdaptedRow(
        one.task, one.metric, value_unit(one.unit), one.family, moved(one.own, scale), gained(one.own, scale), others,
        f"{one.own.checkpoints} / {one.own.runs}", one.own.method,
    )  # fmt: skip


def moved(change: Change, scale: float) -> str:
    """'12.3 to 20.1'."""
    return f"{number(change.before * scale, 3)} to {number(change.after * scale, 3)}"


def gained(change: Change, scale: float) -> str:
    """The gain with its interval."""
    if change.low is None or change.high is None:
        return number(change.gain * scale, 3)
    return with_interval(change.gain, change.low, change.high, scale, sign=True)


def sentences(found: Sequence[Adapted]) -> list[str]:
    """For the first metric of every task: how many families gained there, and forgot elsewhere, beyond doubt."""
    by_metric: dict[tuple[str, str], list[Adapted]] = {}
    for one in found:
        by_metric.setdefault((one.metric, one.unit), []).append(one)
    told = []
    for (metric, unit), group in by_metric.items():
        scale, words = scale_of(unit), named(metric, unit)
        parts = [f"{words}: {counts([one.own for one in group], 'gained', 'lost')} in the domain adapted to"]
        parts[0] += f", {span([one.own for one in group], scale)}"
        for domain in dict.fromkeys(domain for one in group for domain in one.others):
            changes = [one.others[domain] for one in group if domain in one.others]
            parts.append(f"in {domain} {counts(changes, 'gained', 'forgot')}, {span(changes, scale)}")
        told.append("; ".join(parts) + ".")
    return told


def named(metric: str, unit: str) -> str:
    """A metric with the unit of its changes, where the name does not say it.

    >>> named("nats_per_token", "nats per token"), named("bleu", "points")
    ('nats per token', 'bleu (points)')
    """
    words, said = metric.replace("_", " "), change_unit(unit)
    return words if said in ("", words) else f"{words} ({said})"


def counts(changes: Sequence[Change], better: str, worse: str) -> str:
    """'5 gained, 1 open of 6'."""
    up = sum(change.low is not None and change.low > 0 for change in changes)
    down = sum(change.high is not None and change.high < 0 for change in changes)
    left = len(changes) - up - down
    parts = [f"{n} {word}" for n, word in ((up, better), (down, worse)) if n] + ([f"{left} open"] if left else [])
    return f"{', '.join(parts)} of {len(changes)}"


def span(changes: Sequence[Change], scale: float) -> str:
    """From the least change to the largest."""
    low, high = min(change.gain for change in changes) * scale, max(change.gain for change in changes) * scale
    return f"{number(low, 3)} to {number(high, 3)}"


def charts(found: Sequence[Adapted], styles: Mapping[str, Style]) -> list[Chart]:
    """Gain in the domain adapted to against the change in the first other domain; a marker a task and family."""
    with_other = [one for one in found if one.others]
    if not with_other:
        return []
    metric, unit, domain = with_other[0].metric, with_other[0].unit, next(iter(with_other[0].others))
    drawn = [one for one in with_other if (one.metric, one.unit) == (metric, unit) and domain in one.others]
    colours = {task: COLOURS[i % len(COLOURS)] for i, task in enumerate(dict.fromkeys(one.task for one in drawn))}
    scale, words = scale_of(unit), f"{metric.replace('_', ' ')}, {change_unit(unit)}".strip(", ")
    curves = [
        marker(one, domain, scale, replace(styles[one.family], colour=colours[one.task]), labelled=i < ENTRIES)
        for i, one in enumerate(drawn)
    ]
    axes = Axes(f"change in {domain} ({words})", f"gain in the domain adapted to ({words})")
    return [
        Chart(
            "adaptation", "Gained and forgotten", f"{metric} by domain and family", Curves(axes, tuple(curves)), PICTURE
        )
    ]


def marker(one: Adapted, domain: str, scale: float, style: Style, *, labelled: bool) -> Curve:
    """One task and family."""
    other = one.others[domain]
    half = None if one.own.low is None or one.own.high is None else (one.own.high - one.own.low) / 2 * scale
    hover = (
        f"{one.task}, {one.family}", f"{one.metric} {moved(one.own, scale)}: {gained(one.own, scale)}",
        f"in {domain} {moved(other, scale)}: {gained(other, scale)}",
    )  # fmt: skip
    return Curve(
        (other.gain * scale,), (one.own.gain * scale,), style, () if half is None else (half,), (hover,),
        label=f"{one.task}, {one.family}" if labelled else "",
    )  # fmt: skip
