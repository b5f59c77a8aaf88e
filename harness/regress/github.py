"""A comparison on GitHub: the summary of a step, and annotations beside the run."""

from __future__ import annotations

from harness.regress.cell import Answer
from harness.regress.compare import Comparison
from harness.regress.report import change_text, flips_text, headline, why_text

MARKS = {
    "worse": "❌",
    "missing": "❌",
    "incomparable": "❌",
    "undecided": "❔",
    "better": "✅",
    "equivalent": "✅",
    "accepted": "➖",
}
MOST_ROWS = 300
"""Rows of a table; a summary may hold a mebibyte."""
MOST_ANNOTATIONS = 10
"""As many of one level as GitHub shows of a step."""


def summary(comparison: Comparison) -> str:
    """The comparison in Markdown: what fails in full, the rest folded."""
    failing = [answer for answer in comparison.answers if answer.fails]
    rest = [answer for answer in comparison.answers if not answer.fails]
    parts = [f"## harness regress\n\n{cell_text(headline(comparison))}\n"]
    if failing:
        parts.append(table(failing))
    if rest:
        parts.append(f"<details><summary>{len(rest)} cells that do not fail</summary>\n\n{table(rest)}\n</details>\n")
    return "\n".join(parts)


def table(answers: list[Answer]) -> str:
    """Answers as a table."""
    lines = ["| | task | metric | checkpoint | before → now [95 % of the gain] | why |", "|---|---|---|---|---|---|"]
    for answer in answers[:MOST_ROWS]:
        moved = flips_text(answer.tested.flips) if answer.tested is not None and answer.verdict == "worse" else ""
        why = "; ".join(text for text in (why_text(answer), moved) if text)
        words = (answer.name.task, answer.name.metric, answer.name.checkpoint, change_text(answer), why)
        lines.append(
            f"| {MARKS[answer.verdict]} {answer.verdict} | " + " | ".join(cell_text(word) for word in words) + " |"
        )
    if len(answers) > MOST_ROWS:
        lines.append(f"\n{len(answers) - MOST_ROWS} more rows; --json has all")
    return "\n".join(lines) + "\n"


def cell_text(text: str) -> str:
    r"""Text that stays in its cell and is not read as Markdown or HTML.

    >>> print(cell_text("a|b <c> `d` x_y*"))
    a\|b &lt;c&gt; \`d\` x\_y\*
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    return "".join(f"\\{letter}" if letter in "\\|`*_[]" else letter for letter in text)


def commands(comparison: Comparison) -> list[str]:
    """Workflow commands: an error for each cell that fails, a warning for one that is undecided and would count."""
    levels = {
        "error": [answer for answer in comparison.answers if answer.fails],
        "warning": [answer for answer in comparison.answers if answer.gated and answer.verdict == "undecided"],
    }
    lines = []
    for level, answers in levels.items():
        lines += [command(level, answer) for answer in answers[:MOST_ANNOTATIONS]]
        if len(answers) > MOST_ANNOTATIONS:
            lines.append(f"::notice::{len(answers) - MOST_ANNOTATIONS} more like the last; see the summary of the step")
    return lines


def command(level: str, answer: Answer) -> str:
    """One annotation."""
    title = escaped(f"{answer.verdict}: {answer.name}", of_property=True)
    return f"::{level} title={title}::{escaped(' '.join(filter(None, (change_text(answer), why_text(answer)))))}"


def escaped(text: str, *, of_property: bool = False) -> str:
    r"""Text as a workflow command takes it.

    >>> escaped("50% off\nnow: a,b", of_property=True)
    '50%25 off%0Anow%3A a%2Cb'
    """
    found = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return found.replace(":", "%3A").replace(",", "%2C") if of_property else found
