"""Values of the traces that learn about the matrix as they go: Hutch++ and XTrace."""

from __future__ import annotations

from collections.abc import Callable

from harness.measures.curvature.setting import PER_SQUARED_UNIT, Setting
from harness.measures.flatness.hutch_plus_plus import hutch_plus_plus
from harness.measures.flatness.sketch import SketchedTrace
from harness.measures.flatness.warnings import tail_warning
from harness.measures.flatness.xtrace import xtrace
from harness.measures.measurement import Measurement, Value

NAMES = {"hessian": "hessian_trace", "gauss_newton": "fisher_trace"}


def by_hutch_plus_plus(setting: Setting) -> Measurement:
    """The trace by Hutch++."""
    return sketched(setting, hutch_plus_plus)


def by_xtrace(setting: Setting) -> Measurement:
    """The trace by XTrace."""
    return sketched(setting, xtrace)


def sketched(setting: Setting, estimator: Callable[..., SketchedTrace]) -> Measurement:
    """One value: the trace on a fixed set of sequences, with the errors of probes and of documents."""
    asked, limits = setting.task.sketch, setting.task.flatness
    result = estimator(
        setting.model, setting.sequences, objective=setting.objective, seed=limits.seed, matrix=asked.matrix,
        products=asked.products, limit=asked.limit, minimum=limits.minimum, maximum=limits.maximum, progress=setting.progress,
    )  # fmt: skip
    trace = result.trace
    details = {
        "interval": [trace.low, trace.high], "matrix": result.matrix, "sequences": result.sequences,
        "products": result.products, "probe_stderr": trace.probe_stderr, "document_stderr": trace.document_stderr,
        "nats_per_token": result.nats_per_token, "parameters": result.parameters, "kernel": result.kernel,
        "weight_norm": setting.weight_norm, "memory_estimate": setting.memory,
        **setting.comparable("one architecture", setting.layout),
    }  # fmt: skip
    method = f"{result.estimator}: {result.products} products and {result.clusters} documents"
    value = Value(
        NAMES[result.matrix], trace.value, trace.stderr, method, result.tokens, PER_SQUARED_UNIT, False, details
    )
    # No outcomes: the error of a difference would leave out that of the probes.
    return Measurement(
        (value,),
        tokens=setting.tokens_read(result.sequences),
        warnings=tuple(tail_warning(result.terms, result.cluster)),
    )
