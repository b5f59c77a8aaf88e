"""All that is asked about flatness for one task: does it add to the loss, could it have been seen, is the loss good enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.slopes.cell import Fit, Flag
from harness.slopes.flatness.added_skill import AddedSkill, added_skill
from harness.slopes.flatness.calibration import Calibrated, calibrated_loss
from harness.slopes.flatness.controls import loss_controls, slopes_of
from harness.slopes.flatness.freedman_lane import Partial, freedman_lane
from harness.slopes.flatness.matched_loss import Matched, matched_loss
from harness.slopes.flatness.power import least_partial_correlation
from harness.slopes.flatness.proxies import Proxy, proxies
from harness.slopes.flatness.scatter import with_scatter
from harness.slopes.ordinary_least_squares import Array
from harness.slopes.reliability import reliability

ENOUGH_RELIABILITY = 0.99
"""Below it a loss is flagged (EIV)."""
AS_GOOD_AS_EXACT = 0.9999
"""Below it the test is made on the loss that a noisy one stands for: a metric that bends steeply shows noise of .01."""
ENOUGH_POINTS = 12
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class FlatnessAnswer:
    """One task's answer over all families that have loss, metric and flatness.

    ``partial`` is at given loss and family, with the sign of the flatness measure: negative means that the flatter
    checkpoint has the higher metric. ``corrected`` holds fixed the loss that a noisy one stands for; None where the loss
    is as good as exact, or its error unknown. ``flags`` say what stands in the way.
    """

    upstream: str
    task: str
    metric: str
    flatness: str
    n: int
    partial: Partial
    skill: AddedSkill | None
    matched: Matched | None
    least_partial: float | None
    reliability: float | None
    corrected: Partial | None
    proxies: tuple[Proxy, ...]
    flags: tuple[Flag, ...]

    @property
    def decisive(self) -> Partial:
        """The test that counts: the corrected one where there is one."""
        return self.corrected or self.partial


def battery(
    fits: Sequence[Fit], flatness: Mapping[str, float], name: str,
    candidates: Mapping[str, Mapping[str, float]] | None = None,
) -> FlatnessAnswer | None:  # fmt: skip
    """Test one flatness measure on the fits of one (upstream, task), a fit each family.

    Loss is controlled for by all that each family's picked curve could do, and a square of the loss: linear or quadratic
    control alone finds flatness where there is only curvature (``controls.py``).

    Args:
        fits: fits of one upstream and downstream measure; refused ones are passed over.
        flatness: checkpoint identity to the measure, above zero (its logarithm is used) or any number.
        name: of the measure.
        candidates: negative controls, name to value by checkpoint identity (``proxies.candidates_of``).
    """
    rows = [
        (fit, point)
        for fit in fits
        if fit.status != "refused"
        for point in fit.cell.points
        if point.checkpoint in flatness and point.name not in dict(fit.excluded)
    ]
    if len(rows) < 5:
        return None
    y = np.array([point.y for _, point in rows])
    loss = np.array([point.x for _, point in rows])
    values = np.array([flatness[point.checkpoint] for _, point in rows])
    values = np.log(values) if np.all(values > 0) else values
    families = [fit.cell.family for fit, _ in rows]
    curves = [fit for fit, _ in rows]
    controls = loss_controls(loss, curves)
    partial = tested_or_none(y, values, controls, families)
    if partial is None:
        return None
    errors = np.array([np.nan if point.x_stderr is None else point.x_stderr for _, point in rows])
    known = reliability(loss, errors)
    noise = np.array([point.y_stderr or 0.0 for _, point in rows])
    slope = float(np.median([abs(fit.slope or 0.0) for fit, _ in rows]))
    first = rows[0][0].cell
    runs = [point.run for _, point in rows]
    others = {
        label: np.array([of.get(point.checkpoint, np.nan) for _, point in rows])
        for label, of in (candidates or {}).items()
    }
    corrected = None
    if known is not None and known < AS_GOOD_AS_EXACT:
        corrected = tested_at_true_loss(y, values, calibrated_loss(loss, errors, values, families), curves, families)
    tested = proxies(y, values, controls, families, runs, others)
    return FlatnessAnswer(
        upstream=first.upstream.title, task=first.downstream.task, metric=first.downstream.metric, flatness=name,
        n=len(rows), partial=partial, skill=added_skill(y, values, controls, runs),
        matched=matched_loss(y, loss, values, caliper(errors, float(np.median(noise)), slope)),
        least_partial=least_partial_correlation(len(rows), partial.controls - 1), reliability=known,
        corrected=corrected, proxies=tested, flags=flags_of(len(rows), known, corrected or partial, tested),
    )  # fmt: skip


def tested_or_none(
    y: Array, values: Array, controls: Array, families: Sequence[str], variance: Array | None = None
) -> Partial | None:
    """The test, or None where nothing is left to test."""
    try:
        return freedman_lane(y, values, controls, families, variance=variance)
    except HarnessError:
        return None


def tested_at_true_loss(
    y: Array, values: Array, real: Calibrated, curves: Sequence[Fit], families: Sequence[str]
) -> Partial | None:
    """The test on what a noisy loss stands for; where the curve is steep, what is still unknown of it makes y uncertain."""
    controls = loss_controls(real.loss, curves)
    steep = slopes_of(real.loss, curves) ** 2 * real.variance
    return tested_or_none(y, values, controls, families, with_scatter(y, controls, steep))


def caliper(x_stderr: Array, y_noise: float, slope: float) -> float:
    """Losses count as equal within max(2 sqrt(2) s_x, s_y / (2 |b|)): noise, or a difference that the metric cannot show."""
    noise = float(np.median(x_stderr)) if np.isfinite(x_stderr).all() else 0.0
    return max(2 * np.sqrt(2) * noise, 0.5 * y_noise / slope if slope > 0 else 0.0)


def flags_of(n: int, known: float | None, partial: Partial, tested: Sequence[Proxy]) -> tuple[Flag, ...]:
    """UNDERPOWERED, EIV and PROXY."""
    found = []
    if n < ENOUGH_POINTS:
        text = f"{n} checkpoints: only a very strong relation could have been seen; {ENOUGH_POINTS} are the least to ask for."
        found.append(Flag("UNDERPOWERED", text))
    if known is not None and known < ENOUGH_RELIABILITY:
        text = (
            f"Only {known:.1%} of the spread of the loss is real: what noise hides of the loss, flatness then seems to say; "
            "measure the loss on more text. The p that allows for it still errs in .05 to .13 of cases at a reliability of "
            ".95 to .80, not in .05, and in .16 to .47 where metric and flatness both bend with the loss (simulated, 60 checkpoints)."
        )
        found.append(Flag("EIV", text))
    rivals = [proxy for proxy in tested if proxy.does_as_well(partial)]
    if rivals and partial.p < SIGNIFICANT:
        names = ", ".join(f"{proxy.name} (partial r {proxy.partial.r:.2f})" for proxy in rivals)
        found.append(
            Flag(
                "PROXY", f"Known without measuring any curvature, {names} says as much: flatness may only stand for it."
            )
        )
    return tuple(found)
