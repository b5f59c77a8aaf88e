"""Every flag and refusal by its code: one sentence on what it means and what to do about it."""

from __future__ import annotations

from harness.errors import HarnessError, nearest

MEANINGS = {
    "BREAK": "The line breaks inside the window, and no smooth curve predicts better: quote each side by itself.",
    "CENSORED": "Points within two standard errors of chance, or of a perfect score, were left out by rule, so that the slope "
    "holds between floor and ceiling alone: score better checkpoints, or more test items, to get points off the floor.",
    "CURVED": "A straight line does not do: read the slope as an average over the window, and take the curve where a single "
    "loss matters.",
    "DIVERGES": "The best checkpoints leave the curve that all worse ones are on: fit the two stretches apart.",
    "EIV": "The upstream value is noisy, so that least squares is too flat and flatness seems to say what noise hides of the "
    "loss: measure it on more text, or read the line with errors in both and the corrected test.",
    "FRAGILE": "Two estimators of the slope disagree by more than a quarter, or in sign: look at the scatter for a bend or a "
    "stray point before quoting either.",
    "HETEROSCEDASTIC": "The noise grows or shrinks along the loss: trust the interval printed, which allows for it, and none "
    "that assumes equal noise.",
    "INCOMPARABLE": "The numbers were not measured in the same way, so that no line may go through them: measure every "
    "checkpoint alike, or make one family of each kind.",
    "LEVERAGE": "One checkpoint holds the line, with a leverage of one half or more or a Cook's distance above one: measure "
    "more checkpoints near it, and quote the slope without it beside the slope with it.",
    "NO-SKILL": "What the line has not seen it predicts worse than the plain mean does (Q2 below zero): do not predict from it.",
    "NOT-FINITE": "A value or its standard error is no finite number: find out what went wrong there, and measure it again or "
    "leave it out.",
    "PARTIAL": "Measured on part of the data, a look and not a result: measure again without a limit.",
    "PROVISIONAL": "Fewer than eight distinct upstream values, so that the slope is shown and not ranked: measure more "
    "checkpoints at other losses.",
    "PROXY": "Steps, size or weight norm say as much about the metric at equal loss as flatness does: vary flatness with that "
    "held fixed before giving it the credit.",
    "REFUSE-CONSTANT": "The downstream metric is the same at every checkpoint, as at a floor or a ceiling: choose a task or "
    "metric on which these checkpoints differ.",
    "REFUSE-LEVELS": "Fewer than four distinct upstream values, through which a line says next to nothing: measure checkpoints "
    "at other losses.",
    "REFUSE-WINDOW": "The upstream values lie too close together for their noise, or within 0.05 nat: add checkpoints further "
    "apart, or measure the loss on more text.",
    "SERIAL": "Neighbouring checkpoints of a run err alike and count for fewer than they are: train more runs rather than "
    "saving more checkpoints.",
    "TRAJECTORY": "Fewer than three runs, so that the interval holds for these runs alone and is not ranked across families: "
    "train three runs or more over the same window.",
    "UNDERPOWERED": "Fewer than twelve checkpoints, with which only a very strong effect of flatness could have been seen: "
    "measure more checkpoints before reading anything into its absence.",
}  # fmt: skip


def meaning(code: str, text: str) -> str:
    """What a flag means in general; for a code without an entry, what was said of it in place."""
    return MEANINGS.get(code, text)


def explained(code: str) -> list[tuple[str, str]]:
    """The codes meant, with what they mean: one by its name, several by what they begin with, or "all".

    Raises:
        HarnessError: there is no such code.

    >>> [code for code, _ in explained("refuse")]
    ['REFUSE-CONSTANT', 'REFUSE-LEVELS', 'REFUSE-WINDOW']
    """
    asked = code.upper()
    found = [name for name in MEANINGS if asked in ("ALL", name)] or [
        name for name in MEANINGS if name.startswith(asked)
    ]
    if not found:
        raise HarnessError(f"no flag or refusal is called {code!r}; {nearest(asked, MEANINGS)}, or 'all'")
    return [(name, MEANINGS[name]) for name in found]
