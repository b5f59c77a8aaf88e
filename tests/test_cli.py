"""The command as a user meets it: messages, exit status, no traceback."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from harness.cli import main

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "harness.cli"]


def harness(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command in this process: what it prints and its status."""
    out, errors, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
        patch.setattr(sys, "argv", ["harness", *map(str, arguments)])
        if cwd is not None:
            patch.chdir(cwd)
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code or 0
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), errors.getvalue())


def in_process_of_its_own(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=300,
        env={**os.environ, **environment},
    )  # fmt: skip


def one_message(done: subprocess.CompletedProcess[str], status: int, *parts: str) -> None:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


def test_help_and_listing_start_fast_without_torch(tmp_path):
    blocked = tmp_path / "torch.py"
    blocked.write_text("raise ImportError('torch is not to be imported for this')")
    for arguments in (["run", "--help"], ["tasks", "list"]):
        done = in_process_of_its_own(*arguments, cwd=tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}")
        assert done.returncode == 0, done.stderr
    assert "glue/rte" in done.stdout


@pytest.mark.parametrize(("arguments", "parts"), [
    (["run", "--checkpoint", "a/b", "--task", "glue/rtee"], ["unknown task 'glue/rtee'", "did you mean 'glue/rte'"]),
    (["run", "--task", "glue/rte"], ["nothing to measure"]),
    (["run", "nowhere"], ["no suite at nowhere"]),
    (["run", "--checkpoint", "a/b", "--task", "lm_loss/text"], ["give it with --text FILE"]),
    (["run", "--checkpoint", "a/b", "--task", "lm_loss/text", "--text", "none.txt"], ["no such file"]),
    (["run", "--checkpoint", "a{1,2", "--task", "glue/rte"], ["brace"]),
    (["run", "--checkpoint", "a/b", "--task", "glue/rte", "--device", "tpu"], ["valid: cpu, cuda"]),
    (["run", "--checkpoint", "a/b", "--task", "glue/rte", "--dtype", "float31"], ["float32"]),
    (["fit", "nowhere"], ["no folder and no file nowhere"]),
    (["board", "nowhere"], ["holds no results.jsonl"]),
    (["explain", "a", "b", "--in", "nowhere"], ["no key in nowhere begins with 'a'"]),
    (["import", "none.csv", "--source", "s", "-o", "x"], ["none.csv"]),
    (["make", "pretrain", "none.yaml", "-o", "x"], ["none.yaml: cannot be read"]),
    (["tasks", "show", "glue/rtee"], ["did you mean 'glue/rte'"]),
    (["tasks", "pin", "synthetic/hmm_loss"], ["not of the Hub"]),
])  # fmt: skip
def test_bad_input_is_one_message_and_status_3(tmp_path, arguments, parts):
    one_message(harness(*arguments, cwd=tmp_path), 3, *parts)


def test_wrong_usage_is_status_2(tmp_path):
    one_message(harness("run", "--sedes", "3", cwd=tmp_path), 2, "No such option")


@pytest.mark.parametrize(("change", "parts"), [
    ("splits: {train: train, score: dev}", ["no split 'dev'", "validation"]),
    ("inputs: ['{{ sentence }}']", ["no column 'sentence'", "did you mean 'sentence"]),
    ("data: {path: nyu-mll/glue, name: rtee}", ["no configuration 'rtee'", "did you mean 'rte'"]),
    ("data: {path: nyu-mll/glue, name: rte, revision: v9}", ["no revision 'v9'"]),
    ("data: {path: nyu-mll/gluue, name: rte}", ["no data set 'nyu-mll/gluue'"]),
])  # fmt: skip
def test_data_that_is_not_there_fails_the_cell_with_the_place_of_the_spec(hub, tmp_path, change, parts):
    (tmp_path / "mine.yaml").write_text(f"include: glue/rte\n{change}\n")
    done = harness("run", "-c", "tests/tiny-bert", "-t", "mine.yaml", "-o", "out", cwd=tmp_path)
    one_message(done, 1, "mine.yaml:", *parts)


