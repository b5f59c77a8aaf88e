"""What the board says of other choices: one sentence a task, one row a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.board.notation import NONE, change_unit, fixed, scale_of, slope_unit, with_interval
from harness.slopes.sensitivity.board import UPSTREAM, Sensitivities
from harness.slopes.sensitivity.grid import CHOICE as RATE
from harness.slopes.sensitivity.options import Option, Order, Sensitivity, fitted

COUNTED = {UPSTREAM: "upstream corpora", RATE: "learning rates and rules of selection"}
WORD = {"holds": "holds", "turns": "turns", "fades": "undecided under some", "undecided": "undecided"}
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class OptionText:
    """One option written out: its name, slope and interval, status, and how far it moved the metric."""

    name: str
    slope: str
    status: str
    shift: str


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """One downstream metric of one family under every option of a choice."""

    choice: str
    family: str
    upstream: str
    task: str
    metric: str
    unit: str
    sign: str
    flips: str
    options: tuple[OptionText, ...]


def sensitivity_rows(found: Sensitivities) -> list[SensitivityRow]:
    """Every answer as a row."""
    return [
        SensitivityRow(a.choice, a.family, a.upstream, a.task, a.metric, slope_unit(a.options[0].fit), WORD[a.sign],
                       flips_text(a), tuple(map(option_text, a.options)))
        for a in found.answers
    ]  # fmt: skip


def option_text(option: Option) -> OptionText:
    """One option to the digits its interval allows."""
    fit, unit = option.fit, option.fit.cell.downstream.unit
    scale = scale_of(unit)
    slope = (
        NONE if fit.transfer_slope is None or fit.interval is None
        else with_interval(fit.transfer_slope, fit.interval.low, fit.interval.high, scale, sign=True)
    )  # fmt: skip
    moved = "" if option.shift is None else f"{fixed(option.shift * scale, 2, sign=True)} {change_unit(unit)}".strip()
    return OptionText(option.name, slope, fit.status, moved)


def flips_text(answer: Sensitivity) -> str:
    """The first flips in words."""
    named = [f"above {f.other} under {f.above}, below under {f.below}" for f in answer.flips[:MOST_NAMED]]
    more = len(answer.flips) - len(named)
    return "; ".join([*named, *([f"{more} more"] if more else [])])


def sensitivity_sentences(found: Sensitivities) -> list[str]:
    """One sentence for each downstream metric on whether its sign and rank hold under all choices."""
    measures: dict[tuple[str, str], list[Sensitivity]] = {}
    for answer in found.answers:
        measures.setdefault((answer.task, answer.metric), []).append(answer)
    return [sentence(answers, found.orders) for answers in measures.values()]


def sentence(answers: Sequence[Sensitivity], orders: Sequence[Order]) -> str:
    """Whether the conclusion on one downstream metric holds under all its choices."""
    first = answers[0]
    told = f"{first.task} {first.metric}, under {' and '.join(counts(answers))}:"
    turns = [answer for answer in answers if answer.sign == "turns"]
    flips = [answer for answer in answers if answer.flips]
    unsure = [answer for answer in answers if answer.sign == "fades"]
    if turns or flips:
        parts = [
            *(turn_text(answer) for answer in turns[:MOST_NAMED]),
            *(rank_text(answer) for answer in flips[:MOST_NAMED]),
        ]
        return f"{told} the conclusion does not hold: {'; '.join(parts)}."
    rank = "its rank holds" if ranked(first, orders) else "it stands alone, with no rank to flip"
    if unsure:
        return f"{told} the sign never turns but is undecided {unsure_text(unsure[0])}; {rank}."
    signs = "is undecided throughout" if all(answer.sign == "undecided" for answer in answers) else "holds"
    return f"{told} the sign {signs}; {rank}."


def counts(answers: Sequence[Sensitivity]) -> list[str]:
    """How many options of each choice could be fitted, at most."""
    most: dict[str, int] = {}
    for answer in answers:
        most[answer.choice] = max(fitted(answer.options), most.get(answer.choice, 0))
    return [f"{number} {COUNTED.get(choice, 'train sizes')}" for choice, number in most.items()]


def turn_text(answer: Sensitivity) -> str:
    """Under which options the slope is positive, and under which negative."""
    above = ", ".join(option.name for option in answer.options if option.sign == 1)
    below = ", ".join(option.name for option in answer.options if option.sign == -1)
    return f"the slope of {answer.family} is positive under {above} and negative under {below}"


def rank_text(answer: Sensitivity) -> str:
    """How a task changes places with others."""
    return f"in {answer.family} its rank flips, {flips_text(answer)}"


def unsure_text(answer: Sensitivity) -> str:
    """Where a sign fades."""
    return f"under {', '.join(option.name for option in answer.options if option.sign == 0)} in {answer.family}"


def ranked(answer: Sensitivity, orders: Sequence[Order]) -> bool:
    """Whether the task stood among others at all."""
    unit = answer.options[0].fit.cell.downstream.unit
    return any(order.unit == unit and order.family == answer.family for order in orders)


def order_sentences(found: Sensitivities) -> list[str]:
    """How alike the options of each choice order the tasks, the least alike pair of each family."""
    worst: dict[tuple[str, str, str], Order] = {}
    for order in found.orders:
        group = (order.choice, order.upstream, order.unit)
        if group not in worst or order.tau < worst[group].tau:
            worst[group] = order
    return [
        f"Orders of tasks in {change_unit(o.unit) or o.unit} by {o.choice}{f' on {o.upstream}' if o.upstream else ''}: "
        f"least alike in {o.family} between {o.first} and {o.second}, Kendall's tau {fixed(o.tau, 2)} over {o.tasks} tasks."
        for o in worst.values()
    ]
