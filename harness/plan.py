"""What would be measured, what already is, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.checkpoints import Resolved, resolve
from harness.data.rows import FINGERPRINTS, address, revision_of
from harness.errors import HarnessError
from harness.measures.kinds import also_reads, first_rows, has_seeds, kind_of
from harness.measures.session import RowCache
from harness.request import Options, Request
from harness.results import Store, digest, key_of
from harness.specs import Task

State = Literal["done", "to do", "failed", "after making"]


@dataclass(frozen=True, slots=True)
class Planned:
    """One measurement: a checkpoint, a task and a seed. ``key`` is None while the checkpoint is not made."""

    family: str
    name: str
    task: Task
    seed: int | None
    state: State
    key: str | None = None
    parts: Mapping[str, Any] | None = None
    reason: str | None = None
    parameters: int | None = None


def member_folder(output: Path, name: str) -> Path:
    """Where a made checkpoint stands."""
    return output / "families" / name


def find_checkpoint(request: Request, options: Options, output: Path, family: str, name: str) -> Resolved:
    """Resolve a checkpoint by the name it has in the request; a made one has the name its family gives it.

    Raises:
        HarnessError: it does not exist, or may not be loaded.
    """
    if family not in request.made:
        return resolve(
            name, offline=options.offline, trust_remote_code=options.trust_remote_code,
            allow_pickle=options.allow_pickle,
        )  # fmt: skip
    found = resolve(str(member_folder(output, name)), offline=options.offline)
    return replace(found, name=name, info=replace(found.info, names=(name,)))


class Signatures:
    """Signature parts of tasks on checkpoints; data is identified once for all of them."""

    def __init__(self, options: Options, data: RowCache, store: Store) -> None:
        """Fingerprints come from the cache, from what the store knows, or from the rows."""
        self.options, self.data = options, data
        self.known = {
            address: fingerprint
            for context in store.contexts.values()
            for address, fingerprint in context.get("fingerprints", {}).values()
        }
        self._data_parts: dict[str, dict[str, Any]] = {}
        self.addresses: dict[str, dict[str, list[str]]] = {}
        """Task to address and fingerprint of each split it reads; those of another task stand under ``what.split``."""

    def parts(self, task: Task, checkpoint: Resolved) -> dict[str, Any]:
        """All that decides whether two numbers of this task may be compared.

        Raises:
            HarnessError: the checkpoint cannot be measured on this task, or its data cannot be had.
        """
        kind = kind_of(task)
        definition = task.definition()
        definition.pop("probe" if task.kind == "probe" else "protocol", None)  # the policy has it whole
        if task.data.files is not None:
            definition["data"] = {k: v for k, v in definition["data"].items() if k != "files"}
        if task.data.path is not None:
            definition["data"] = {k: v for k, v in definition["data"].items() if k != "revision"}
        parts = {
            "task": definition, "version": task.version, "data": self.data_parts(task),
            "objective": checkpoint.objective, "policy": kind.policy(task, checkpoint), "dtype": self.options.dtype,
            "measured_by": f"{task.kind}/{kind.VERSION}",
        }  # fmt: skip
        return parts | ({"limit": self.options.limit} if self.options.limit is not None else {})

    def data_parts(self, task: Task) -> dict[str, Any]:
        """Revision and row fingerprint of each split a task reads, those of other tasks that it reads included."""
        if task.name not in self._data_parts:
            parts = dict(self._identify(task))
            for what, other in also_reads(task).items():
                parts[what] = self.data_parts(other)
                found = self.addresses.get(other.name, {})
                self.addresses[task.name] |= {f"{what}.{split}": address for split, address in found.items()}
            self._data_parts[task.name] = parts
        return self._data_parts[task.name]

    def _identify(self, task: Task) -> Iterator[tuple[str, Any]]:
        kind = kind_of(task)
        revision = revision_of(task, offline=self.options.offline)
        columns = kind.columns(task)
        found = self.addresses.setdefault(task.name, {})
        for split in task.splits:
            place = address(
                task.data, revision or "", task.splits[split], columns, first_rows(task, split, self.data.limit)
            )
            known = FINGERPRINTS.get(place) or self.known.get(place) if revision is not None else None
            if known is None:
                rows = self.data.get(task, split)
                known, revision = rows.fingerprint, rows.revision
            found[split] = [place, known]
            yield split, known
        yield "revision", revision


def seeds_of(task: Task, request: Request) -> tuple[int | None, ...]:
    """The seeds a task is measured under; one, null, where it has no randomness of its own."""
    return request.seeds if has_seeds(task) else (None,)


def plan(request: Request, options: Options, output: Path, store: Store) -> list[Planned]:
    """Every measurement of a request and whether it is done. Loads no weights; data only where never seen before."""
    signatures = Signatures(options, RowCache(options.offline, options.limit), store)
    planned: list[Planned] = []
    found: dict[str, Resolved | HarnessError | None] = {}
    for family, name, task in request.cells():
        if name not in found:
            found[name] = locate(request, options, output, family, name)
        for seed in seeds_of(task, request):
            planned.append(plan_cell(store, signatures, found[name], family, name, task, seed))
    return planned


def locate(request: Request, options: Options, output: Path, family: str, name: str) -> Resolved | HarnessError | None:
    """The checkpoint, why it cannot be had, or None while it is not made."""
    if family in request.made and not (member_folder(output, name) / "harness.json").is_file():
        return None
    try:
        return find_checkpoint(request, options, output, family, name)
    except HarnessError as error:
        return error


def plan_cell(
    store: Store, signatures: Signatures, found: Resolved | HarnessError | None, family: str, name: str, task: Task,
    seed: int | None,
) -> Planned:  # fmt: skip
    """One measurement of the plan."""
    cell = Planned(family, name, task, seed, "after making")
    if found is None:
        return cell
    try:
        if isinstance(found, HarnessError):
            raise found
        parts = signatures.parts(task, found)
    except HarnessError as error:
        return replace(cell, state="failed", reason=str(error))
    key, parameters = key_of(digest(parts), found.identity, seed), found.info.parameters
    return replace(cell, state="done" if store.done(key) else "to do", key=key, parts=parts, parameters=parameters)


def check_splits(task: Task, data: RowCache) -> str | None:
    """Why a task's data is only a part of what its spec expects; None where it is whole."""
    found = []
    for split, name in task.splits.items():
        expected, total = task.rows.get(name), data.get(task, split).total
        if expected is not None and total is not None and total != expected:
            found.append(f"{name} has {total} rows, {expected} expected")
    found += [reason for other in also_reads(task).values() if (reason := check_splits(other, data))]
    if data.limit is not None:
        found.append(f"limited to {data.limit} rows")
    return "; ".join(found) or None


__all__ = ["Planned", "Signatures", "check_splits", "find_checkpoint", "locate", "plan", "seeds_of"]
