"""Where the numbers come from: signatures, data revisions, library versions, and what the measuring cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.board.notation import NONE
from harness.results.record import Record

FILES = ("results.jsonl", "contexts.jsonl", "checkpoints.jsonl", "suite.yaml")


@dataclass(frozen=True, slots=True)
class ProvenanceRow:
    """All measurements of one task under one signature."""

    task: str
    version: int
    signature: str
    data: str
    revision: str
    parts: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    measurements: int
    seconds: str
    tokens: str


@dataclass(frozen=True, slots=True)
class Total:
    """The whole board's cost, and the libraries and devices it was measured with."""

    measurements: int
    seconds: str
    tokens: str
    versions: tuple[tuple[str, str], ...]
    devices: str


def provenance_rows(records: Sequence[Record], contexts: Mapping[str, Mapping[str, Any]]) -> list[ProvenanceRow]:
    """One row for each task, version and signature."""
    groups: dict[tuple[str, int, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.task, record.task_version, record.signature), []).append(record)
    return [provenance_row(identity, group, contexts) for identity, group in sorted(groups.items())]


def provenance_row(
    identity: tuple[str, int, str], group: Sequence[Record], contexts: Mapping[str, Mapping[str, Any]]
) -> ProvenanceRow:
    """What made the numbers of one signature; its parts are those of any of its contexts, which agree on them."""
    task, version, signature = identity
    lines = [contexts[context] for context in sorted({record.context for record in group}) if context in contexts]
    parts = list(flatten(lines[0].get("parts") or {})) if lines else []
    sources = sorted({str(line["source"]) for line in lines if line.get("source")})
    seconds, tokens, measurements = cost(group)
    return ProvenanceRow(
        task=task,
        version=version,
        signature=signature,
        data=" ".join(pick(parts, ("path", "name"))) or NONE,
        revision=" ".join(pick(parts, ("revision",))) or NONE,
        parts=tuple(parts),
        sources=tuple(sources),
        measurements=measurements,
        seconds=duration(seconds),
        tokens=f"{tokens:,}",
    )


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a nested mapping under dotted names.

    >>> list(flatten({"data": {"revision": "abc", "split": None}, "sizes": [1, 2]}))
    [('data.revision', 'abc'), ('sizes', '1, 2')]
    """
    if isinstance(value, Mapping):
        for name in sorted(value, key=str):
            yield from flatten(value[name], f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(value, list | tuple):
        if value:
            yield prefix, ", ".join(str(item) for item in value)
    elif value is not None:
        yield prefix, str(value)


def pick(parts: Sequence[tuple[str, str]], leaves: Sequence[str]) -> list[str]:
    """Values of the parts about data whose last word is one of ``leaves``, in that order."""
    found = [v for leaf in leaves for name, v in parts if name.split(".")[-1] == leaf and "data" in name.split(".")]
    return list(dict.fromkeys(found))


def cost(records: Sequence[Record]) -> tuple[float, int, int]:
    """Seconds, tokens and the number of measurements; the metrics of one key share one cost."""
    seconds: dict[str, float] = {}
    tokens: dict[str, int] = {}
    for record in records:
        seconds[record.key] = max(seconds.get(record.key, 0.0), record.cost.seconds or 0.0)
        tokens[record.key] = max(tokens.get(record.key, 0), record.cost.tokens or 0)
    return sum(seconds.values()), sum(tokens.values()), len(seconds)


def duration(seconds: float) -> str:
    """Seconds as a person would say them.

    >>> duration(3.21), duration(200), duration(7300), duration(0)
    ('3.2 s', '3 min 20 s', '2 h 1 min', '0.0 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def total(records: Sequence[Record], contexts: Mapping[str, Mapping[str, Any]]) -> Total:
    """The sum over all records, and the union over the contexts they name."""
    seconds, tokens, measurements = cost(records)
    used = {record.context for record in records}
    lines = [contexts[context] for context in sorted(used & set(contexts))]
    versions: dict[str, set[str]] = {}
    for line in lines:
        for library, version in (line.get("versions") or {}).items():
            versions.setdefault(str(library), set()).add(str(version))
    devices = sorted({str(line["device"]) for line in lines if line.get("device")})
    written = tuple((library, ", ".join(sorted(found))) for library, found in sorted(versions.items()))
    return Total(measurements, duration(seconds), f"{tokens:,}", written, ", ".join(devices))
