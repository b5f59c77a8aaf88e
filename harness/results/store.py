"""The store of a leaderboard folder: append-only JSON lines, one writer, nothing half-written.

``results.jsonl`` holds records; what repeats stands once in ``contexts.jsonl`` and ``checkpoints.jsonl``. Outcomes
of single examples are Parquet shards under ``examples/``. A line is written whole, flushed and synced before the
next measurement begins; a line torn by a kill is cut off when the store is opened for writing.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import jsonlines

from harness.errors import HarnessError, InUseError
from harness.results.record import CheckpointInfo, Record
from harness.results.rows import Row, read_rows

RESULTS, CONTEXTS, CHECKPOINTS, EXAMPLES = "results.jsonl", "contexts.jsonl", "checkpoints.jsonl", "examples"


class Store:
    """What a leaderboard folder holds, read once; ``Store.writing`` adds to it."""

    def __init__(self, folder: Path) -> None:
        """Read a folder; one that does not exist is empty.

        Raises:
            HarnessError: a line before the last is no record; the message names file and line.
        """
        self._read_around(folder)
        with without_collection():
            for record in read_as(Record.from_json, self.folder / RESULTS):
                self._remember(record)

    @classmethod
    def of_rows(cls, folder: Path) -> Store:
        """Read of the records only what slopes are made of (``Row``), fast and small; for reading, not for writing.

        Raises:
            HarnessError: as reading a folder whole does.
        """
        store = cls.__new__(cls)
        store._read_around(folder)
        with without_collection():
            rows = read_rows(store.folder / RESULTS)
        if rows is None:
            rows = [Row.of(record) for record in cls(folder).records]
        store.records, store._done = rows, None  # type: ignore[assignment]
        return store

    def _read_around(self, folder: Path) -> None:
        """Read contexts and checkpoints."""
        self.folder = Path(folder)
        self.records: list[Record] = []
        self.contexts: dict[str, dict[str, Any]] = {}
        self.checkpoints: dict[str, CheckpointInfo] = {}
        self._position: dict[tuple[str, str], int] = {}
        self._done: dict[str, list[Record]] | None = {}
        for line in read_lines(self.folder / CONTEXTS):
            self.contexts[line["context"]] = line
        for info in read_as(CheckpointInfo.from_json, self.folder / CHECKPOINTS):
            self.checkpoints[info.identity] = info

    def _remember(self, record: Record) -> None:
        """Keep the newest record of a (key, metric)."""
        place = (record.key, record.metric)
        if place in self._position:
            self.records[self._position[place]] = record
        else:
            self._position[place] = len(self.records)
            self.records.append(record)
        if record.error is None and self._done is not None:
            self._done.setdefault(record.key, []).append(record)

    def done(self, key: str) -> list[Record]:
        """The records of a measurement that was made; empty if it failed or never ran."""
        if self._done is None:
            self._done = {}
            for record in self.records:
                if record.error is None:
                    self._done.setdefault(record.key, []).append(record)
        return self._done.get(key, [])

    @property
    def failures(self) -> list[Record]:
        """Records of measurements that failed and were not made since."""
        return [record for record in self.records if record.error is not None and not self.done(record.key)]

    @classmethod
    @contextmanager
    def writing(cls, folder: Path) -> Iterator[Writer]:
        """Open a folder for writing; it is made if it is not there.

        Raises:
            InUseError: another process writes to it.
            HarnessError: the folder cannot be written to.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / ".lock").open("a")
        except OSError as error:
            raise HarnessError(
                f"{folder} cannot be written to: {error.strerror}; choose another folder with -o"
            ) from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUseError(
                    f"{folder} is in use by another harness run; wait for it, or choose another folder with -o"
                ) from None
            for name in (RESULTS, CONTEXTS, CHECKPOINTS):
                repair(folder / name)
            yield Writer(cls(folder))
        finally:
            lock.close()


