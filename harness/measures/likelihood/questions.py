"""Rows become questions: a context and a continuation for each choice, and which choice is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from harness.data.templates import columns_of, columns_of_expression, compiled, expression
from harness.errors import HarnessError, nearest
from harness.specs import ChoiceTask

if TYPE_CHECKING:
    from harness.data.rows import Rows

Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """One row.

    Attributes:
        row: number in the split.
        contexts: what stands before, one for each choice; all the same in most tasks.
        choices: the texts to choose from, without the delimiter.
        target: the right choice, from 0.
        cluster: what questions about one passage have in common.
        delimiter: stands between context and choice, and is scored with the choice.
    """

    row: int
    contexts: tuple[str, ...]
    choices: tuple[str, ...]
    target: int
    cluster: str
    delimiter: str = " "

    def pairs(self) -> list[tuple[str, str]]:
        """(context, continuation) of each choice."""
        return [(c, self.delimiter + choice) for c, choice in zip(self.contexts, self.choices, strict=True)]


def columns_read(task: ChoiceTask) -> set[str]:
    """The columns that a task's templates and expressions read.

    Raises:
        HarnessError: one of them is no Jinja.
    """
    found: set[str] = set()
    for field in ("context", "choices", "labels", "target", "cluster"):
        value = getattr(task, field)
        if isinstance(value, tuple) and field != "labels":
            found |= set().union(*(placed(task, field, partial(columns_of, text)) for text in value))
        elif isinstance(value, str):
            read = columns_of if field == "context" else columns_of_expression
            found |= placed(task, field, partial(read, value))
    return found


def questions(task: ChoiceTask, rows: Rows, shots: Rows | None = None) -> list[Question]:
    """A question for each row, each after the same solved examples.

    Args:
        task: the spec.
        rows: the scored split.
        shots: the split that the examples are taken from.

    Raises:
        HarnessError: a row without choices, with an empty one, or with a target that is none of them.
    """
    before = solved(task, shots) if shots is not None else ""
    asked = each(task, rows, "score")
    return [replace(q, contexts=tuple(before + context for context in q.contexts)) for q in asked]


def solved(task: ChoiceTask, rows: Rows) -> str:
    """The examples: context, delimiter, right choice and the delimiter of examples, one after another.

    Raises:
        HarnessError: the split has too few rows.
    """
    if max(task.chosen_shots) >= len(rows):
        place = task.place("shot_rows" if task.shot_rows is not None else "shots")
        raise HarnessError(
            f"{place}: example row {max(task.chosen_shots)} is wanted; split {task.splits['examples']!r} has {len(rows)} "
            "rows, counted from 0"
        )
    known = list(each(task, rows, "examples", task.chosen_shots))
    return "".join("".join(q.pairs()[q.target]) + task.shot_delimiter for q in known)


def each(task: ChoiceTask, rows: Rows, split: str, numbers: tuple[int, ...] | None = None) -> Iterator[Question]:
    """Questions of all rows, or of some."""
    read = reader(task)
    names = list(rows.columns)
    for number in range(len(rows)) if numbers is None else numbers:
        yield read({name: rows.columns[name][number] for name in names}, number, split)


def reader(task: ChoiceTask) -> Callable[[Row, int, str], Question]:
    """A function from a row, its number and what its split is for to a question."""
    contexts = [compiled(text) for text in ([task.context] if isinstance(task.context, str) else task.context)]
    choices_of = texts(task.choices)
    labels_of = None if task.labels is None else texts(task.labels, constant=True)
    target_of = expression(task.target) if isinstance(task.target, str) else lambda row: task.target
    cluster_of = expression(task.cluster) if task.cluster else None

    def read(row: Row, number: int, split: str) -> Question:
        where = f"row {number} of split {task.splits[split]!r}"
        before = placed(task, "context", lambda: [template(row) for template in contexts], where)
        choices = checked_choices(task, placed(task, "choices", partial(choices_of, row), where), len(before), where)
        count = max(len(before), len(choices))
        target = 0
        if not task.is_last_word:
            labels = placed(task, "labels", partial(labels_of, row), where) if labels_of else None
            said = placed(task, "target", partial(target_of, row), where)
            target = target_index(task, said, labels, count, where)
        cluster = str(placed(task, "cluster", partial(cluster_of, row), where)) if cluster_of else str(number)
        return Question(
            number, tuple(before * (count // len(before))), tuple(choices * (count // len(choices))), target, cluster,
            task.delimiter,
        )  # fmt: skip

    return read


def texts(source: str | tuple[str, ...], *, constant: bool = False) -> Callable[[Row], Any]:
    """A function from a row to a list of texts; ``constant`` texts are no templates."""
    if isinstance(source, str):
        return expression(source)
    if constant:
        return lambda row: list(source)
    templates = [compiled(text) for text in source]
    return lambda row: [template(row) for template in templates]


def checked_choices(task: ChoiceTask, found: Any, contexts: int, where: str) -> list[str]:
    """The choices of a row.

    Raises:
        HarnessError: no list, an empty list or text, or a number that does not fit the contexts.
    """
    place = f"{task.place('choices')}: {where}"
    if not isinstance(found, list | tuple):
        raise HarnessError(
            f"{place} has {found!r} for its choices; give a column or expression that holds a list of texts"
        )
    choices = [str(choice) for choice in found]
    if len(choices) < 2 and contexts < 2 and not task.is_last_word:
        raise HarnessError(f"{place} has {len(choices)} choices; a question has two or more")
    for number, choice in enumerate(choices):
        if not choice.strip():
            raise HarnessError(f"{place}: choice {number} is empty, so it has no likelihood; mend or leave out the row")
    if contexts > 1 and len(choices) not in (1, contexts):
        raise HarnessError(f"{place} has {len(choices)} choices for {contexts} contexts; give as many, or one")
    return choices


def target_index(task: ChoiceTask, value: Any, labels: Any, count: int, where: str) -> int:
    """Which choice a row's target names.

    Raises:
        HarnessError: the target is hidden, out of range, or none of the labels.
    """
    place = f"{task.place('target')}: {where}"
    if value is None or value in ("", -1, "-1"):
        raise HarnessError(
            f"{place} has target {value!r}: the Hub hides the answers of this split; score one that has them"
        )
    if labels is not None:
        names = [str(label) for label in labels]
        if len(names) != count or len(set(names)) != count:
            raise HarnessError(
                f"{task.place('labels')}: {where} has labels {names} for {count} choices; give one for each"
            )
        if str(value) not in names:
            raise HarnessError(f"{place} has target {value!r}; {nearest(str(value), names)}")
        return names.index(str(value))
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if not isinstance(value, int):
        raise HarnessError(f"{place} has target {value!r}; without labels it counts the choices, from 0 to {count - 1}")
    if not 0 <= value < count:
        raise HarnessError(f"{place} has target {int(value)}, outside 0 to {count - 1}; {count} choices count from 0")
    return int(value)


def placed(task: ChoiceTask, field: str, work: Callable[[], T], where: str = "") -> T:
    """Do some work; what is wrong with it is told with the line of the field that asked for it."""
    try:
        return work()
    except HarnessError as error:
        raise HarnessError(f"{task.place(field)}: {where + ': ' if where else ''}{error}") from None
