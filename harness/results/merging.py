"""Several results folders become one: records, contexts, checkpoints, outcomes of examples, outputs and the specs beside a suite."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness.errors import HarnessError
from harness.results.outcomes import read_outcomes, write_outcomes
from harness.results.record import CheckpointInfo, Record
from harness.results.store import Store
from harness.results.texts import OUTPUTS

NUMBERS = ("value", "stderr", "n", "unit", "higher_is_better", "partial")
"""What two records of one measurement and metric must agree on; what they cost may differ."""
SPECS = ("*.yaml", "*.yml")


@dataclass(frozen=True, slots=True)
class Merged:
    """How much came from the folders; ``notes`` say what of checkpoints differed and whose was kept."""

    records: int
    checkpoints: int
    already: int
    notes: tuple[str, ...]


def merge(folders: Sequence[Path], output: Path) -> Merged:
    """Join results folders into a new one; suites are not looked at (``specs/merged_suites.py``).

    Raises:
        HarnessError: the output holds results, or one measurement has two values.
    """
    stores = [Store(folder) for folder in folders]
    records, owners, already = joined_records(stores)
    notes: list[str] = []
    checkpoints = joined_checkpoints(stores, notes)
    check_specs(folders)
    with Store.writing(output) as writer:
        if writer.store.records:
            raise HarnessError(f"{output} holds results already; merge into a new folder")
        contexts = {name: line for store in reversed(stores) for name, line in store.contexts.items()}
        join_outcomes(stores, owners, output)
        for folder in folders:
            copy_beside(folder, output)
        writer.add_all(records, contexts.values(), checkpoints)
    return Merged(len(records), len(checkpoints), already, tuple(notes))


def joined_records(stores: Sequence[Store]) -> tuple[list[Record], dict[str, Path], int]:
    """The records of all folders, which folder each key is from, and how many stood in more than one.

    A failure gives way to a measurement that was made.

    Raises:
        HarnessError: a (key, metric) has two values.
    """
    found: dict[tuple[str, str], Record] = {}
    owners: dict[str, Path] = {}
    already = 0
    done = {record.key for store in stores for record in store.records if record.error is None}
    for store in stores:
        for record in store.records:
            if record.error is not None and record.key in done:
                continue
            place = (record.key, record.metric)
            if place in found:
                already += 1
                check_same(found[place], owners[record.key], record, store.folder)
                continue
            found[place] = record
            owners.setdefault(record.key, store.folder)
    return list(found.values()), owners, already


def check_same(first: Record, its: Path, second: Record, other: Path) -> None:
    """Two records of one measurement and metric agree.

    Raises:
        HarnessError: they do not; it names both.
    """
    for name in NUMBERS:
        one, two = getattr(first, name), getattr(second, name)
        if first.error is None and one != two:
            raise HarnessError(
                f"{first.metric} of {first.task}, key {first.key[:16]}: {name} is {one!r} in {its} and {two!r} in {other}; "
                f"one measurement has one value: see what differs with 'harness results list', and take one out with "
                f"'harness results drop {other} --task {first.task} --checkpoint {second.checkpoint}'"
            )


def joined_checkpoints(stores: Sequence[Store], notes: list[str]) -> list[CheckpointInfo]:
    """What all folders know of each checkpoint: all names, and of the rest what the first says that says anything."""
    found: dict[str, CheckpointInfo] = {}
    for store in stores:
        for info in store.checkpoints.values():
            known = found.setdefault(info.identity, info)
            names = tuple(dict.fromkeys((*known.names, *info.names)))
            before, now = asdict(known), asdict(info)
            fresh = {name: value for name, value in now.items() if before[name] is None and value is not None}
            other = [name for name in now if name not in ("names", *fresh) and now[name] not in (None, before[name])]
            notes += [
                f"{info.names[0]}: {name} is {now[name]!r} in {store.folder}; kept {before[name]!r}" for name in other
            ]
            found[info.identity] = replace(known, names=names, **{name: getattr(info, name) for name in fresh})
    return list(found.values())


def join_outcomes(stores: Sequence[Store], keys: Collection[str], output: Path) -> None:
    """The outcomes of each measurement, from the first folder that has them: their records agree."""
    import pyarrow as pa
    import pyarrow.compute as pc

    tables = []
    seen: set[str] = set()
    for store in stores:
        table = read_outcomes(store.folder)
        if table is None:
            continue
        wanted = [key for key in table["key"].unique().to_pylist() if key not in seen and key in keys]
        seen |= set(wanted)
        tables.append(table.filter(pc.is_in(table["key"], pa.array(wanted, pa.string()))))
    if any(len(table) for table in tables):
        write_outcomes(output, pa.concat_tables(tables))


def check_specs(folders: Sequence[Path]) -> None:
    """Files of specs with one name hold the same.

    Raises:
        HarnessError: two do not; it names both.
    """
    seen: dict[Path, Path] = {}
    for folder in folders:
        for path in specs_of(folder):
            first = seen.setdefault(path.relative_to(folder), path)
            if first.read_bytes() != path.read_bytes():
                raise HarnessError(f"{first} and {path} differ; rename one of them, in its suite.yaml too")


def specs_of(folder: Path) -> Iterator[Path]:
    """Specs that stand beside the suite of a folder."""
    yield from (path for pattern in SPECS for path in sorted(folder.glob(pattern)) if path.name != "suite.yaml")


def copy_beside(folder: Path, output: Path) -> None:
    """Copy specs and outputs that are not there yet."""
    outputs = sorted((folder / OUTPUTS).iterdir()) if (folder / OUTPUTS).is_dir() else []
    for path in (*specs_of(folder), *outputs):
        target = output / path.relative_to(folder)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
