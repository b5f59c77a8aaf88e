"""The command ``harness``: parses, calls, renders, nothing else.

Exit status: 0 all well, 1 a measurement failed, 2 wrong usage, 3 bad input, 130 interrupted; of ``regress`` 1 is worse and
2 missing or incomparable.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness import exchange_cli
from harness.errors import HarnessError
from harness.make_options import Makers
from harness.regress_options import baseline_app, regress

BAD_INPUT, FAILED, INTERRUPTED = 3, 1, 130

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Score checkpoints on upstream loss, flatness and downstream metrics, and fit what transfers.",
)  # fmt: skip
tasks_app = typer.Typer(no_args_is_help=True, help="The tasks that ship, and specs of your own.")
suites_app = typer.Typer(no_args_is_help=True, help="The suites that ship, of public families of checkpoints.")
make_app = typer.Typer(cls=Makers, no_args_is_help=True, help="Make families of checkpoints.")
app.add_typer(tasks_app, name="tasks")
app.add_typer(suites_app, name="suites")
app.add_typer(make_app, name="make")
app.add_typer(baseline_app, name="baseline")
app.command()(regress)
exchange_cli.add_to(app)

SuiteArgument = Annotated[
    Path | None, typer.Argument(help="A leaderboard folder with suite.yaml, or suite:NAME, one that ships.")
]
Checkpoints = Annotated[
    list[str],
    typer.Option("--checkpoint", "-c", help="Hub org/name[@revision] or a folder; {a,b} expands. Repeatable."),
]
Tasks = Annotated[list[str], typer.Option("--task", "-t", help="A shipped task or a YAML file. Repeatable.")]
Seeds = Annotated[int, typer.Option(min=1, help="Fine-tuning seeds, counted from 1.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Results folder; default: the suite's own, or results/.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Rows of each split at most; such records are marked partial.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16 or float16, of the weights while scoring.")]
Offline = Annotated[bool, typer.Option("--offline", help="Use what is cached alone.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Pickle = Annotated[
    list[str],
    typer.Option("--allow-pickle", help="Checkpoint whose weights may be pickled, which can run code; {a,b} expands."),
]
Remote = Annotated[list[str], typer.Option("--trust-remote-code", help="Checkpoint whose own code may run.")]
TextFiles = Annotated[list[Path], typer.Option("--text", help="File for lm_loss/text. Repeatable.")]
Column = Annotated[str | None, typer.Option(help="Column of --text that holds the text.")]
Folder = Annotated[Path, typer.Argument(help="A results or leaderboard folder.")]


def main() -> None:
    """Entry point: one clear message and a status for what goes wrong."""
    try:
        # Typer turns an interrupt and typer.Exit into a status, and without its standalone mode returns it.
        leave(app(standalone_mode=False))
    except HarnessError as error:
        stop(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except typer.Exit as leaving:
        leave(leaving.exit_code)
    except typer.Abort:
        stop("aborted", INTERRUPTED)
    except OSError as error:
        stop(f"{error.filename or 'the system'}: {error.strerror or error}", BAD_INPUT)
    except Exception as error:
        usage = getattr(error, "format_message", None)
        if usage is None:
            raise
        stop(usage(), getattr(error, "exit_code", 2))


def leave(status: int | None) -> None:
    """Leave with a status other than 0; say what an interrupt keeps."""
    if status == INTERRUPTED:
        stop("interrupted; what was made and measured is kept, run the same command again to go on", INTERRUPTED)
    if status:
        sys.exit(status)


def stop(message: str, status: int) -> None:
    """Print a message on standard error and leave."""
    print(f"harness: {message}", file=sys.stderr)
    sys.exit(status)


@app.command()
def run(
    suite: SuiteArgument = None, checkpoint: Checkpoints = [], task: Tasks = [], seeds: Seeds = 1, output: Output = None,  # noqa: B006
    limit: Limit = None, device: Device = "cpu", dtype: Dtype = "float32", offline: Offline = False,
    allow_pickle: Pickle = [], trust_remote_code: Remote = [], text: TextFiles = [], column: Column = None,  # noqa: B006
    board: Annotated[bool, typer.Option(help="Write the board afterwards.")] = True, as_json: Json = False,
) -> None:  # fmt: skip
    """Measure what is not measured yet, and write the board."""
    from harness import commands

    wanted = commands.prepare(
        suite, checkpoint, task, seeds, output, limit=limit, device=device, dtype=dtype, offline=offline,
        allow_pickle=allow_pickle, trust_remote_code=trust_remote_code, text=text, column=column,
    )  # fmt: skip
    sys.exit(FAILED if commands.run(wanted, board=board, as_json=as_json) else 0)


@app.command()
def plan(
    suite: SuiteArgument = None, checkpoint: Checkpoints = [], task: Tasks = [], seeds: Seeds = 1, output: Output = None,  # noqa: B006
    limit: Limit = None, device: Device = "cpu", dtype: Dtype = "float32", offline: Offline = False,
    allow_pickle: Pickle = [], trust_remote_code: Remote = [], text: TextFiles = [], column: Column = None,  # noqa: B006
    as_json: Json = False,
) -> None:  # fmt: skip
    """Print what would be measured, what already is, and an estimate of tokens and minutes."""
    from harness import commands

    wanted = commands.prepare(
        suite, checkpoint, task, seeds, output, limit=limit, device=device, dtype=dtype, offline=offline,
        allow_pickle=allow_pickle, trust_remote_code=trust_remote_code, text=text, column=column,
    )  # fmt: skip
    commands.plan(wanted, as_json=as_json)


@app.command()
def fit(source: Annotated[Path | None, typer.Argument(help="A results folder, or a long table (CSV).")] = None, as_json: Json = False,
        higher_is_better: Annotated[list[str], typer.Option(help="A metric of the table where more is better.")] = [],  # noqa: B006
        lower_is_better: Annotated[list[str], typer.Option(help="A metric of the table where less is better.")] = [],  # noqa: B006
        explain: Annotated[str | None, typer.Option(help="Say what a flag or refusal means and what to do, such as LEVERAGE, or all.")] = None,
) -> None:  # fmt: skip
    """Print the transfer slopes of a results folder or of a table."""
    from harness import slope_commands

    if explain is not None:
        slope_commands.explain_code(explain, as_json=as_json)
        return
    if source is None:
        raise HarnessError("nothing to fit: give a results folder or a long table (CSV), or a code with --explain")
    slope_commands.fit(source, as_json=as_json, higher=tuple(higher_is_better), lower=tuple(lower_is_better))


@app.command()
def predict(
    source: Annotated[Path, typer.Argument(help="A results folder, or a long table (CSV).")],
    task: Annotated[str, typer.Option("--task", "-t", help="The downstream task.")],
    loss: Annotated[float | None, typer.Option(help="Upstream value of a checkpoint: what would it score?")] = None,
    reach: Annotated[float | None, typer.Option(help="A score: what upstream value would it take?")] = None,
    family: Annotated[str | None, typer.Option(help="One family; else every one.")] = None,
    upstream: Annotated[str | None, typer.Option(help="One upstream task; else every one.")] = None,
    metric: Annotated[str | None, typer.Option(help="One metric; else the headline.")] = None,
    higher_is_better: Annotated[list[str], typer.Option(help="A metric of the table where more is better.")] = [],  # noqa: B006
    lower_is_better: Annotated[list[str], typer.Option(help="A metric of the table where less is better.")] = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Print the score of a checkpoint with this loss, with a prediction interval; or the loss that a score takes."""
    from harness import slope_commands

    slope_commands.predict(
        source, task, loss=loss, reach=reach, family=family, upstream=upstream, metric=metric, as_json=as_json,
        higher=tuple(higher_is_better), lower=tuple(lower_is_better),
    )  # fmt: skip


