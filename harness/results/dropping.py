"""Records that are taken out of a results folder, with the outcomes, outputs, contexts and checkpoints that were theirs alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import HarnessError, nearest
from harness.results.outcomes import forget_outcomes
from harness.results.record import Record
from harness.results.store import CHECKPOINTS, CONTEXTS, RESULTS, Store, write_whole
from harness.results.texts import texts_path


def chosen(
    store: Store,
    tasks: Sequence[str],
    checkpoints: Sequence[str],
    matches: Callable[[Record], bool] = lambda record: True,
) -> list[Record]:
    """The records of tasks (names or patterns such as ``glue/*``) and checkpoints (names or identities); empty stands for all.

    Raises:
        HarnessError: a task or checkpoint that the folder has no record of.
    """
    names = {record.task for record in store.records}
    for task in tasks:
        if not any(fnmatchcase(name, task) for name in names):
            raise HarnessError(f"{store.folder} has no record of the task {task!r}; {nearest(task, names)}")
    known = {info.identity: {info.identity, *info.names} for info in store.checkpoints.values()}
    for checkpoint in checkpoints:
        if not any(checkpoint in called for called in known.values()):
            every = {name for called in known.values() for name in called}
            raise HarnessError(f"{store.folder} has no checkpoint {checkpoint!r}; {nearest(checkpoint, every)}")
    return [
        record for record in store.records
        if (not tasks or any(fnmatchcase(record.task, task) for task in tasks))
        and (not checkpoints or known.get(record.checkpoint, {record.checkpoint}) & set(checkpoints)) and matches(record)
    ]  # fmt: skip


def drop(folder: Path, gone: Collection[Record]) -> None:
    """Take records out.

    Records go first, so that whatever a kill leaves behind refers to nothing that is missing.

    Raises:
        InUseError: a run writes to the folder.
        HarnessError: it cannot be written to.
    """
    places = {(record.key, record.metric) for record in gone}
    with Store.writing(folder) as writer:
        store = writer.store
        kept = [record for record in store.records if (record.key, record.metric) not in places]
        write_whole(folder / RESULTS, [record.to_json() for record in kept])
        keys = {key for key, _ in places} - {record.key for record in kept}
        forget_outcomes(folder, keys)
        for key in keys:
            texts_path(folder, key).unlink(missing_ok=True)
        contexts, checkpoints = {record.context for record in kept}, {record.checkpoint for record in kept}
        were = {record.checkpoint for record in gone}
        write_whole(folder / CONTEXTS, [line for name, line in store.contexts.items() if name in contexts])
        infos = [info for name, info in store.checkpoints.items() if name in checkpoints or name not in were]
        write_whole(folder / CHECKPOINTS, [info.to_json() for info in infos])
