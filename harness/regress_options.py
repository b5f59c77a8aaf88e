"""The command line of ``harness regress`` and ``harness baseline``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

baseline_app = typer.Typer(no_args_is_help=True, help="What results are held to.")

Baseline = Annotated[
    Path, typer.Option("--baseline", "-b", help="A results folder, or a baseline.yaml that names one.")
]
Results = Annotated[
    Path, typer.Argument(help="A results folder; of a benchmark comparison a JSON file of pytest-benchmark.")
]
Tolerance = Annotated[
    list[str],
    typer.Option(
        "--tolerance",
        help="Smallest difference that matters: [TASK[:METRIC]=]AMOUNT, such as 0.01 or glue/*=2%. Repeatable.",
    ),
]
Tasks = Annotated[
    list[str], typer.Option("--task", "-t", help="TASK or TASK:METRIC; * stands for anything. Repeatable.")
]
Checkpoints = Annotated[
    list[str], typer.Option("--checkpoint", "-c", help="Name of a checkpoint in the baseline. Repeatable.")
]
Alias = Annotated[
    list[str],
    typer.Option("--alias", help="NEW=OLD: a checkpoint's name in the results and in the baseline. Repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def regress(
    results: Results, baseline: Baseline,
    fail_on: Annotated[str, typer.Option(help="What may fail: metric,slope,loss,flatness,cost.")] = "metric,loss",
    tolerance: Tolerance = [], task: Tasks = [], checkpoint: Checkpoints = [], alias: Alias = [],  # noqa: B006
    reference: Annotated[str | None, typer.Option(help="Task (or benchmark) whose time says how fast the machine is.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit file.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Write the step's summary and print annotations.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Compare results with a baseline: exit status 1 where something got worse, 2 where it cannot be told, 3 bad input."""
    from harness import regress_commands as commands

    question = commands.question_of(fail_on, tolerance, task, checkpoint, alias, reference)
    sys.exit(commands.regress(baseline, results, question, commands.Shown(as_json, junit, github)))


@baseline_app.command(name="update")
def update(
    results: Results, baseline: Baseline,
    reason: Annotated[str, typer.Option(help="Why the baseline may change; it is written beside every change.")],
    task: Tasks = [], checkpoint: Checkpoints = [], alias: Alias = [], tolerance: Tolerance = [],  # noqa: B006
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change and write nothing.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take over into a baseline what fails, or the cells that --task and --checkpoint name, with a reason."""
    from harness import regress_commands as commands

    question = commands.question_of("metric,loss,flatness", tolerance, task, checkpoint, alias, None)
    commands.update_baseline(baseline, results, question, reason, dry_run=dry_run, as_json=as_json)