@app.command()
def board(folder: Folder) -> None:
    """Write board.md, board.html and figures from the records of a folder."""
    from harness import slope_commands

    for path in slope_commands.write_board(folder):
        print(path)


@app.command()
def explain(
    key_a: Annotated[str, typer.Argument(help="A key, or its beginning.")],
    key_b: Annotated[str, typer.Argument(help="Another.")],
    folders: Annotated[list[Path], typer.Option("--in", help="Results folders to look in.")] = [Path("results")],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Say which parts of two signatures differ."""
    from harness import commands

    commands.explain(key_a, key_b, folders, as_json=as_json)


@app.command()
def compare(
    folder: Folder, a: Annotated[str, typer.Argument(help="A checkpoint of it, by name.")],
    b: Annotated[str, typer.Argument(help="Another; differences are A - B.")],
    task: Annotated[list[str], typer.Option("--task", "-t", help="A task, or a pattern such as wmt_domain/*. Repeatable; default: all.")] = [],  # noqa: B006
    as_json: Json = False,
) -> None:  # fmt: skip
    """Compare two checkpoints on the examples that both were scored on, with paired tests."""
    from harness import compare_commands

    compare_commands.compare(folder, a, b, task, as_json=as_json)


@tasks_app.command(name="list")
def tasks_list(as_json: Json = False) -> None:
    """List the tasks that ship."""
    from harness import tasks_commands

    tasks_commands.list_tasks(as_json=as_json)


@tasks_app.command(name="show")
def tasks_show(name: str) -> None:
    """Print a task's spec."""
    from harness import tasks_commands

    tasks_commands.show_task(name)


@tasks_app.command(name="pin")
def tasks_pin(name: Annotated[str, typer.Argument(help="A shipped task or a YAML file.")]) -> None:
    """Write the revision the Hub has now into a spec."""
    from harness import tasks_commands

    print(tasks_commands.pin_tasks(name))


@tasks_app.command(name="schema")
def tasks_schema() -> None:
    """Print the JSON Schema of specs, for editors."""
    from harness.specs.schema import task_schema

    print(json.dumps(task_schema(), indent=2))


@suites_app.command(name="list")
def suites_list(as_json: Json = False) -> None:
    """List the suites that ship: run one with ``harness run suite:NAME``."""
    from harness import suites_commands

    suites_commands.list_suites(as_json=as_json)


@suites_app.command(name="show")
def suites_show(name: str) -> None:
    """Print a suite's file, to be copied and changed."""
    from harness import suites_commands

    suites_commands.show_suite(name)


@app.command()
def push(
    folder: Annotated[Path, typer.Argument(help="A family folder, as harness make writes it.")],
    repository: Annotated[str, typer.Argument(help="Where it goes on the Hub: org/name.")],
    public: Annotated[bool, typer.Option("--public", help="A repository that is made now is seen by all.")] = False,
    offline: Offline = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Send a family to the Hub, one revision a member; what stands there is not sent again."""
    from harness import make_commands

    make_commands.push(folder, repository, public=public, offline=offline, as_json=as_json)


if __name__ == "__main__":
    main()
