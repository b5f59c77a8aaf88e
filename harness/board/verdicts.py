"""A fit in words: what was found, how sure it is, and what could not have been seen."""

from __future__ import annotations

from harness.board.notation import change_unit, decimals, fixed, number, per_unit, scale_of, with_interval
from harness.slopes.cell import Fit, Interval

WORDS = {"positive": "transfers", "negative": "gets worse", "flat": "flat", "undecided": "undecided",
         "refused": "refused"}  # fmt: skip
PHRASES = {"positive": "transferring", "negative": "getting worse", "flat": "flat", "undecided": "undecided",
           "refused": "refused"}  # fmt: skip


def verdict_word(fit: Fit) -> str:
    """One or two words: 'transfers', 'gets worse', 'undecided' or 'refused'."""
    return WORDS.get(fit.verdict, fit.verdict)


def sentence(fit: Fit) -> str:
    """The verdict of one cell in words, with its interval or with the reason for refusing it."""
    if fit.transfer_slope is None or fit.interval is None:
        return " ".join(f"{flag.code}: {flag.text}" for flag in fit.refusals) or "No line was fitted."
    return f"{step_phrase(fit)} {effect_phrase(fit, fit.transfer_slope, fit.interval)}{caveat(fit)}"


def step_phrase(fit: Fit) -> str:
    """'Each 0.1 nat less on lm_loss/wiki goes with'."""
    direction = "more" if fit.cell.upstream.higher_is_better else "less"
    return f"Each {per_unit(fit)} {direction} on {fit.cell.upstream.title} goes with"


def effect_phrase(fit: Fit, slope: float, interval: Interval) -> str:
    """The other half: 'accuracy better by 1.24 [0.80, 1.68] points (95% interval, HC3).'."""
    unit = fit.cell.downstream.unit
    turned = -1.0 if fit.verdict == "negative" else 1.0
    low, high = sorted((turned * interval.low, turned * interval.high))
    scale = scale_of(unit)
    how = f"{interval.level * 100:g}% interval, {interval.method}"
    metric = fit.cell.downstream.metric.replace("_", " ")
    if fit.verdict == "flat":
        margin = f"{number(max(abs(low), abs(high)) * scale, 2)} {change_unit(unit)}".strip()
        return f"no change of {metric} worth a standard error of it: at most {margin} ({how})."
    if fit.verdict == "undecided":
        places = decimals((high - low) / 2 * scale)
        ends = f"{fixed(low * scale, places, True)} to {fixed(high * scale, places, True)} {change_unit(unit)}".strip()
        estimate = f"estimate {fixed(slope * scale, places, True)}; {how}"
        return f"{metric} better by anything from {ends} ({estimate}): the sign is open.{detectable(fit)}"
    amount = f"{with_interval(turned * slope, low, high, scale)} {change_unit(unit)}".strip()
    return f"{metric} {'worse' if fit.verdict == 'negative' else 'better'} by {amount} ({how})."


def detectable(fit: Fit) -> str:
    """The smallest effect that this design would have found, where it is known."""
    if fit.smallest_detectable is None:
        return ""
    unit = fit.cell.downstream.unit
    amount = f"{number(fit.smallest_detectable * scale_of(unit), 2)} {change_unit(unit)}".strip()
    return f" The smallest effect it could have seen is {amount} (80% power)."


def caveat(fit: Fit) -> str:
    """What a reader has to know before using the number."""
    if fit.status == "trajectory":
        return f" Holds for {counted(fit.n_runs, 'this run', 'these runs')} alone (trajectory)."
    if fit.status == "provisional":
        return f" Provisional: {counted(fit.n_levels, 'loss level', 'loss levels')}."
    return ""


def counted(n: int, one: str, many: str) -> str:
    """A count with its noun.

    >>> counted(1, "run", "runs"), counted(3, "run", "runs"), counted(2, "this run", "these runs")
    ('1 run', '3 runs', 'these 2 runs')
    """
    word = one if n == 1 else many
    if word.startswith(("this ", "these ")):
        pointer, noun = word.split(" ", 1)
        return f"{pointer} {noun}" if n == 1 else f"{pointer} {n} {noun}"
    return f"{n} {word}"


def summary(fits: list[Fit]) -> str:
    """How many cells came out which way.

    >>> summary([])
    'No slope was fitted: a line needs a family of checkpoints with an upstream and a downstream measure.'
    """
    if not fits:
        return "No slope was fitted: a line needs a family of checkpoints with an upstream and a downstream measure."
    counts = {kind: sum(fit.verdict == kind for fit in fits) for kind in PHRASES}
    parts = [f"{n} {PHRASES[kind]}" for kind, n in counts.items() if n]
    return f"{counted(len(fits), 'slope', 'slopes')} asked for: {', '.join(parts)}."


def window_text(fit: Fit) -> str:
    """The range of upstream values that the line was fitted over."""
    if fit.window is None:
        return "–"
    scale = scale_of(fit.cell.upstream.unit)
    return f"{fixed(fit.window[0] * scale, 3)} to {fixed(fit.window[1] * scale, 3)}"
