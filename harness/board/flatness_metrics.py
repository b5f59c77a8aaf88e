"""Which metrics of a flatness task are shown first, and within what two of its values may be compared."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles

TRACE = re.compile(r"[a-z]+_trace")
ROW_NORMALISED = re.compile(r"row_normalised_[a-z]+")
COSTLY_NOISE = re.compile(r"(?:measured_)?noise_for_[\d.]+_nat")
EIGENVALUE = re.compile(r"largest_eigenvalue")
RISE = re.compile(r"loss_rise_(noise|ascent)_([\d.e+-]+)")
HEADLINE = (TRACE, ROW_NORMALISED, COSTLY_NOISE, EIGENVALUE)
PER_PARAMETER = "squared unit of parameter"
Group = tuple[str, str]
"""Signature and comparability group."""


def detailed_tasks(records: Iterable[Record], roles: Roles) -> list[str]:
    """Flatness tasks, in the suite's order, with a value that says how it was measured."""
    told = {record.task for record in records if record.error is None and "interval" in (record.details or {})}
    return [task for task in dict.fromkeys(roles.flatness) if task in told]


def headline_metrics(metrics: Collection[str], headline: str | None = None) -> list[str]:
    """Of one task's metrics those to show first, in order; all of them where none is known.

    These are the trace, the row-normalised trace, the noise that costs 0.1 nat, the rise at the middle noise and the
    largest eigenvalue; ``headline``, the suite's own choice, stands before them.

    >>> headline_metrics(["fisher_rao_norm", "noise_for_0.1_nat", "fisher_trace", "fisher_trace_per_byte"])
    ['fisher_trace', 'noise_for_0.1_nat']
    >>> headline_metrics([f"loss_rise_noise_{rho}" for rho in ("0.1", "0.02", "0.05", "0.2")])
    ['loss_rise_noise_0.1']
    """
    found = [m for pattern in HEADLINE[:2] for m in sorted(metrics) if pattern.fullmatch(m)]
    found += middle_rise(metrics)
    found += [m for pattern in HEADLINE[2:] for m in sorted(metrics) if pattern.fullmatch(m)]
    if headline in metrics and found:
        found = [str(headline), *(m for m in found if m != headline)]
    return found or sorted(metrics)


def middle_rise(metrics: Collection[str]) -> list[str]:
    """The rise at the middle noise, the upper of two, which decides when the measurement stops."""
    noise = sorted((distance, metric) for metric in metrics if (distance := rise_at(metric, "noise")) is not None)
    return [noise[len(noise) // 2][1]] if noise else []


def rise_at(metric: str, sort: str) -> float | None:
    """The distance at which a metric is the rise of the loss.

    >>> rise_at("loss_rise_noise_0.02", "noise"), rise_at("loss_rise_ascent_0.005", "noise")
    (0.02, None)
    """
    found = RISE.fullmatch(metric)
    return float(found[2]) if found and found[1] == sort else None


def group_of(record: Record, info: CheckpointInfo | None) -> Group:
    """Within what a value may be compared.

    A record older than comparability groups has what is known of its checkpoint: of a trace architecture, size and
    tokenizer, of a loss the tokenizer.
    """
    known = (record.details or {}).get("comparable_group")
    if known is None and info is not None:
        parts: list[object] = [info.tokenizer]
        if record.unit.endswith(PER_PARAMETER):
            parts += [info.architecture, info.parameters]
        known = " ".join(str(part) for part in parts if part is not None)
    return record.signature, str(known or "")


def letters(groups: Iterable[Group]) -> Mapping[Group, str]:
    """A letter for each group, where there are several: A, B, ..., Z, A1, ...

    >>> letters([("s", "g"), ("s", "h"), ("s", "g")])[("s", "h")], letters([("s", "g")])
    ('B', {('s', 'g'): ''})
    """
    found = list(dict.fromkeys(groups))
    if len(found) < 2:
        return dict.fromkeys(found, "")
    return {group: chr(65 + n % 26) + (str(n // 26) if n >= 26 else "") for n, group in enumerate(found)}
