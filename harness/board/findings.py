"""What the board says beyond single slopes: families compared, and whether flatness adds to the loss."""

from __future__ import annotations

from collections.abc import Sequence

from harness.board.notation import change_unit, number, per_unit, scale_of
from harness.slopes.cell import Fit
from harness.slopes.families import Comparison
from harness.slopes.flatness.battery import FlatnessAnswer

SIGNIFICANT = 0.05


def family_sentences(fits: Sequence[Fit]) -> list[str]:
    """One sentence for each (upstream, task) that two or more families were fitted on."""
    found: dict[int, str] = {}
    for fit in fits:
        if fit.comparison is not None:
            found.setdefault(id(fit.comparison), family_sentence(fit.comparison, fit))
    return list(found.values())


def family_sentence(found: Comparison, fit: Fit) -> str:
    """The mean of families, what to expect of a new one, and whether they differ."""
    unit, scale, mean = fit.cell.downstream.unit, scale_of(fit.cell.downstream.unit), found.families
    slopes = found.covariance.equal_slopes
    step = f"{change_unit(unit)} per {per_unit(fit)}".strip()
    new = (
        "" if mean.predict_low is None or mean.predict_high is None
        else f"; expect {number(mean.predict_low * scale, 3)} to {number(mean.predict_high * scale, 3)} of a new family"
    )  # fmt: skip
    verdict = (
        "The families do not share a slope: never read one line through them"
        if slopes.p < SIGNIFICANT
        else "One slope for all is not excluded"
    )
    return (
        f"{fit.cell.downstream.task} {fit.cell.downstream.metric} on {fit.cell.upstream.task}, {mean.k} families: mean "
        f"{number(mean.mean * scale, 3)} [{number(mean.low * scale, 3)}, {number(mean.high * scale, 3)}] {step}{new}. {verdict} "
        f"(F({slopes.between}, {slopes.within}) = {slopes.f:.3g}, p = {slopes.p:.2g}; I² {mean.i2:.0%})."
    )


def flatness_sentence(found: FlatnessAnswer, q: float) -> str:
    """One task's answer on one flatness measure."""
    better = "flatter" if found.partial.r < 0 else "sharper"
    what = (
        f"at equal loss the {better} checkpoints have the higher value"
        if q < SIGNIFICANT
        else "nothing beyond the loss was seen"
    )
    seen = "" if found.least_partial is None else f"; it could have seen |r| of {found.least_partial:.2f}"
    skill = found.skill
    added = ""
    if skill is not None and skill.low is not None and skill.high is not None:
        added = f"; adds {skill.delta:+.2f} [{skill.low:+.2f}, {skill.high:+.2f}] to Q² on runs not seen"
    if found.corrected is not None:
        added += f"; with the loss freed of its noise r {found.corrected.r:.2f}, p = {found.corrected.p:.2g}"
    tested = ", ".join(f"{proxy.name} {proxy.partial.r:.2f}" for proxy in found.proxies)
    controls = f" Negative controls in its place: {tested}." if tested else ""
    flags = "".join(f" {flag.code}: {flag.text}" for flag in found.flags)
    return (
        f"{found.task} {found.metric} on {found.upstream}, {found.flatness}, {found.n} checkpoints: {what} (partial r "
        f"{found.partial.r:.2f}, q = {q:.2g}{seen}{added}).{controls}{flags}"
    )
