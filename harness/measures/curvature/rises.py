"""Values of the sharpness estimators: how far the loss rises at each distance from the weights."""

from __future__ import annotations

from typing import Any

from harness.measures.curvature.setting import PER_TOKEN, RELATIVE, Setting, per_draw
from harness.measures.curvature.traces import COSTLY_NATS
from harness.measures.flatness.rise import RiseResult
from harness.measures.flatness.sharpness import noise_sharpness
from harness.measures.flatness.worst_case import worst_case_sharpness
from harness.measures.measurement import Measurement, Value
from harness.measures.ratio import RatioEstimate


def sharpness(setting: Setting) -> Measurement:
    """Rises under noise, and in the worst direction where radii are given."""
    asked = setting.task.sharpness
    average = noise_sharpness(
        setting.model, setting.sequences, seed=setting.task.flatness.seed, noise=asked.noise, **setting.options()
    )
    values, warnings, read = (
        rises(setting, average, "loss_rise_noise_{}"),
        average.warnings,
        setting.tokens_read(average.sequences),
    )
    costly = average.distance_that_costs(COSTLY_NATS)
    if costly is not None:
        values.append(value(setting, average, f"measured_noise_for_{COSTLY_NATS}_nat", costly, RELATIVE, True))
    if asked.radii:
        worst = worst_case_sharpness(
            setting.model, setting.sequences, radii=asked.radii, ball=asked.ball, steps=asked.steps,
            **(setting.options() | {"progress": None}),
        )  # fmt: skip
        values += rises(setting, worst, "loss_rise_ascent_{}")
        warnings, read = (*warnings, *worst.warnings), read + setting.tokens_read(worst.sequences)
    return Measurement(
        tuple(values), tokens=read, outcomes=(per_draw(values[0].metric, average.terms),),
        warnings=tuple(dict.fromkeys(warnings)),
    )  # fmt: skip


def rises(setting: Setting, result: RiseResult, name: str) -> list[Value]:
    """A value for each distance, the one that decided when to stop first."""
    order = sorted(result.rises, key=lambda distance: distance != result.leading)
    return [value(setting, result, name.format(f"{d:g}"), result.rises[d], PER_TOKEN) for d in order]


def value(
    setting: Setting, result: RiseResult, metric: str, estimate: RatioEstimate, unit: str,
    higher_is_better: bool = False,
) -> Value:  # fmt: skip
    """One value with its interval."""
    found: dict[str, Any] = {
        "interval": [estimate.low, estimate.high], "sequences": result.sequences,
        "nats_per_token": result.nats_per_token, "parameters": result.parameters, "kernel": result.kernel,
        "weight_norm": setting.weight_norm, "memory_estimate": setting.memory,
        **setting.comparable("one tokenizer", result.layout),
    }  # fmt: skip
    method = f"ratio estimator over {setting.documents(estimate.clusters)}, each draw with a direction of its own"
    return Value(metric, estimate.value, estimate.stderr, method, result.tokens, unit, higher_is_better, found)
