"""Values of the trace estimators: the trace, what a rescaling leaves alone, and where in the network it sits."""

from __future__ import annotations

from typing import Any

from harness.measures.curvature.setting import PER_SQUARED_UNIT, PER_TOKEN, RELATIVE, Across, Setting, per_draw
from harness.measures.flatness.fisher import fisher_trace
from harness.measures.flatness.hessian import hessian_trace
from harness.measures.flatness.result import FlatnessResult
from harness.measures.measurement import Measurement, Value
from harness.measures.ratio import RatioEstimate

COSTLY_NATS = 0.1
PER_BYTE_SQUARED_UNIT = "nats per scored byte per squared unit of parameter"
PER_BYTE = "nats per scored byte"
MORE: dict[str, tuple[str, str, Across]] = {
    "layer_normalised": ("layer_normalised_{}", PER_TOKEN, "one tokenizer"),
    "element_normalised": ("element_normalised_{}", PER_TOKEN, "one tokenizer"),
    "fisher_rao": ("fisher_rao_norm", PER_TOKEN, "one tokenizer"),
    "relative": ("relative_flatness", PER_TOKEN, "one tokenizer"),
    "trace_per_byte": ("{}_trace_per_byte", PER_BYTE_SQUARED_UNIT, "one architecture"),
    "row_normalised_per_byte": ("row_normalised_{}_per_byte", PER_BYTE, "any"),
}
"""Name of the metric, unit and reach of each further measure."""


def fisher(setting: Setting) -> Measurement:
    """The Fisher trace and all that its gradients give."""
    result = fisher_trace(
        setting.model, setting.sequences, seed=setting.task.flatness.seed, relative=setting.task.relative,
        **setting.options(),
    )  # fmt: skip
    return summarise(setting, result)


def hessian(setting: Setting) -> Measurement:
    """The Hessian trace."""
    result = hessian_trace(setting.model, setting.sequences, seed=setting.task.flatness.seed, **setting.options())
    return summarise(setting, result)


def summarise(setting: Setting, result: FlatnessResult) -> Measurement:
    """Values of a result, the trace first."""
    whole = RatioEstimate(result.trace, result.stderr, result.low, result.high, result.clusters)
    name, reach = result.quantity, setting.comparable("one architecture", result.layout)
    values = [value(setting, f"{name}_trace", whole, result, PER_SQUARED_UNIT, details(setting, result) | reach)]
    across = setting.comparable("one tokenizer", result.layout)
    values.append(value(setting, f"row_normalised_{name}", result.rows, result, PER_TOKEN, across))
    for key, estimate in result.more.items():
        metric, unit, reached = MORE[key]
        values.append(
            value(setting, metric.format(name), estimate, result, unit, setting.comparable(reached, result.layout))
        )
    costly = result.noise_that_costs(COSTLY_NATS)
    if costly is not None:
        values.append(
            value(setting, f"noise_for_{COSTLY_NATS}_nat", costly, result, RELATIVE, across, higher_is_better=True)
        )
    return Measurement(
        tuple(values), tokens=setting.tokens_read(result.sequences),
        outcomes=(per_draw(values[0].metric, result.terms),), warnings=result.warnings,
    )  # fmt: skip


def value(
    setting: Setting, metric: str, estimate: RatioEstimate, result: FlatnessResult, unit: str, found: dict[str, Any],
    higher_is_better: bool = False,
) -> Value:  # fmt: skip
    """One value with its interval."""
    method = f"ratio estimator over {setting.documents(estimate.clusters)}, skewness removed from the interval"
    found = {"interval": [estimate.low, estimate.high]} | found
    return Value(metric, estimate.value, estimate.stderr, method, result.tokens, unit, higher_is_better, found)


def details(setting: Setting, result: FlatnessResult) -> dict[str, Any]:
    """What stands beside the trace: how it was measured, and where it sits."""
    by_place: dict[str, dict[str, float]] = {}
    for (layer, block), part in result.by_place.items():
        by_place.setdefault(layer, {})[block] = part.share
    return {
        "reached": result.reached, "sequences": result.sequences, "nats_per_token": result.nats_per_token,
        "by_block": {name: part.share for name, part in result.by_block.items()},
        "by_block_stderr": {name: part.share_stderr for name, part in result.by_block.items()},
        "by_layer": {name: part.share for name, part in result.by_layer.items()},
        "by_layer_stderr": {name: part.share_stderr for name, part in result.by_layer.items()},
        "by_place": by_place, "parameters": result.parameters, "frozen": result.frozen, "tied": list(result.tied),
        "unused": list(result.unused), "kernel": result.kernel, "weight_norm": setting.weight_norm,
        "memory_estimate": setting.memory,
    }  # fmt: skip
