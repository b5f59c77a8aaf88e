"""What reading other people's results shares: gathering records, telling directions, saying what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import HarnessError
from harness.results import metric_names
from harness.results.exchange.content import Reading
from harness.results.record import CheckpointInfo, Record
from harness.results.signature import digest


@dataclass
class Gathered:
    """What was read so far; one measurement has one value."""

    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    checkpoints: dict[str, CheckpointInfo] = field(default_factory=dict)
    contexts: dict[str, dict[str, Any]] = field(default_factory=dict)
    families: dict[str, dict[str, None]] = field(default_factory=dict)
    tasks: dict[str, list[str]] = field(default_factory=dict)
    source: str = ""
    _where: dict[tuple[str, str], str] = field(default_factory=dict)
    _skipped: Counter[str] = field(default_factory=Counter)

    def add(self, where: str, record: Record, roles: Sequence[str]) -> None:
        """Take a record; the same one again is nothing new.

        Raises:
            HarnessError: another value of the same measurement was read before.
        """
        place = (record.key, record.metric)
        known = self.records.setdefault(place, record)
        first = self._where.setdefault(place, where)
        if (known.value, known.stderr) != (record.value, record.stderr):
            raise HarnessError(
                f"{where}: {record.metric} of {record.task} for {self.checkpoints[record.checkpoint].names[0]} is "
                f"{record.value:g} and in {first} {known.value:g}; remove the one that is wrong"
            )
        its = self.tasks.setdefault(record.task, [])
        its += [role for role in roles if role not in its]

    def add_checkpoint(self, info: CheckpointInfo, families: Sequence[str]) -> None:
        """Take a checkpoint into its families; one that is known gets the further names."""
        known = self.checkpoints.setdefault(info.identity, info)
        names = tuple(dict.fromkeys((*known.names, *info.names)))
        self.checkpoints[info.identity] = replace(known, names=names)
        for family in families:
            self.families.setdefault(family, {})[known.names[0]] = None

    def add_context(self, context: dict[str, Any]) -> None:
        """Take a context."""
        self.contexts.setdefault(context["context"], context)

    def skip(self, reason: str) -> None:
        """Count a result that is left out."""
        self._skipped[reason] += 1

    def told(self) -> Iterator[str]:
        """A sentence for each reason to leave something out."""
        for reason, count in self._skipped.items():
            yield f"left out {count} {'result' if count == 1 else 'results'}: {reason}"


def foreign_context(
    source: str, task: str, format: str, parts: Mapping[str, Any], versions: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known of how someone else measured: ``parts`` decide comparability, versions do not."""
    made = {"imported": {"source": source, "task": task, "format": format, **parts}}
    signature = digest(made)
    return {"context": digest({"signature": signature, "versions": versions}), "signature": signature, "parts": made,
            "versions": dict(versions), "device": None, "threads": None, "source": source}  # fmt: skip


def direction(where: str, metric: str, told: bool | None, reading: Reading) -> bool:
    """Whether higher is better: as the user says, else as the file says, else as the name says.

    Raises:
        HarnessError: nothing says so, or the file says the contrary of what the metric is called.
    """
    name = metric.split(",")[0]
    for asked, value in ((reading.higher_is_better, True), (reading.lower_is_better, False)):
        if name in asked or metric in asked:
            return value
    named = metric_names.higher_is_better(name)
    if told is None and named is None:
        raise HarnessError(
            f"{where}: nothing says whether higher is better for {name!r}; give --higher-is-better {name} or "
            f"--lower-is-better {name}"
        )
    if told is not None and named is not None and told != named:
        said = ("lower", "higher")[told]
        raise HarnessError(
            f"{where}: the file says that {said} is better for {name!r}, which its name does not bear out; give "
            f"--higher-is-better {name} or --lower-is-better {name}"
        )
    return bool(named if told is None else told)
