"""A metric check as an ordinary test: ``pytest --harness-baseline FILE`` and the fixture ``harness_regress``.

def test_my_model_is_no_worse(harness_regress, tmp_path):
    evaluate("runs/candidate", "glue/rte", seeds=3, output=tmp_path)
    harness_regress(tmp_path, task="glue/rte", alias="runs/candidate=org/model")
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.regress.compare import Comparison

OPTION = "--harness-baseline"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option, which may also stand in the configuration as ``harness_baseline``."""
    group = parser.getgroup("harness", "metrics held to a baseline (transfer-harness)")
    group.addoption(
        OPTION, metavar="FILE", default=None, help="results folder, or baseline.yaml, that metrics are held to"
    )
    parser.addini("harness_baseline", f"what {OPTION} is where it is not given; relative to the root directory")


class RegressedError(AssertionError):
    """A metric got worse, or cannot be told to be as good."""


class Check:
    """What the fixture is: a call compares a results folder with the baseline and fails the test where that fails."""

    def __init__(self, baseline: Path) -> None:
        """Hold to a baseline."""
        self.baseline = baseline

    def __call__(
        self, results: str | os.PathLike[str], *, task: str | Sequence[str] = (), checkpoint: str | Sequence[str] = (),
        fail_on: str = "metric,loss", tolerance: str | Sequence[str] = (), alias: str | Sequence[str] = (), reference: str | None = None,
    ) -> Comparison:  # fmt: skip
        """Compare; arguments are those of ``harness regress``.

        Returns:
            The comparison, for a test of its own.

        Raises:
            RegressedError: a cell is worse, missing or incomparable; the message says which and why.
        """
        from harness.regress_commands import compared, question_of, read_baseline

        names = [listed(given) for given in (tolerance, task, checkpoint, alias)]
        question = question_of(fail_on, names[0], names[1], names[2], names[3], reference)
        found = compared(read_baseline(self.baseline), Path(results), question)
        failing = [message(answer) for answer in found.answers if answer.fails]
        if failing:
            raise RegressedError("\n".join([f"{results} against {self.baseline}:", *failing]))
        return found


def listed(given: str | Sequence[str]) -> list[str]:
    """One or several.

    >>> listed("a"), listed(["a", "b"])
    (['a'], ['a', 'b'])
    """
    return [given] if isinstance(given, str) else list(given)


def message(answer: object) -> str:
    """What is wrong with one cell, and which rows moved."""
    from harness.regress.cell import Answer
    from harness.regress.report import change_text, flips_text, why_text

    assert isinstance(answer, Answer)
    moved = flips_text(answer.tested.flips) if answer.tested is not None else ""
    return "  " + " ".join(
        part for part in (f"{answer.verdict}: {answer.name}:", change_text(answer), why_text(answer), moved) if part
    )


@pytest.fixture
def harness_regress(request: pytest.FixtureRequest) -> Check:
    """Holds results to the baseline; without one the test is skipped."""
    given = request.config.getoption(OPTION)
    configured = request.config.getini("harness_baseline")
    if given is not None:
        return Check(Path(request.config.invocation_params.dir, given))
    if configured:
        return Check(Path(request.config.rootpath, configured))
    pytest.skip(f"no baseline: give {OPTION} FILE, or harness_baseline in the configuration of pytest")