def test_a_first_run_by_name_a_plan_a_fit_and_a_board(hub, tmp_path):
    ask = ["-c", "tests/tiny-gpt2@step{1,2}", "-t", "lm_loss/wiki", "-t", "lm_loss/wikitext2", "-o", "out"]
    planned = harness("plan", *ask, "--json", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert {cell["state"] for cell in json.loads(planned.stdout)["cells"]} == {"to do"}
    done = harness("run", *ask, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["measured"] == 4
    assert (tmp_path / "out/board.html").is_file() and (tmp_path / "out/board.md").is_file()
    again = harness("run", *ask, "--offline", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["already"] == 4
    text = harness("plan", *ask, cwd=tmp_path)
    assert "tests/tiny-gpt2" in text.stdout and "in all about" in text.stdout
    keys = [json.loads(line)["key"] for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]
    told = harness("explain", keys[0], keys[-1], "--in", "out", cwd=tmp_path)
    assert told.returncode == 0 and "data.score" in told.stdout


@pytest.mark.slow
def test_no_network_is_one_message(tmp_path, content):
    done = in_process_of_its_own(
        "run", "-c", content.folder("bert"), "-t", "glue/rte", "-o", "out", cwd=tmp_path,
        HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "empty"), HARNESS_CACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    one_message(
        done, 1, "the Hub (http://127.0.0.1:9) cannot be reached for nyu-mll/glue; check the network, or pass --offline"
    )


def test_a_gated_checkpoint_names_the_token(hub, tmp_path, monkeypatch):
    ask = ["run", "-c", "tests/gated-too", "-t", "lm_loss/wiki", "-o", "out"]
    one_message(harness(*ask, cwd=tmp_path), 1, "HF_TOKEN")
    from tests.hub.content import TOKEN

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = harness(*ask, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_checkpoint_that_cannot_be_fetched_fails_alone_and_is_tried_again(hub, content, waits, tmp_path):
    hub.publish("models", "tests/unsteady", content.files("gpt2"))
    fault = hub.fault("tests/unsteady", method="GET", status=503)
    ask = ["run", "-c", "tests/unsteady", "-c", "tests/tiny-gpt2@step1", "-t", "lm_loss/wiki", "-o", "out", "--json"]
    done = harness(*ask, cwd=tmp_path)
    one_message(
        done, 1, "failed: lm_loss/wiki on tests/unsteady: the Hub", "answered 503", "run the same command again"
    )
    told = json.loads(done.stdout)
    assert (told["measured"], told["failed"]) == (1, 1)
    read = lambda: [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]  # noqa: E731
    assert [r["checkpoint"] for r in read() if r.get("error")] == ["unresolved:tests/unsteady"]
    fault.times = 0
    told = json.loads(harness(*ask, "--offline", cwd=tmp_path).stdout)
    assert (told["measured"], told["already"], told["failed"]) == (0, 1, 1)
    assert "--offline forbids" in told["errors"][0]["error"]
    hub.fault("model.safetensors", method="GET", garbled=True)
    told = json.loads(harness(*ask, cwd=tmp_path).stdout)
    assert (told["measured"], told["already"], told["failed"]) == (0, 1, 1)
    assert "not kept in the cache" in told["errors"][0]["error"]
    hub.misbehaviour.faults.clear()
    done = harness(*ask, cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["measured"]) == (0, 1)
    assert not [r for r in read() if r.get("error")]


def test_pickle_and_remote_code_are_refused_unless_named(hub, tmp_path):
    for name, option in (("tests/pickled", "--allow-pickle"), ("tests/remote-code", "--trust-remote-code")):
        ask = ["run", "-c", name, "-t", "lm_loss/wiki", "-o", name.split("/")[1]]
        one_message(harness(*ask, cwd=tmp_path), 1, option)
        done = harness(*ask, option, name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_a_model_without_a_tokenizer_says_so(hub, tmp_path):
    one_message(
        harness("run", "-c", "tests/no-tokenizer", "-t", "lm_loss/wiki", "-o", "out", cwd=tmp_path), 1, "tokenizer"
    )


def test_text_of_ones_own(content, tmp_path):
    (tmp_path / "notes.txt").write_text("Some words of one's own.\n\nAnd some more.\n")
    (tmp_path / "rows.jsonl").write_text('{"body": "one text"}\n{"body": "another text"}\n')
    model = str(content.folder("gpt2"))
    for more in (["--text", "notes.txt"], ["--text", "rows.jsonl", "--column", "body"]):
        done = harness("run", "-c", model, "-t", "lm_loss/text", "-o", "out", *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    tasks = {json.loads(line)["task"] for line in (tmp_path / "out/results.jsonl").read_text().splitlines()}
    assert tasks == {"lm_loss/text:notes", "lm_loss/text:rows"}


def test_a_folder_in_use_is_one_message(tmp_path, content):
    from harness.results import Store

    with Store.writing(tmp_path / "out"):
        done = harness("run", "-c", str(content.folder("gpt2")), "-t", "synthetic/hmm_loss", "-o", "out", cwd=tmp_path)
    one_message(done, 3, "out is in use by another harness run")


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_measured(tmp_path):
    suite = tmp_path / "suite.yaml"
    suite.write_text((ROOT / "leaderboards/quickstart/suite.yaml").read_text())
    # A shell that runs the tests in the background has them ignore the interrupt, and so would the command.
    heard = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    process = subprocess.Popen([*COMMAND, "run", str(tmp_path)], stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    member = tmp_path / "families/hmm-gpt2/seed=1"
    while not list(member.glob("step=*/harness.json")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "run the same command again to go on" in errors and "Traceback" not in errors


def test_pin_writes_the_commit_and_nothing_else(hub, tmp_path):
    for form in ("data: {path: nyu-mll/glue, name: rte}", "data:\n  path: nyu-mll/glue\n  name: rte",
                 "data: {path: nyu-mll/glue, name: rte, revision: main}"):  # fmt: skip
        text = (
            f"description: d # kept\nkind: finetune\n{form}\nsplits: {{train: train, score: validation}}\n"
            "inputs: ['{{ sentence1 }}']\nlabels: [a, b]\nmetrics: [accuracy]\n"
        )
        (tmp_path / "mine.yaml").write_text(text)
        done = harness("tasks", "pin", "mine.yaml", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        edited = (tmp_path / "mine.yaml").read_text()
        commit = done.stdout.split()[-1]
        assert len(commit) == 40 and f"revision: {commit}" in edited and "# kept" in edited


def test_a_table_is_imported_fitted_and_refused_twice(tmp_path):
    table = ROOT / "tests/golds/kaplan.csv"
    fitted = harness("fit", table, "--json")
    assert fitted.returncode == 0, fitted.stderr
    assert {row["task"] for row in json.loads(fitted.stdout)} == {"books", "wikipedia"}
    done = harness("import", table, "--source", "Kaplan et al. 2020", "-o", "board", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Kaplan et al. 2020" in (tmp_path / "board/board.md").read_text()
    one_message(harness("import", table, "--source", "s", "-o", "board", cwd=tmp_path), 3, "holds results already")
    again = harness("fit", "board", "--json", cwd=tmp_path)
    assert [r["transfer_slope"] for r in json.loads(again.stdout)] == [
        r["transfer_slope"] for r in json.loads(fitted.stdout)
    ]
