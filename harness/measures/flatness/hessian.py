"""Trace of the Hessian of the loss of the true labels, by Hutchinson's estimator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.accumulate import Draw, Progress, accumulate, apart
from harness.measures.flatness.forward import check_objective, finite_loss, head_at_scored, scored_logits
from harness.measures.flatness.guard import attention_kernel, check_deterministic, check_dtype, measuring
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.randomness import private_generator, rademacher
from harness.measures.flatness.result import FlatnessResult, summarise
from harness.measures.flatness.stopping import StoppingRule
from harness.training.heads import Head

SECOND_ORDER_KERNELS = ("sdpa", "eager", "own")


def hessian_trace(
    model: nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    precision: float | None = 0.05,
    minimum: int = 32,
    maximum: int | None = None,
    group: int = 1,
    progress: Progress | None = None,
) -> FlatnessResult:
    r"""Estimate ``Tr H`` with one Hessian-vector product per group of sequences.

    ``H`` is the Hessian of ``L = 1/N sum_t CE(z_t, y_t)`` at the true labels, and

        ``Tr H = 1/N sum_s E_v[v' H_s v]``,

    ``H_s`` the Hessian of the loss *summed* over group ``s`` and ``v`` a fresh vector of independent
    signs. Hutchinson (1990), doi:10.1080/03610919008812866. A fresh probe for every group puts both
    kinds of noise into one standard error. Computed by double backward: forward-over-forward modes are
    wrong on LayerNorm in torch 2.13 without a warning. Fused attention has no second derivative, so that
    SDPA is held to its MATH kernel, which changes no value. ``Tr H`` may be negative.

    The same products give ``sum_rows mean(w_row^2) Tr(H_row)``.

    Args:
        model: As for ``fisher_trace``, in float32 or float64.
        sequences: Unpadded, in the order in which they are to be drawn.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the probes, together with each sequence's key.
        precision: 95 % half-width to reach, as a fraction of the magnitude; None takes every sequence.
        minimum: Documents needed for an interval, or groups of them.
        maximum: Most sequences to draw.
        group: Sequences that share one product; memory grows with them.
        progress: Called after each draw with the sequences done and the precision last seen.

    Returns:
        The trace in nats per token per squared unit of parameter.

    Raises:
        HarnessError: Too little text, a loss that is not finite or not deterministic, half precision,
            an attention kernel without second derivatives, no logits, or nothing trainable.
    """
    check_objective(objective)
    rule = StoppingRule(precision, minimum, maximum, group=group)
    halves = (torch.bfloat16, torch.float16)
    dtype = check_dtype(model, halves, "second derivatives are off by up to several percent there")
    kernel = second_order_kernel(model)
    layout = ParameterLayout.of(model)
    scored, unscored = apart(sequences, objective)
    with measuring(model), sdpa_kernel(SDPBackend.MATH), head_at_scored(model, scored[0], objective) as head:
        check_deterministic(model, scored[0], objective, head)
        draws = accumulate(lambda g: draw_hessian(model, layout, g, objective, seed, head), scored, rule, progress)
    return summarise("hessian", draws, layout, rule, dtype, kernel, seed, unscored)


def draw_hessian(
    model: nn.Module,
    layout: ParameterLayout,
    group: SequenceGroup,
    objective: str,
    seed: int,
    head: Head | None = None,
) -> Draw:
    """One group's ``v' H_s v`` under its own probe, by part.

    Raises:
        HarnessError: The loss is not finite.
    """
    generator = private_generator(seed, group.key, "hessian probe")
    probe = [rademacher(p.shape, generator, p.dtype, p.device) for p in layout.tensors]
    logits, labels = scored_logits(model, group.sequences, objective, head)
    loss = cross_entropy(logits, labels, reduction="sum")
    value = finite_loss(loss, group.sequences)
    product, used = hessian_vector_product(loss, layout.tensors, probe)
    trace, row_normalised = layout.sums(layout.products(probe, product))
    return Draw(len(labels), value, trace, row_normalised, used)


def hessian_vector_product(
    loss: Tensor, tensors: Sequence[Tensor], vector: Sequence[Tensor]
) -> tuple[list[Tensor | None], np.ndarray]:
    """``H v`` by double backward, None where it is zero for want of a path, and which tensors the loss uses.

    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> product, _ = hessian_vector_product((x**3).sum(), [x], [torch.tensor([1.0, -1.0])])
    >>> product[0]
    tensor([  6., -12.])
    """
    gradients = torch.autograd.grad(loss, tensors, create_graph=True, allow_unused=True)
    used = np.array([g is not None for g in gradients])
    curved = [(g, v) for g, v in zip(gradients, vector, strict=True) if g is not None and g.requires_grad]
    if not curved:
        return [None] * len(tensors), used
    outputs, cotangents = zip(*curved, strict=True)
    return list(torch.autograd.grad(outputs, tensors, cotangents, allow_unused=True)), used


def second_order_kernel(model: nn.Module) -> str:
    """The kernel second derivatives run through.

    Raises:
        HarnessError: The model was loaded with attention that has none (flash, flex).
    """
    kernel = attention_kernel(model)
    if kernel not in SECOND_ORDER_KERNELS:
        raise HarnessError(
            f"attention {kernel!r} has no second derivative; load the checkpoint with attention 'sdpa' (held to its "
            "MATH kernel here) or 'eager'"
        )
    return "sdpa (math)" if kernel == "sdpa" else kernel
