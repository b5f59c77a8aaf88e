"""Every code that may be raised is explained in one sentence, with what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import harness.slopes
from harness.errors import HarnessError
from harness.slope_commands import explain_code
from harness.slopes.codes import MEANINGS, explained


def test_every_code_raised_is_explained_and_no_other() -> None:
    files = Path(harness.slopes.__file__).parent.rglob("*.py")
    raised = {code for file in files for code in re.findall(r'\bFlag\(\s*"([A-Z-]+)"', file.read_text())}
    assert raised == set(MEANINGS) and len(raised) > 15


def test_each_is_one_sentence_that_says_what_to_do() -> None:
    for code, text in MEANINGS.items():
        assert text.endswith(".") and text.count(". ") == 0 and ": " in text, code


def test_asked_by_name_by_beginning_and_for_all(capsys) -> None:
    assert explained("leverage") == [("LEVERAGE", MEANINGS["LEVERAGE"])]
    explain_code("REFUSE", as_json=False)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "REFUSE-CONSTANT", "REFUSE-LEVELS", "REFUSE-WINDOW",
    ]  # fmt: skip
    assert dict(explained("all")) == MEANINGS
    with pytest.raises(HarnessError, match="did you mean 'LEVERAGE'"):
        explained("LEVERAGES")
