"""What the board says beyond single slopes: families compared, what flatness adds, whether slopes can be predicted."""

from __future__ import annotations

from collections.abc import Sequence

from harness.board.notation import change_unit, number, per_unit, scale_of
from harness.slopes.cell import Fit
from harness.slopes.families import Comparison
from harness.slopes.flatness.battery import FlatnessAnswer
from harness.slopes.rules import direction
from harness.slopes.slope_features import SlopeAnswer

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
    slopes = found.equal_slopes
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
    apart = pooled_words(found, fit)
    if not found.together:
        apart += (
            " Their windows do not overlap enough to share one: curves are averaged each over its own, and the slopes are not "
            "of one stretch of the loss."
        )
    return (
        f"{fit.cell.downstream.task} {fit.cell.downstream.metric} on {fit.cell.upstream.title}, {mean.k} families: mean "
        f"{number(mean.mean * scale, 3)} [{number(mean.low * scale, 3)}, {number(mean.high * scale, 3)}] {step}{new}. {verdict} "
        f"(F({slopes.between}, {slopes.within:.3g}) = {slopes.f:.3g}, p = {slopes.p:.2g}; I² {mean.i2:.0%}).{apart}"
    )


def pooled_words(found: Comparison, fit: Fit) -> str:
    """A warning where one line through all points would have the other sign (Simpson's paradox)."""
    pooled = found.covariance.pooled * fit.per * direction(fit.cell.upstream) * direction(fit.cell.downstream)
    if pooled * found.families.mean >= 0:
        return ""
    amount = number(pooled * scale_of(fit.cell.downstream.unit), 3)
    return f" One line through all their points would turn the sign ({amount}): families differ in level, not only in loss."


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
        added += (
            f"; with the loss freed of its noise r {found.corrected.r:.2f}, p = {found.corrected.p:.2g}, which counts"
        )
    tested = ", ".join(f"{proxy.name} {proxy.partial.r:.2f}" for proxy in found.proxies)
    controls = f" Negative controls in its place: {tested}." if tested else ""
    flags = "".join(f" {flag.code}: {flag.text}" for flag in found.flags)
    return (
        f"{found.task} {found.metric} on {found.upstream}, {found.flatness}, {found.n} checkpoints: {what} (partial r "
        f"{found.partial.r:.2f}, q = {q:.2g}{seen}{added}).{controls}{flags}"
    )


def prediction_sentence(answer: SlopeAnswer) -> str:
    """Whether the slopes on one upstream task can be predicted from features of the tasks."""
    on = f"Slopes on {answer.upstream.title}"
    without = f" Not measured for every task, and left out: {', '.join(answer.left_out)}." if answer.left_out else ""
    if answer.found is None:
        return f"{on} cannot be predicted yet: {answer.refusal}.{without}"
    found, best = answer.found, answer.found.best
    size = found.q2_over_size
    beaten = found.q2 > 0 and (size is None or size > 0)
    verdict = (
        f"can be predicted from {best.name}"
        if best.p < SIGNIFICANT and beaten
        else f"are not predicted by any of {len(found.features)} features"
    )
    than_size = "log train rows were not measured" if size is None else f"{size:+.2f} against log train rows alone"
    return (
        f"{on} {verdict}. {found.n} slopes of {found.tasks} tasks and {found.families} families, in {answer.unit} per "
        f"{answer.per:g} {answer.upstream.unit}; closest is {best.name}: {best.coefficient:+.2g} [{best.low:+.2g}, "
        f"{best.high:+.2g}] for one standard deviation more, p = {best.p:.2g} over all {len(found.features)} features. Tasks "
        f"left out, the feature chosen without them: Q² {found.q2:+.2f} against the mean, {than_size}.{without}"
    )
