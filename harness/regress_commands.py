"""What ``harness regress`` and ``harness baseline`` do: they call ``harness.regress`` and print its answer."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.regress.baseline import Baseline, read_baseline
from harness.regress.cell import Name, status_of
from harness.regress.compare import Comparison, Question, compare, groups
from harness.regress.slopes import Slopes
from harness.regress.tolerance import parse
from harness.results import Store

SUMMARY = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True)
class Shown:
    """How a comparison is told, beside the exit status."""

    as_json: bool = False
    junit: Path | None = None
    github: bool = False


def question_of(
    fail_on: str, tolerance: Sequence[str], tasks: Sequence[str], checkpoints: Sequence[str], alias: Sequence[str],
    reference: str | None,
) -> Question:  # fmt: skip
    """The question that the options ask.

    Raises:
        HarnessError: one of them cannot be read.
    """
    return Question(
        groups(fail_on),
        tuple(parse(text) for text in tolerance),
        patterns(tasks, checkpoints),
        aliases_of(alias),
        reference,
    )


def patterns(tasks: Sequence[str], checkpoints: Sequence[str]) -> tuple[Name, ...]:
    """The cells of some tasks (``TASK`` or ``TASK:METRIC``) on some checkpoints; none given: all.

    >>> patterns(["glue/rte:accuracy"], [])
    (Name(task='glue/rte', metric='accuracy', checkpoint='*'),)
    """
    if not tasks and not checkpoints:
        return ()
    named = [task.partition(":") for task in tasks or ["*"]]
    return tuple(Name(task, metric or "*", place) for task, _, metric in named for place in checkpoints or ["*"])


def aliases_of(pairs: Sequence[str]) -> dict[str, str]:
    """``NEW=OLD``: what a checkpoint of the results is called in the baseline.

    Raises:
        HarnessError: it has another form.

    >>> aliases_of(["runs/pr-7=runs/main"])
    {'runs/pr-7': 'runs/main'}
    """
    found = {}
    for text in pairs:
        new, equals, old = text.partition("=") if text.count("=") == 1 else text.partition("==")
        if not (new and equals and old):
            raise HarnessError(
                f"--alias {text!r}: expected NEW=OLD, the name of a checkpoint in the results and in the baseline "
                "(NEW==OLD where a name itself has a =)"
            )
        found[new] = old
    return found


def regress(baseline: Path, results: Path, question: Question, shown: Shown) -> int:
    """Compare, tell, and return the exit status."""
    if results.suffix == ".json":
        from harness.regress.benchmarks import compare_benchmarks

        found = compare_benchmarks(baseline, results, question)
    else:
        found = compared(read_baseline(baseline), results, question)
    if shown.junit is not None:
        from harness.regress.junit import write_junit

        write_junit(found, shown.junit)
    if shown.github:
        tell_github(found)
    if shown.as_json:
        from harness.regress.report import as_json

        print(json.dumps(as_json(found), allow_nan=False))
    else:
        from harness.render_regress import comparison_table

        comparison_table(found)
    return status_of(found.answers)


def compared(baseline: Baseline, results: Path, question: Question) -> Comparison:
    """A comparison; slopes are fitted where they are asked for."""
    slopes = Slopes(fits_of(baseline.folder), fits_of(results)) if "slope" in question.fail_on else None
    return compare(baseline, results, question, slopes)


def fits_of(folder: Path) -> list:
    """The slopes of a folder; none where it says no roles."""
    from harness.slope_commands import fits_of as fits
    from harness.slope_commands import read_folder

    store, roles = read_folder(folder, Store.of_rows)
    return fits(store.records, store.checkpoints, roles, folder)


def tell_github(found: Comparison) -> None:
    """Append to the step's summary where there is one, and print annotations."""
    from harness.regress.github import commands, summary

    place = os.environ.get(SUMMARY)
    if place:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(summary(found))
    for line in commands(found):
        print(line)


def update_baseline(
    baseline: Path, results: Path, question: Question, reason: str, *, dry_run: bool, as_json: bool
) -> None:
    """Take over into a baseline what fails, or what is asked for, with the reason."""
    from harness.regress.update import Wish, changes_of, update
    from harness.render_regress import changes_table

    held = read_baseline(baseline)
    wish = Wish(reason, question.only, dict(question.aliases), datetime.datetime.now(datetime.UTC).date())
    changes = changes_of(compare(held, results, question), wish)
    copied = 0 if dry_run else update(held, results, changes, wish)
    if as_json:
        told = [change.model_dump(mode="json", exclude_none=True) for change in changes]
        print(json.dumps({"changes": told, "records": copied, "file": str(held.path), "written": not dry_run}))
        return
    changes_table(changes, f"{'would change' if dry_run else 'changed'} in {held.path}: {reason}")
    if not dry_run:
        print(f"{copied} records taken over into {held.folder}; look at what changed in {held.path} and commit both")
