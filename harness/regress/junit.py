"""A comparison as a JUnit file, which continuous integration shows as tests: one a cell."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from harness.regress.cell import Answer
from harness.regress.compare import Comparison
from harness.regress.report import change_text, flips_text, why_text


def write_junit(comparison: Comparison, path: Path) -> None:
    """Write it: a failure for what is worse, an error for what is missing or incomparable, skipped what is undecided."""
    counts = Counter(outcome(answer) for answer in comparison.answers)
    numbers = {
        "name": "harness regress", "tests": str(len(comparison.answers)), "failures": str(counts["failure"]),
        "errors": str(counts["error"]), "skipped": str(counts["skipped"]),
    }  # fmt: skip
    root = ElementTree.Element("testsuites", numbers)
    suite = ElementTree.SubElement(root, "testsuite", numbers)
    for answer in comparison.answers:
        suite.append(case(answer))
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def outcome(answer: Answer) -> str:
    """How a test runner calls it; a cell that does not count for the exit status never fails."""
    if answer.fails:
        return "failure" if answer.verdict == "worse" else "error"
    return "skipped" if answer.verdict == "undecided" else "passed"


def case(answer: Answer) -> ElementTree.Element:
    """One test."""
    name = f"{answer.name.metric} of {answer.name.checkpoint}"
    found = ElementTree.Element("testcase", {"classname": plain(answer.name.task), "name": plain(name), "time": "0"})
    lines = [change_text(answer), why_text(answer), flips_text(answer.tested.flips if answer.tested else None)]
    text = plain("\n".join(line for line in lines if line))
    how = outcome(answer)
    if how == "passed":
        ElementTree.SubElement(found, "system-out").text = f"{answer.verdict}: {text}"
    else:
        ElementTree.SubElement(found, how, {"message": plain(f"{answer.verdict}: {why_text(answer)}")}).text = text
    return found


def plain(text: str) -> str:
    """Text without the control characters that no XML file may hold."""
    return "".join(letter for letter in text if letter in "\n\t" or letter >= " ")
