"""The commands of exchange: import, export, merge, ``harness results`` and ``harness submit``; parses, calls, nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

FAILED = 1

results_app = typer.Typer(
    no_args_is_help=True, help="What a results folder holds: list it, drop of it, find what is stale."
)
submit_app = typer.Typer(no_args_is_help=True, help="Records for a leaderboard of others: check them.")

Folder = Annotated[Path, typer.Argument(help="A results or leaderboard folder.")]
TaskNames = Annotated[list[str], typer.Option("--task", "-t", help="A task, or a pattern such as glue/*. Repeatable.")]
CheckpointNames = Annotated[
    list[str], typer.Option("--checkpoint", "-c", help="A checkpoint's name or identity. Repeatable.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def import_results(
    path: Annotated[Path, typer.Argument(help="A long table (family,checkpoint,upstream,task,value[,upstream_name,metric,upstream_stderr,stderr,n,run]), an "
                                         "export, lm-eval's results_*.json or a folder of them, or records of Every Eval Ever.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Leaderboard folder to write.")],
    source: Annotated[str, typer.Option(help="Where the figures come from: a citation; a table must have one.")] = "",
    format: Annotated[str | None, typer.Option("--from", help="table, csv, parquet, lm-eval or every-eval-ever; default: what it looks like.")] = None,
    higher_is_better: Annotated[list[str], typer.Option(help="A metric where more is better.")] = [],  # noqa: B006
    lower_is_better: Annotated[list[str], typer.Option(help="A metric where less is better.")] = [],  # noqa: B006
    features: Annotated[Path | None, typer.Option(help="What is published of a table's tasks: task,NUMBER,...; a column chance is their floor.")] = None,
    family: Annotated[str, typer.Option(help="One family for all checkpoints; default: one a repository.")] = "",
    identity: Annotated[list[str], typer.Option(help="NAME=FOLDER or NAME=IDENTITY: what a model of lm-eval is. Repeatable.")] = [],  # noqa: B006
    partial: Annotated[bool, typer.Option("--partial", help="Take results on a part of the data too, marked.")] = False,
) -> None:  # fmt: skip
    """Import published tables and what other tools measured as a leaderboard."""
    from harness import exchange_commands
    from harness.results.exchange.content import Reading

    reading = Reading(source, family, {}, tuple(higher_is_better), tuple(lower_is_better), partial)
    exchange_commands.take(path, format, output, reading, features, identity)


def export_results(
    folder: Folder,
    to: Annotated[str, typer.Option("--to", help="csv, parquet, every-eval-ever, eval-results, model-index or latex.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, or the folder where there is one a checkpoint.")],
    task: TaskNames = [], checkpoint: CheckpointNames = [],  # noqa: B006
    organization: Annotated[str, typer.Option(help="Every Eval Ever: who provides the numbers.")] = "",
    relationship: Annotated[str, typer.Option(help="Every Eval Ever: first_party, third_party, collaborative or other to the model's makers.")] = "other",
) -> None:  # fmt: skip
    """Export records to another format; one line says what it does not hold."""
    from harness import exchange_commands
    from harness.results.exchange.content import Terms

    exchange_commands.give(folder, to, output, Terms(organization, relationship), task, checkpoint)


def merge_results(
    folders: Annotated[list[Path], typer.Argument(help="Results folders, two or more.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder.")],
) -> None:
    """Join results folders; one measurement with two values is an error that names both."""
    from harness import exchange_commands

    exchange_commands.merge(folders, output)


@results_app.command(name="list")
def results_list(folder: Folder, task: TaskNames = [], checkpoint: CheckpointNames = [], as_json: Json = False) -> None:  # noqa: B006
    """List what a folder holds, task by task."""
    from harness import results_commands

    results_commands.list_results(folder, task, checkpoint, as_json=as_json)


@results_app.command(name="stale")
def results_stale(folder: Folder, as_json: Json = False) -> None:
    """List records of an older task version or measuring code than the present one."""
    from harness import results_commands

    results_commands.stale(folder, as_json=as_json)


@results_app.command(name="drop")
def results_drop(
    folder: Folder, task: TaskNames = [], checkpoint: CheckpointNames = [],  # noqa: B006
    stale: Annotated[bool, typer.Option("--stale", help="Stale records alone.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, what would go is printed.")] = False,
) -> None:  # fmt: skip
    """Drop records of some tasks or checkpoints, or stale ones; prints first what would go."""
    from harness import results_commands

    results_commands.drop(folder, task, checkpoint, only_stale=stale, yes=yes)


@submit_app.command(name="check")
def submit_check(
    folder: Folder,
    checkpoint: CheckpointNames = [],  # noqa: B006
    sample: Annotated[int, typer.Option(min=0, help="How many measurements to make again, drawn at random.")] = 3,
    seed: Annotated[int | None, typer.Option(help="Draw the same ones again; default: none foreseeable.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    offline: Annotated[bool, typer.Option("--offline", help="Use what is cached alone.")] = False,
    as_json: Json = False,
) -> None:
    """Check that records are whole and untouched, and measure a random sample of them again."""
    from harness import results_commands

    wrong = results_commands.submit_check(
        folder, checkpoint, sample, seed, device=device, offline=offline, as_json=as_json
    )
    sys.exit(FAILED if wrong else 0)


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``harness``."""
    app.command(name="import")(import_results)
    app.command(name="export")(export_results)
    app.command(name="merge")(merge_results)
    app.add_typer(results_app, name="results")
    app.add_typer(submit_app, name="submit")
