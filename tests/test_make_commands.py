"""``harness make``: recipes from files and options, their plan, their faults, and the making."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections import namedtuple
from pathlib import Path

import pytest
import yaml

from harness.make_commands import recipe_from
from harness.makers.pretrain import Loop
from tests.test_cli import COMMAND, harness, one_message

RECIPE = """\
objective: causal
architecture: {model_type: gpt2, n_embd: 16, n_layer: 1, n_head: 1, n_positions: 64}
tokenizer: {kind: word, vocabulary: 128}
corpus: [{data: {world: hmm, options: {text_train: 200}}}]
steps: 2:6:2
batch_size: 8
length: 33
"""
OPTIONS = ["--objective", "causal", "--architecture", "{model_type: gpt2, n_embd: 16, n_layer: 1, n_head: 1, n_positions: 64}",
           "--tokenizer", "{kind: word, vocabulary: 128}", "--corpus", "{data: {world: hmm, options: {text_train: 200}}}",
           "--steps", "2:6:2", "--batch_size", "8", "--length", "33"]  # fmt: skip


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def test_a_file_and_options_make_the_same_recipe(recipe):
    given = {name.lstrip("-").replace("-", "_"): text for name, text in zip(OPTIONS[::2], OPTIONS[1::2], strict=True)}
    assert recipe_from("pretrain", given, None)[0] == recipe_from("pretrain", {}, str(recipe))[0]


def test_options_win_over_the_file_and_lists_need_no_brackets(recipe):
    made, folder = recipe_from("pretrain", {"seeds": "1,2", "steps": "4", "learning_rate": "3e-3"}, str(recipe))
    assert (made.seeds, made.steps, made.learning_rate, made.batch_size) == ((1, 2), (4,), 0.003, 8)
    assert folder == recipe.parent


def test_a_name_is_where_it_starts_and_words_are_not_read_as_yaml():
    given = {"objective": "masked", "corpus": "lm_loss/wiki", "steps": "10:30:10"}
    made, folder = recipe_from("pretrain", given, "2020/1e5")
    assert (made.start, made.steps, folder) == ("2020/1e5", (10, 20, 30), Path())
    assert made.corpus[0].split == "train" and made.corpus[0].data.path == "Salesforce/wikitext"


def test_a_corpus_file_is_found_from_here_whatever_the_folder_of_the_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/r.yaml").write_text(RECIPE)
    (tmp_path / "mine.txt").write_text("text\n")
    made, folder = recipe_from("pretrain", {"corpus": "mine.txt"}, "recipes/r.yaml")
    assert (folder / made.corpus[0].data.files[0]).resolve() == tmp_path / "mine.txt"


@pytest.mark.parametrize(("arguments", "parts"), [
    (["--learning-rate", "-3"], ["--learning-rate: 'learning_rate' is -3; input should be greater than 0"]),
    (["--schedule", "liner"], ["--schedule: 'schedule' is 'liner'; input should be 'linear'"]),
    (["--protocol", "none"], ["unknown protocol 'none'"]),
    (["--steps", "4:1:1"], ["--steps: '4:1:1' has no numbers; expected first:last:step"]),
    (["--steps", "3,2"], ["steps must rise: [3, 2]"]),
    (["--tokenizer", "{kind: "], ["--tokenizer:", "not YAML"]),
    (["--corpus", "lm_loss/wikki"], ["--corpus: no corpus 'lm_loss/wikki'; did you mean 'lm_loss/wiki'"]),
    (["--corpus", "lm_loss/web"], ["--corpus: lm_loss/web scores the split train"]),
    (["--corpus", "glue/rte"], ["glue/rte is no text to train on"]),
    (["--architecture", "{model_type: gpt5000}"], ["architecture {'model_type': 'gpt5000'}"]),
])  # fmt: skip
def test_a_fault_names_its_option(recipe, tmp_path, arguments, parts):
    one_message(harness("make", "pretrain", recipe, *arguments, "-o", tmp_path / "f"), 3, *parts)
    assert not (tmp_path / "f").exists()


def test_what_is_missing_or_given_twice_is_said(recipe, tmp_path):
    here = ["-o", tmp_path / "f"]
    done = harness("make", "pretrain", "a/b", "--objective", "causal", *here)
    one_message(done, 3, "--steps: the field 'steps' is missing")
    done = harness("make", "pretrain", "a/b", "--objective", "causal", "--steps", "1", *here)
    one_message(done, 3, "objective: causal learns from text: give a corpus")
    one_message(harness("make", "pretrain", "a/b", "--start", "c/d", *here), 3, "--start: 'c/d' is given beside 'a/b'")
    one_message(harness("make", "enlarge", recipe, *here), 3, "recipe.yaml:1: unknown field 'objective'")
    one_message(harness("make", "pretrain", recipe), 2, "--output (-o)")
    recipe.write_text("maker: enlarge\n" + RECIPE)
    one_message(harness("make", "pretrain", recipe, *here), 3, "recipe.yaml:1: a recipe of enlarge; expected pretrain")


def test_a_plan_says_members_tokens_time_and_disk_and_makes_nothing(recipe, tmp_path):
    done = harness("make", "pretrain", recipe, "--plan", "--json", "-o", tmp_path / "f")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["members"]["seed=1/step=4"] == {"seed": 1, "step": 4}
    assert told["missing"] == ["seed=1/step=2", "seed=1/step=4", "seed=1/step=6"]
    assert told["tokens"] == 6 * 8 * 33 and told["seconds"] > 0
    block = 2 * 16 + 16 * 48 + 48 + 16 * 16 + 16 + 2 * 16 + 16 * 64 + 64 + 64 * 16 + 16
    assert told["bytes_each"] == 4 * ((128 + 64) * 16 + block + 2 * 16)
    assert told["bytes_needed"] == (3 + 6) * told["bytes_each"]
    assert told["bytes_free"] == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)
    text = harness("make", "pretrain", recipe, "--plan")
    assert "seed=1/step=2  to make" in text.stdout and "3 of 3 members to make; 1,584 tokens" in text.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["recipe.yaml"]


def test_members_are_made_told_and_made_once(recipe, tmp_path):
    ask = ["make", "pretrain", recipe, "--seeds", "1", "-o", tmp_path / "f"]
    done = harness(*ask)
    assert done.returncode == 0, done.stderr
    folders = [str(tmp_path / f"f/seed=1/step={step}") for step in (2, 4, 6)]
    assert done.stdout.split() == folders and [f"made {folder}" in done.stderr for folder in folders] == [True] * 3
    assert "3 of 3 members to make" in done.stderr
    assert yaml.safe_load((tmp_path / "f/family.yaml").read_text())["varies"] == "step"
    shutil.rmtree(folders[1])
    again = json.loads(harness(*ask, "--json").stdout)
    assert again["made"] == 1 and again["folders"] == folders
    assert "all 3 members stand" in harness(*ask, "--plan").stdout
    one_message(harness(*ask, "--plan", "--clip", "2"), 3, "made with other settings (clip)")


def test_too_little_disk_is_one_message_before_anything_is_trained(recipe, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 1000, 1000))
    monkeypatch.setattr(Loop, "step", lambda *_: pytest.fail("it was trained"))
    done = harness("make", "pretrain", recipe, "-o", tmp_path / "f")
    one_message(done, 3, "the members to make need about", "GB are free; make room")
    assert "not enough" in harness("make", "pretrain", recipe, "--plan", "-o", tmp_path / "f").stdout


@pytest.mark.slow
def test_an_interrupt_is_130_and_running_again_goes_on(recipe, tmp_path):
    ask = [*COMMAND, "make", "pretrain", str(recipe), "--steps", "5,100000", "-o", str(tmp_path / "f")]
    # A shell that runs the tests in the background has them ignore the interrupt, and so would the command.
    heard = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    process = subprocess.Popen(ask, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    while not (tmp_path / "f/seed=1/step=5/harness.json").is_file() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "run the same command again to go on" in errors and "Traceback" not in errors
    told = json.loads(harness(*ask[3:], "--plan", "--json").stdout)
    assert told["missing"] == ["seed=1/step=100000"]
