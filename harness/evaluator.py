"""The one loop from a request to records."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.checkpoints import Resolved, resolve_in_memory
from harness.checkpoints.ahead import fetch_ahead
from harness.errors import HarnessError
from harness.machine import high_water, reset_high_water, versions
from harness.making import make_families
from harness.measures.kinds import kind_of
from harness.measures.measurement import Measurement, check_finite
from harness.measures.session import RowCache, Session
from harness.plan import Signatures, check_splits, locate, seeds_of
from harness.progress import progress, say
from harness.request import Options, Request, from_arguments, save_suite
from harness.results import CheckpointInfo, Cost, Record, Store, digest, key_of
from harness.results.outcomes import join_shards, write_shard
from harness.results.store import Writer
from harness.results.texts import write_texts
from harness.specs import Task


@dataclass
class Outcome:
    """How a run went."""

    measured: int = 0
    already: int = 0
    failed: list[Record] = field(default_factory=list)


def run(request: Request, output: Path, options: Options) -> Outcome:
    """Make what is to be made, measure what is not measured, and write each record as soon as it exists.

    Raises:
        InUseError: another run writes to the folder.
        HarnessError: the folder cannot be written, or a family cannot be made.
    """
    with Store.writing(output) as writer:
        save_suite(request, output)
        make_families(request, output, options)
        evaluation = Evaluation(request, output, options, writer)
        evaluation.all()
        join_shards(output)
    return evaluation.outcome


class Evaluation:
    """One pass over the cells of a request."""

    def __init__(self, request: Request, output: Path, options: Options, writer: Writer) -> None:
        """Share data and signatures between checkpoints."""
        self.request, self.output, self.options, self.writer = request, output, options, writer
        self.data = RowCache(options.offline, options.limit)
        self.signatures = Signatures(options, self.data, writer.store)
        self.outcome = Outcome()
        self.seconds_of_stages = 0.0

    def all(self) -> None:
        """Measure every cell, checkpoint by checkpoint."""
        by_checkpoint: dict[tuple[str, str], list[Task]] = {}
        for family, name, task in self.request.cells():
            by_checkpoint.setdefault((family, name), []).append(task)
        self.writer.forget_failures(set(self.request.tasks), {name for _, name in by_checkpoint})
        total = sum(len(seeds_of(task, self.request)) for tasks in by_checkpoint.values() for task in tasks)
        with progress("measurements", total) as advance:
            for (_, name), found, tasks in self.located(by_checkpoint):
                if not isinstance(found, Resolved):
                    found = found or HarnessError(f"{name} was not made")
                    self.unresolved(name, tasks, found, advance)
                else:
                    self.checkpoint(found, tasks, advance)

    def located(
        self, by_checkpoint: Mapping[tuple[str, str], list[Task]]
    ) -> Iterator[tuple[tuple[str, str], Resolved | HarnessError | None, list[Task]]]:
        """Every checkpoint with its tasks; while one is measured, the weights of the next are on their way."""
        ahead: Resolved | HarnessError | None = None
        for place, (named, tasks) in enumerate(names := list(by_checkpoint.items())):
            found = locate(self.request, self.options, self.output, *named) if place == 0 else ahead
            if place + 1 < len(names):
                following, its_tasks = names[place + 1]
                ahead = locate(self.request, self.options, self.output, *following)
                if isinstance(ahead, Resolved) and self.lacks(ahead, its_tasks):
                    fetch_ahead(ahead)
            yield named, found, tasks

    def lacks(self, found: Resolved, tasks: Sequence[Task]) -> bool:
        """Whether a measurement of a checkpoint is missing that reads its weights."""
        try:
            keys = [(digest(self.signatures.parts(task, found)), task) for task in tasks]
        except HarnessError:
            return True
        done = self.writer.store.done
        return any(
            not done(key_of(signature, found.identity, seed))
            for signature, task in keys
            for seed in seeds_of(task, self.request)
        )

    def unresolved(
        self, name: str, tasks: Sequence[Task], error: HarnessError, advance: Callable[[float], None]
    ) -> None:
        """Every cell of a checkpoint that cannot be had is a failure."""
        info = CheckpointInfo(identity=f"unresolved:{name}", names=(name,), run=name)
        for task in tasks:
            for seed in seeds_of(task, self.request):
                self.fail(task, info, seed, {"task": task.definition(), "unresolved": True}, str(error))
                advance(1)

    def checkpoint(self, found: Resolved, tasks: Sequence[Task], advance: Callable[[float], None]) -> None:
        """All cells of one checkpoint; its weights are loaded when the first cell asks for them."""
        session = self.session(found, tasks)
        for task in tasks:
            for seed in seeds_of(task, self.request):
                self.cell(session, task, seed)
                advance(1)

    def session(self, found: Resolved, tasks: Sequence[Task]) -> Session:
        """What measurements of a checkpoint work with."""
        parents = frozenset(parent for task in tasks if (parent := getattr(task, "trained_on", None)))
        session = Session(
            checkpoint=found, data=self.data, device=self.options.device, dtype=self.options.dtype,
            stage=lambda *_: [], cell=lambda *_: {}, token_budget=self.options.token_budget, keep_trained=parents,
        )  # fmt: skip
        session.cell = lambda task, seed: self.selected(session, task, seed)
        return session

    def cell(self, session: Session, task: Task, seed: int | None) -> list[Record]:
        """One measurement: found in the store, or made and written."""
        info = session.checkpoint.info
        try:
            parts = self.signatures.parts(task, session.checkpoint)
        except HarnessError as error:
            return [self.fail(task, info, seed, {"task": task.definition(), "refused": True}, str(error))]
        done = self.writer.store.done(key_of(digest(parts), info.identity, seed))
        if done:
            self.outcome.already += 1
            self.writer.add_checkpoint(info)
            return done
        session.stage = lambda extra, measure: self.stage(session, task, seed, {**parts, "stage": extra}, measure)
        records = self.measured(
            session, task, seed, parts, lambda: kind_of(task).measure(session, task, seed), "selected"
        )
        self.outcome.measured += records[0].error is None
        return records

    def stage(
        self, session: Session, task: Task, seed: int | None, parts: Mapping[str, Any], measure: Callable[[], Measurement]
    ) -> list[Record]:  # fmt: skip
        """A run of a grid: found in the store, or made and written."""
        done = self.writer.store.done(key_of(digest(parts), session.checkpoint.identity, seed))
        if done:
            return done
        began = time.perf_counter()
        records = self.measured(session, task, seed, parts, measure, "grid")
        self.seconds_of_stages += time.perf_counter() - began
        return records

    def selected(self, session: Session, task: Task, seed: int | None) -> Mapping[str, Any]:
        """What a cell selected; the cell is measured if it was not.

        Raises:
            HarnessError: the cell failed.
        """
        record = self.cell(session, task, seed)[0]
        if record.error is not None or record.selected is None:
            raise HarnessError(
                f"{task.name} on {session.checkpoint.name} failed, so its model cannot be scored: {record.error}"
            )
        return record.selected

    def measured(
        self, session: Session, task: Task, seed: int | None, parts: Mapping[str, Any],
        measure: Callable[[], Measurement], stage: str,
    ) -> list[Record]:  # fmt: skip
        """Measure and write; what goes wrong in the measuring is a record too."""
        info, key = session.checkpoint.info, key_of(digest(parts), session.checkpoint.identity, seed)
        reset_high_water(self.options.device)
        began, before = time.perf_counter(), self.seconds_of_stages
        try:
            found = measure()
            check_finite(found)
            partial = check_splits(task, self.data)
        except HarnessError as error:
            return [self.fail(task, info, seed, parts, str(error), stage)]
        except Exception as error:
            if os.environ.get("HARNESS_TRACEBACK"):
                traceback.print_exc()
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
            return [self.fail(task, info, seed, parts, reason, stage)]
        seconds = time.perf_counter() - began - (self.seconds_of_stages - before)
        cost = Cost(round(seconds, 3), found.tokens, high_water(self.options.device))
        context = self.context(task, parts)
        records = [
            Record(
                key=key, metric=v.metric, value=v.value, stderr=v.stderr, stderr_method=v.stderr_method, n=v.n,
                unit=v.unit, higher_is_better=v.higher_is_better, task=task.name, task_version=task.version,
                checkpoint=info.identity, seed=seed, stage=stage, selected=found.selected, partial=partial,
                warnings=found.warnings, details=v.details, signature=context["signature"], context=context["context"],
                cost=cost,
            )
            for v in found.values
        ]  # fmt: skip
        write_shard(self.output, key, [outcome.columns() for outcome in found.outcomes])
        self.writer.add(records, context, info)
        self.keep(found, task, info, key)
        return records

    def keep(self, found: Measurement, task: Task, info: CheckpointInfo, key: str) -> None:
        """What the model wrote, where it can be kept; its record stands either way."""
        try:
            write_texts(self.output, key, found.texts)
        except OSError as error:
            say(f"outputs of {task.name} on {info.names[0]} were not kept ({error}); the records are whole")

    def context(self, task: Task, parts: Mapping[str, Any]) -> dict[str, Any]:
        """What a record refers to: the parts of its signature and the machine that measured it."""
        line = {
            "signature": digest(parts), "parts": dict(parts), "versions": versions(), "device": self.options.device,
            "threads": threads(), "fingerprints": self.signatures.addresses.get(task.name, {}),
        }  # fmt: skip
        return {"context": digest(line), **line}

    def fail(
        self, task: Task, info: CheckpointInfo, seed: int | None, parts: Mapping[str, Any], reason: str, stage: str = "selected"
    ) -> Record:  # fmt: skip
        """Write a failure."""
        key = key_of(digest(parts), info.identity, seed)
        context = self.context(task, parts)
        record = Record(
            key=key, metric="error", value=None, unit="", higher_is_better=False, task=task.name,
            task_version=task.version, checkpoint=info.identity, seed=seed, stage=stage, error=reason,
            signature=context["signature"], context=context["context"],
        )  # fmt: skip
        self.writer.add([record], context, info)
        self.outcome.failed.append(record)
        say(f"failed: {task.name} on {info.names[0]}: {reason}")
        return record


def threads() -> int:
    """Threads of one operation."""
    import torch

    return torch.get_num_threads()


def evaluate(
    checkpoint: str | tuple[Any, Any], tasks: str | Sequence[str], *, seeds: int | Sequence[int] = 1,
    output: str | Path | None = None, limit: int | None = None, device: str = "cpu", dtype: str = "float32",
    offline: bool = False, step: int | None = None, run: str | None = None, name: str | None = None,
) -> list[Record]:  # fmt: skip
    """Score a checkpoint and return its records.

    Args:
        checkpoint: a Hub name, a folder, or (model, tokenizer) in memory.
        tasks: names of tasks, or paths of YAML files.
        seeds: how many fine-tuning seeds, counted from 1, or which.
        output: a folder to keep records in; what it holds is not measured again.
        limit: rows of each split at most; such records are marked partial.
        device: "cpu" or "cuda".
        dtype: of the weights while scoring.
        offline: use what is cached alone.
        step: of a model in memory: the training step it stands at.
        run: of a model in memory: the training run it belongs to.
        name: of a model in memory: what to call it.

    Raises:
        HarnessError: bad input. A measurement that fails is a record with ``error``.
    """
    chosen = tuple(range(1, seeds + 1)) if isinstance(seeds, int) else tuple(seeds)
    options = Options(limit=limit, device=device, dtype=dtype, offline=offline)
    label = checkpoint if isinstance(checkpoint, str) else name or "in memory"
    request = from_arguments([label], [tasks] if isinstance(tasks, str) else tasks, chosen, family=run)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(output) if output is not None else Path(scratch)
        with Store.writing(folder) as writer:
            save_suite(request, folder)
            evaluation = Evaluation(request, folder, options, writer)
            if isinstance(checkpoint, str):
                evaluation.all()
            else:
                model, tokenizer = checkpoint
                found = resolve_in_memory(model, tokenizer, name=label, run=run, step=step)
                evaluation.checkpoint(found, list(request.tasks.values()), lambda amount: None)
            identities = {i for i, info in writer.store.checkpoints.items() if label in info.names}
            return [r for r in writer.store.records if r.checkpoint in identities and r.task in request.tasks]
