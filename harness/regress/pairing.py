"""Cells of the baseline meet what stands in their place now: the same task and signature, metric and checkpoint name.

The checkpoint's identity differs, that is the point; its name, the alias, is what both sides call it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from harness.regress.cell import Measured, Name, Pair
from harness.regress.side import Side, group_of
from harness.results import differences


def pairs(baseline: Side, results: Side, only: Sequence[Name] = ()) -> list[Pair]:
    """Every cell of the baseline, in its order, with its counterpart.

    Args:
        baseline: what is held to.
        results: what is there now.
        only: patterns of the cells that are compared; none: all.
    """
    return [pair(name, baseline, results) for name in baseline.cells if selected(name, only)]


def selected(name: Name, only: Sequence[Name]) -> bool:
    """Whether a cell fits one of the patterns, in which ``*`` stands for anything."""
    return not only or any(fits(name, pattern) for pattern in only)


def fits(name: Name, pattern: Name) -> bool:
    """Whether a cell's task, metric and checkpoint fit those of a pattern.

    >>> fits(Name("glue/rte", "accuracy", "org/model"), Name("glue/*", "*", "*"))
    True
    """
    words, patterns = (name.task, name.metric, name.checkpoint), (pattern.task, pattern.metric, pattern.checkpoint)
    return all(word == p or fnmatchcase(word, p) for word, p in zip(words, patterns, strict=True))


def new_cells(baseline: Side, results: Side, only: Sequence[Name] = ()) -> list[Name]:
    """Cells that the baseline does not have."""
    return [name for name in results.cells if name not in baseline.cells and selected(name, only)]


def pair(name: Name, baseline: Side, results: Side) -> Pair:
    """One cell of the baseline; its newest measurement is what is held to."""
    before = baseline.newest(name)
    now = results.under(name, before.signature)
    if now is None and name in results.cells:
        found = results.newest(name)
        return Pair(name, group_of(before), before, found, other_signature(before, found))
    if now is None:
        return Pair(name, group_of(before), before, None, absent(name, results))
    return Pair(name, group_of(before), before, now, may_not(before, now))


def absent(name: Name, results: Side) -> str:
    """Why nothing stands where a cell of the baseline was."""
    error = results.failures.get((name.task, name.checkpoint))
    if error is not None:
        return f"its measurement failed: {error}"
    if not any(other.checkpoint == name.checkpoint for other in results.cells):
        return (
            f"no checkpoint is called {name.checkpoint!r} in {results.folder} (--alias tells what it is "
            f"called there); it has {listed({other.checkpoint for other in results.cells})}"
        )
    if not any(other.task == name.task and other.checkpoint == name.checkpoint for other in results.cells):
        return f"the task was not measured there; it has {listed({other.task for other in results.cells})}"
    return f"the task has no metric {name.metric!r} any more"


def listed(names: Iterable[str]) -> str:
    """A few names.

    >>> listed(["b", "a"]), listed([])
    ('a, b', 'nothing')
    """
    found = sorted(names)
    return (", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")) or "nothing"


def other_signature(before: Measured, now: Measured) -> str:
    """In which parts two signatures differ."""
    found = [f"{part} ({short(a)} -> {short(b)})" for part, a, b in differences(as_parts(before), as_parts(now))]
    told = "; ".join(found[:4]) if found else "the contexts do not say in what"
    return f"measured otherwise than the baseline: {told}"


def as_parts(measured: Measured) -> Mapping[str, object]:
    """The parts of a signature."""
    return measured.parts


def short(value: object) -> str:
    """A value on few characters.

    >>> short("lm_loss/1"), short("e1b3494eb5e3d410de17ad4e2fe8191691ffe28d")
    ("'lm_loss/1'", "'e1b3494eb5...'")
    """
    text = value if isinstance(value, str) else repr(value)
    cut = text if len(text) <= 24 else f"{text[:10]}..."
    return repr(cut) if isinstance(value, str) else cut


def may_not(before: Measured, now: Measured) -> str | None:
    """Why two measurements of one signature may not be compared; None where they may."""
    one, other = before.records[0], now.records[0]
    if (one.unit, one.higher_is_better) != (other.unit, other.higher_is_better):
        return f"it was in {one.unit} ({direction(one.higher_is_better)}), now in {other.unit} ({direction(other.higher_is_better)})"
    if one.partial != other.partial:
        return f"measured on {one.partial or 'the whole data'} before, on {other.partial or 'the whole data'} now"
    if one.unit.startswith("nats") and before.tokenizer and now.tokenizer and before.tokenizer != now.tokenizer:
        return (
            f"the checkpoints have two tokenizers, and {one.unit} counts other things under each; compare bits per byte"
        )
    groups = [(record.details or {}).get("comparable_group") for record in (one, other)]
    if groups[0] != groups[1]:
        return f"{one.metric} may be compared within one group alone, and the checkpoints are of {groups[0]} and {groups[1]}"
    return None


def direction(higher_is_better: bool) -> str:
    """Words for a metric's direction."""
    return "higher is better" if higher_is_better else "lower is better"