class Writer:
    """The one writer of a store."""

    def __init__(self, store: Store) -> None:
        """Wrap a store that is locked."""
        self.store = store

    def add(self, records: Iterable[Record], context: Mapping[str, Any] | None, info: CheckpointInfo) -> None:
        """Write the records of one measurement in one piece, after what they refer to."""
        records, store = list(records), self.store
        if context is not None and context["context"] not in store.contexts:
            append(store.folder / CONTEXTS, [dict(context)])
            store.contexts[context["context"]] = dict(context)
        self.add_checkpoint(info)
        append(store.folder / RESULTS, [record.to_json() for record in records])
        for record in records:
            store._remember(record)

    def add_all(
        self, records: Iterable[Record], contexts: Iterable[Mapping[str, Any]], checkpoints: Iterable[CheckpointInfo]
    ) -> None:
        """Write many records at once, as an import does."""
        new = [dict(context) for context in contexts if context["context"] not in self.store.contexts]
        append(self.store.folder / CONTEXTS, new)
        self.store.contexts |= {context["context"]: context for context in new}
        fresh = [info for info in checkpoints if info != self.store.checkpoints.get(info.identity)]
        append(self.store.folder / CHECKPOINTS, [info.to_json() for info in fresh])
        self.store.checkpoints |= {info.identity: info for info in fresh}
        records = list(records)
        append(self.store.folder / RESULTS, [record.to_json() for record in records])
        for record in records:
            self.store._remember(record)

    def add_checkpoint(self, info: CheckpointInfo) -> None:
        """Write what is known of a checkpoint, if that is news; names it had before are kept."""
        known = self.store.checkpoints.get(info.identity)
        if known is not None:
            info = replace(info, names=tuple(dict.fromkeys((*known.names, *info.names))))
        if info != known:
            append(self.store.folder / CHECKPOINTS, [info.to_json()])
            self.store.checkpoints[info.identity] = info

    def forget_failures(self, tasks: set[str], names: set[str]) -> None:
        """Drop the failures of checkpoints (by name) on tasks that are about to be tried again."""
        store = self.store
        known = {identity: set(info.names) for identity, info in store.checkpoints.items()}
        kept = [
            record for record in store.records
            if record.error is None or record.task not in tasks or not known.get(record.checkpoint, set()) & names
        ]  # fmt: skip
        if len(kept) == len(store.records):
            return
        write_whole(store.folder / RESULTS, [record.to_json() for record in kept])
        store.records, store._position, store._done = [], {}, {}
        for record in kept:
            store._remember(record)


@contextmanager
def without_collection() -> Iterator[None]:
    """Hold the collector of reference cycles, which would look through all that was read, again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file; a torn last line is left out.

    Raises:
        HarnessError: a line that is no JSON object; the message names file and line.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ValueError("not an object")
            except ValueError:
                if not line.endswith(b"\n"):
                    return
                raise HarnessError(
                    f"{path}:{number}: not a JSON object: {line[:60]!r}; remove the line or restore the file"
                ) from None
            yield value


def read_as(read: Any, path: Path) -> Iterator[Any]:
    """Typed values of a JSON Lines file.

    Raises:
        HarnessError: a line of another form; the message names file and line.
    """
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield read(line)
        except (TypeError, ValueError, KeyError) as error:
            raise HarnessError(f"{path}:{number}: {error}") from None


def repair(path: Path) -> None:
    """Cut off a last line that was torn, or end one that was not."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb+") as file:
        content = file.read()
        if content.endswith(b"\n"):
            return
        start = content.rfind(b"\n") + 1
        try:
            json.loads(content[start:])
            file.write(b"\n")
        except ValueError:
            file.truncate(start)


def append(path: Path, lines: list[dict[str, Any]]) -> None:
    """Append lines in one write and sync it; a write that fails half-way is taken back.

    Raises:
        HarnessError: the disk is full or the file cannot be written.
    """
    text = encode(lines)
    with path.open("ab") as file:
        before = file.tell()
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            os.ftruncate(file.fileno(), before)
            raise HarnessError(
                f"{path}: {error.strerror}; nothing that was measured before is lost, run again to go on"
            ) from None


def write_whole(path: Path, lines: list[dict[str, Any]]) -> None:
    """Replace a file in one step."""
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            file.write(encode(lines))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise HarnessError(f"{path}: {error.strerror}; the file was left as it was") from None


def encode(lines: list[dict[str, Any]]) -> bytes:
    """JSON Lines as bytes; NaN and infinity are refused."""
    parts: list[str] = []
    sink: IO[str] = Parts(parts)  # type: ignore[assignment]
    with jsonlines.Writer(
        sink, compact=False, dumps=lambda v: json.dumps(v, ensure_ascii=False, allow_nan=False)
    ) as writer:
        writer.write_all(lines)
    return "".join(parts).encode()


class Parts:
    """The least that ``jsonlines.Writer`` asks of a file."""

    def __init__(self, parts: list[str]) -> None:
        """Collect into ``parts``."""
        self.write = parts.append
