"""Kind ``flatness``: the trace of the Fisher or the Hessian of the language-modelling loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.sequences import ScoredSequence
from harness.measures.flatness import fisher_trace, hessian_trace
from harness.measures.lm_loss import columns, rows_wanted, take, windows
from harness.measures.lm_loss import policy as loss_policy
from harness.measures.measurement import Measurement, Outcomes, Value
from harness.results.signature import digest
from harness.specs import FlatnessTask

if TYPE_CHECKING:
    import torch

    from harness.checkpoints import Resolved
    from harness.measures.flatness.result import FlatnessResult
    from harness.measures.session import Session

VERSION = 1
UNIT = "nats per token per squared unit of parameter"
__all__ = ["VERSION", "columns", "measure", "policy", "rows_wanted"]


def policy(task: FlatnessTask, checkpoint: Resolved) -> dict[str, Any]:
    """The loss policy with windows no longer than the task's sequences.

    Raises:
        HarnessError: the checkpoint has no language-model loss.
    """
    settings = loss_policy(task, checkpoint)
    window = min(task.flatness.length, settings["window"])
    return settings | {"window": window} | ({"stride": window} if "stride" in settings else {})


def measure(session: Session, task: FlatnessTask, seed: int | None) -> Measurement:
    """Measure one checkpoint.

    Raises:
        HarnessError: fewer sequences than the minimum, a loss that is not finite, or a checkpoint without a loss.
    """
    settings = policy(task, session.checkpoint)
    model, _ = session.language_model()
    texts = take(session.rows(task, "score"), task.text)
    objective = session.checkpoint.objective
    shorter = settings
    if objective == "causal":
        shorter = settings | {"window": settings["window"] - 1, "stride": settings["window"] - 1}
    sequences = hash_order(windows(session, task, texts, shorter))
    estimator = fisher_trace if task.estimator == "fisher" else hessian_trace
    limits = task.flatness
    with session.progress(task.name, min(limits.maximum, len(sequences))) as advance:
        drawn = 0

        def report(done: int, reached: float | None) -> None:
            nonlocal drawn
            advance(done - drawn)
            drawn = done

        result = estimator(
            model, sequences, objective=objective, seed=limits.seed, precision=limits.precision,
            minimum=limits.minimum, maximum=limits.maximum, progress=report,
        )  # fmt: skip
    return summarise(task, result, sum(s.length for s in sequences[: result.sequences]), weight_norm(model))


def weight_norm(model: torch.nn.Module) -> float:
    """Euclidean norm of all weights, tied ones once: what a trace must say more than."""
    return math.sqrt(sum(float(weight.detach().double().square().sum()) for weight in model.parameters()))


def hash_order(sequences: list[ScoredSequence]) -> list[ScoredSequence]:
    """One order for all checkpoints, so that the sequences of two are nested and their difference can be paired."""
    return sorted(sequences, key=lambda s: digest([s.key, "flatness"]))


def summarise(task: FlatnessTask, result: FlatnessResult, tokens: int, norm: float) -> Measurement:
    """Values of a result."""
    method = f"ratio estimator over {result.clusters} documents"
    details = {
        "interval": [result.low, result.high], "reached": result.reached, "sequences": result.sequences,
        "by_block": {name: part.share for name, part in result.by_block.items()},
        "by_layer": {name: part.share for name, part in result.by_layer.items()},
        "parameters": result.parameters, "kernel": result.kernel, "weight_norm": norm,
    }  # fmt: skip
    values = [
        Value(f"{task.estimator}_trace", result.trace, result.stderr, method, result.tokens, UNIT, False, details)
    ]
    if task.estimator == "fisher":
        values.append(Value("row_normalised_fisher", result.row_normalised, result.row_normalised_stderr, method,
                            result.tokens, "nats per token", False))  # fmt: skip
    return Measurement(
        tuple(values), tokens=tokens, outcomes=(per_sequence(values[0].metric, result),), warnings=result.warnings
    )


def per_sequence(metric: str, result: FlatnessResult) -> Outcomes:
    """Terms of single sequences, for paired comparisons: outcome over weight is a sequence's own trace."""
    terms = result.terms
    return Outcomes(metric, np.arange(len(terms.tokens)), terms.cluster, terms.trace, terms.tokens.astype(float))
