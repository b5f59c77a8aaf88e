"""Values of the spectrum: its ends, how many directions carry it, and its density."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.measures.curvature.setting import PER_SQUARED_UNIT, Setting
from harness.measures.flatness.combined import CombinedEstimate
from harness.measures.flatness.eigenvalues import EndValue
from harness.measures.flatness.fixed_set import GIB
from harness.measures.flatness.spectrum import Direction, SpectrumResult
from harness.measures.flatness.spectrum import spectrum as spectrum_of
from harness.measures.measurement import Measurement, Value

SQUARED = f"({PER_SQUARED_UNIT})²"
DIRECTIONS = "directions"
POINTS_KEPT = 5
"""Every so many points of the density are recorded: a fifth of a kernel's width apart."""


def spectrum(setting: Setting) -> Measurement:
    """The largest eigenvalue first; of a Hessian the most negative one too."""
    asked, limits = setting.task.spectrum, setting.task.flatness
    result = spectrum_of(
        setting.model, setting.sequences, objective=setting.objective, seed=limits.seed, matrix=asked.matrix,
        eigenvalues=asked.eigenvalues, steps=asked.steps, probes=asked.probes, minimum=limits.minimum,
        maximum=limits.maximum, memory=4 * GIB if setting.free is None else setting.free // 2,
        progress=setting.progress,
    )  # fmt: skip
    reach = setting.comparable("one architecture", setting.layout)
    values = [end("largest_eigenvalue", result.largest[0], result, details(setting, result) | reach)]
    if result.smallest:
        values.append(end("smallest_eigenvalue", result.smallest[0], result, reach))
        method = f"over {result.probes} probes, the documents fixed"
        values.append(
            Value("negative_curvature_share", result.negative_share or 0.0, result.negative_share_stderr, method,
                  result.tokens, "fraction", False, reach)
        )  # fmt: skip
    found = result.moments
    values += [
        moment("trace_by_probes", found.trace, result, PER_SQUARED_UNIT, reach),
        moment("squared_frobenius_norm", found.frobenius_squared, result, SQUARED,
               reach | {"held_out": found.frobenius_squared_held_out}),
        moment("effective_rank", found.effective_rank, result, DIRECTIONS,
               reach | {"held_out": found.effective_rank_held_out}),
    ]  # fmt: skip
    return Measurement(tuple(values), tokens=setting.tokens_read(result.sequences), warnings=result.warnings)


def end(metric: str, found: EndValue, result: SpectrumResult, more: dict[str, Any]) -> Value:
    """One end of the spectrum."""
    method = f"first order, ratio estimator over {result.clusters} documents"
    return Value(metric, found.value, found.stderr, method, result.tokens, PER_SQUARED_UNIT, False,
                 {"interval": [found.low, found.high]} | more)  # fmt: skip


def moment(metric: str, found: CombinedEstimate, result: SpectrumResult, unit: str, more: dict[str, Any]) -> Value:
    """A power sum of the eigenvalues, or what follows from two of them."""
    method = f"{result.probes} probes and {result.clusters} documents"
    return Value(metric, found.value, found.stderr, method, result.tokens, unit, False,
                 {"interval": [found.low, found.high]} | more)  # fmt: skip


def details(setting: Setting, result: SpectrumResult) -> dict[str, Any]:
    """All ends, where their eigenvectors lie, and the density."""
    grid = result.density
    return {
        "matrix": result.matrix, "largest": ends(result.largest, result.directions),
        "smallest": ends(result.smallest, result.smallest_directions),
        "density": {
            "eigenvalue": grid.grid[::POINTS_KEPT].tolist(), "density": grid.density[::POINTS_KEPT].tolist(),
            "stderr": grid.stderr[::POINTS_KEPT].tolist(), "width": grid.width,
        },
        "sequences": result.sequences, "steps": result.steps, "probes": result.probes, "products": result.products,
        "nats_per_token": result.nats_per_token, "parameters": result.parameters, "kernel": result.kernel,
        "weight_norm": setting.weight_norm, "memory_estimate": setting.memory,
    }  # fmt: skip


def ends(found: Sequence[EndValue], directions: Sequence[Direction]) -> list[dict[str, Any]]:
    """Eigenvalues with what is known of each."""
    return [
        {
            "value": e.value, "stderr": e.stderr, "interval": [e.low, e.high], "residual": e.residual,
            "held_out": e.held_out, "held_out_stderr": e.held_out_stderr, "corrected": e.corrected,
            "by_block": d.by_block, "by_layer": d.by_layer,
        }
        for e, d in zip(found, directions, strict=True)
    ]  # fmt: skip
