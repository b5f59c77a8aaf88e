"""Values that PyHessian's wheel finds, to check ours against."""

from __future__ import annotations

from typing import Any

from harness.measures.curvature.setting import PER_SQUARED_UNIT, Setting
from harness.measures.flatness.pyhessian import pyhessian_trace
from harness.measures.flatness.pyhessian_spectrum import pyhessian_density, pyhessian_eigenvalues
from harness.measures.measurement import Measurement, Value

NO_ERROR = "none: the wheel's power iteration on these documents alone"


def pyhessian(setting: Setting) -> Measurement:
    """The Hessian trace by the wheel's products; its eigenvalues and density too where ``spectrum`` is set."""
    limits, reach = setting.task.flatness, setting.comparable("one architecture", setting.layout)
    result = pyhessian_trace(
        setting.model, setting.sequences, objective=setting.objective, seed=limits.seed, precision=limits.precision,
        minimum=limits.minimum, maximum=limits.maximum, progress=setting.progress,
    )  # fmt: skip
    details = {
        "interval": [result.low, result.high], "reached": result.reached, "sequences": result.sequences,
        "probes": result.probes, "data_stderr": result.data_stderr, "probe_stderr": result.probe_stderr,
        "nats_per_token": result.nats_per_token, "parameters": result.parameters, "kernel": result.kernel,
        "weight_norm": setting.weight_norm, "memory_estimate": setting.memory, **reach,
    }  # fmt: skip
    method = f"{result.probes} shared probes and {result.clusters} documents"
    trace = Value("hessian_trace", result.trace, result.stderr, method, result.tokens, PER_SQUARED_UNIT, False, details)
    values = (trace, *spectrum(setting, reach)) if "spectrum" in setting.task.model_fields_set else (trace,)
    return Measurement(values, tokens=setting.tokens_read(result.sequences), warnings=result.warnings)


def spectrum(setting: Setting, reach: dict[str, str]) -> tuple[Value, ...]:
    """The eigenvalue of greatest magnitude; the others and the density stand beside it."""
    asked, limits = setting.task.spectrum, setting.task.flatness
    common: dict[str, Any] = {
        "objective": setting.objective,
        "seed": limits.seed,
        "maximum": limits.maximum,
        "group": limits.group,
    }
    top = pyhessian_eigenvalues(setting.model, setting.sequences, top=asked.eigenvalues, **common)
    density = pyhessian_density(setting.model, setting.sequences, steps=asked.steps, probes=asked.probes, **common)
    details = {
        "values": list(top.values), "residuals": list(top.residuals), "products": top.products,
        "density": {"nodes": density.nodes.tolist(), "weights": density.weights.tolist()},
        "nats_per_token": top.nats_per_token, "parameters": top.parameters, **reach,
    }  # fmt: skip
    tokens = sum(int((s.labels >= 0).sum()) for s in setting.sequences[: top.sequences])
    return (Value("greatest_eigenvalue", top.values[0], None, NO_ERROR, tokens, PER_SQUARED_UNIT, False, details),)
