"""Kind ``flatness``: reads the text, hands it to the estimator that the task names, and gives back values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.data.sequences import ScoredSequence
from harness.machine import free_memory
from harness.measures.curvature import cross_check, rises, sketches, spectra, traces
from harness.measures.curvature.setting import Setting
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.memory import check_memory
from harness.measures.flatness.operator import GROUP_TOKENS
from harness.measures.flatness.sketch import HELD
from harness.measures.flatness.spectrum import expected_products
from harness.measures.lm_loss import columns, rows_wanted, take, windows
from harness.measures.lm_loss import policy as loss_policy
from harness.measures.measurement import Measurement
from harness.results.signature import digest
from harness.specs import FlatnessTask
from harness.specs.flatness import FIXED_SET

if TYPE_CHECKING:
    import torch

    from harness.checkpoints import Resolved
    from harness.measures.session import Session

VERSION = 2
ESTIMATOR_VERSIONS = {"xtrace": 2}
"""Raised where one estimator alone measures differently; one that is not named here is at 1, and its signatures do not say so."""
__all__ = ["VERSION", "columns", "measure", "policy", "rows_wanted"]

ESTIMATORS: dict[str, Callable[[Setting], Measurement]] = {
    "fisher": traces.fisher,
    "hessian": traces.hessian,
    "sharpness": rises.sharpness,
    "spectrum": spectra.spectrum,
    "hutch++": sketches.by_hutch_plus_plus,
    "xtrace": sketches.by_xtrace,
    "pyhessian": cross_check.pyhessian,
}
SECOND_ORDER = ("hessian", "spectrum", "hutch++", "xtrace", "pyhessian")
COPIES = {"fisher": 1, "hessian": 3, "sharpness": 4, "spectrum": 4, "hutch++": 4, "xtrace": 4, "pyhessian": 6}
"""Vectors as long as all parameters that an estimator holds at once, beside those of ``stored``."""


def policy(task: FlatnessTask, checkpoint: Resolved) -> dict[str, Any]:
    """How the text is read, and the version of the estimator.

    Raises:
        HarnessError: the checkpoint has no language-model loss.
    """
    version = ESTIMATOR_VERSIONS.get(task.estimator)
    return reading(task, checkpoint) | ({"estimator_version": version} if version else {})


def reading(task: FlatnessTask, checkpoint: Resolved) -> dict[str, Any]:
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
        HarnessError: fewer sequences than the minimum, a loss that is not finite, a checkpoint without a loss, or too
            little memory.
    """
    settings = reading(task, session.checkpoint)
    model, _ = session.language_model()
    texts = take(session.rows(task, "score"), task.text)
    objective = session.checkpoint.objective
    shorter = settings
    if objective == "causal":
        shorter = settings | {"window": settings["window"] - 1, "stride": settings["window"] - 1}
    sequences = hash_order(windows(session, task, texts, shorter))
    free = free_memory(session.device)
    needed = check_memory(
        model, sequences, objective, group=together(task), second_order=task.estimator in SECOND_ORDER,
        copies=COPIES[task.estimator] + stored(task), free=free,
    )  # fmt: skip
    with session.progress(task.name, work_of(task, len(sequences))) as advance:
        setting = Setting(
            model, sequences, objective, task, session.checkpoint.tokenizer or "", ParameterLayout.of(model).fingerprint,
            weight_norm(model), needed, free, advance,
        )  # fmt: skip
        return ESTIMATORS[task.estimator](setting)


def together(task: FlatnessTask) -> int:
    """Sequences that share a graph."""
    return max(1, GROUP_TOKENS // task.flatness.length) if task.estimator in FIXED_SET else task.flatness.group


def stored(task: FlatnessTask) -> int:
    """Vectors as long as all parameters that an estimator keeps: those of one Lanczos iteration, or of a sketch."""
    if task.estimator == "spectrum":
        return task.spectrum.steps
    products = task.sketch.products
    return {"hutch++": HELD * (products // 3), "xtrace": HELD * (products // 2)}.get(task.estimator, 0)


def work_of(task: FlatnessTask, sequences: int) -> int:
    """What the bar counts to: sequences, or products with the matrix of all of them."""
    if task.estimator == "spectrum":
        asked = task.spectrum
        return expected_products(asked.matrix, asked.eigenvalues, asked.steps, asked.probes)
    if task.estimator in ("hutch++", "xtrace"):
        return task.sketch.products
    return min(task.flatness.maximum, sequences)


def weight_norm(model: torch.nn.Module) -> float:
    """Euclidean norm of all weights, tied ones once: what a trace must say more than."""
    return math.sqrt(sum(float(weight.detach().double().square().sum()) for weight in model.parameters()))


def hash_order(sequences: list[ScoredSequence]) -> list[ScoredSequence]:
    """One order for all checkpoints, so that the sequences of two are nested and their difference can be paired."""
    return sorted(sequences, key=lambda s: digest([s.key, "flatness"]))
