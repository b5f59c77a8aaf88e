"""One option for each field of every maker's recipe, from the class alone."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.make_options import PREFIX, dashed, options, plain_text, several, shared, values_of
from harness.specs.makers import MAKERS
from tests.test_cli import harness, one_message

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("maker", sorted(MAKERS))
def test_every_field_is_an_option_and_none_hides_another(maker):
    done = harness("make", maker, "--help")
    assert done.returncode == 0, done.stderr
    fields = [name for name in MAKERS[maker].model_fields if name != "maker"]
    for name in fields:
        assert f"--{dashed(name)}" in done.stdout
    common = {
        word.lstrip("-")
        for parameter in shared(MAKERS[maker])
        for word in getattr(parameter.annotation.__metadata__[0], "param_decls", None) or ()
    }
    assert not common & set(map(dashed, fields))
    assert [p.name.removeprefix(PREFIX) for p in options(maker, MAKERS[maker])] == fields
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in options(maker, MAKERS[maker]))


def test_what_an_option_is_given_is_told_by_the_type_of_its_field():
    fields = MAKERS["pretrain"].model_fields
    shown = {name: values_of(fields[name]) for name in ("steps", "objective", "learning_rate", "architecture", "start")}
    assert shown == {
        "steps": "LIST|FIRST:LAST:STEP", "objective": "causal|masked|span|denoising|translation", "learning_rate": "NUMBER",
        "architecture": "MAPPING", "start": "TEXT",
    }  # fmt: skip
    assert plain_text(fields["objective"]) and plain_text(fields["start"]) and not plain_text(fields["tokenizer"])
    assert several(fields["corpus"]) and not several(fields["tokenizer"])


def test_makers_are_listed_and_a_wrong_name_gets_the_nearest():
    done = harness("make", "--help")
    assert done.returncode == 0
    lines = {word[0]: word[1:] for line in done.stdout.splitlines() if (word := line.strip(" \u2502").split())}
    assert list(MAKERS) == [word for word in lines if word in MAKERS] and all(len(lines[maker]) > 3 for maker in MAKERS)
    one_message(harness("make", "pretrian"), 3, "unknown maker 'pretrian'; did you mean 'pretrain'")
    one_message(harness("make", "pretrain", "--stepps", "3"), 2, "No such option: --stepps", "--steps")


@pytest.mark.slow
def test_help_of_the_command_reads_no_spec_and_that_of_makers_no_torch(tmp_path):
    code = (
        "import sys; from harness.cli import main; sys.argv = ['harness', *{arguments}]\ntry:\n    main()\n"
        "except SystemExit: pass\nassert not {blocked} & set(sys.modules)"
    )
    for arguments, blocked in ((["--help"], {"torch", "pydantic"}), (["make", "enlarge", "--help"], {"torch"})):
        done = subprocess.run(
            [sys.executable, "-c", code.format(arguments=arguments, blocked=blocked)], capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
