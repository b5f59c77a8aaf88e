"""Trace of the true Fisher information (the Gauss-Newton matrix) by sampled labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from harness.data.sequences import ScoredSequence
from harness.measures.flatness.accumulate import Draw, Progress, accumulate
from harness.measures.flatness.forward import check_objective, finite_loss, scored_logits
from harness.measures.flatness.guard import attention_kernel, check_deterministic, check_dtype, measuring
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.opening import opening
from harness.measures.flatness.randomness import private_generator, sample_labels
from harness.measures.flatness.result import FlatnessResult, summarise
from harness.measures.flatness.stopping import StoppingRule


def fisher_trace(
    model: nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    precision: float | None = 0.05,
    minimum: int = 32,
    maximum: int | None = None,
    progress: Progress | None = None,
) -> FlatnessResult:
    r"""Estimate ``Tr G`` with one ordinary gradient per sequence.

    With logits ``z_t``, ``p_t = softmax(z_t)`` and ``J_t = dz_t/dtheta`` at the ``N`` scored positions,
    ``G = 1/N sum_t J_t' (diag p_t - p_t p_t') J_t``, the true Fisher information per token, and

        ``Tr G = 1/N sum_s E_{y ~ p} |g_s|^2``,

    ``g_s`` being the gradient of the cross-entropy *summed* over sequence ``s`` at labels drawn from the
    model itself. Unbiased: given the inputs the labels are independent and their scores have mean zero,
    so that cross terms vanish. The true prefix stays the input. The empirical Fisher (true labels) is
    another number. Martens, New Insights and Perspectives on the Natural Gradient Method (2020),
    section 9; Liu et al., arXiv 2210.14199, for its use.

    The same gradients give ``S_row = sum_rows mean(w_row^2) Tr(G_row)``.

    Args:
        model: A language model; ``model(input_ids=...)`` has ``logits``. Its mode is restored, its
            ``.grad`` left alone. Parameters that require no gradient are left out.
        sequences: Unpadded, in the order in which they are to be drawn.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the sampled labels, together with each sequence's key.
        precision: 95 % half-width to reach, as a fraction of the value; None takes every sequence.
        minimum: Documents needed for an interval.
        maximum: Most sequences to draw.
        progress: Called after each sequence with the count and the precision last seen.

    Returns:
        The trace in nats per token per squared unit of parameter, never negative.

    Raises:
        HarnessError: Too little text, a loss that is not finite or not deterministic, float16, no
            logits, or nothing trainable.
    """
    check_objective(objective)
    rule = StoppingRule(precision, minimum, maximum)
    dtype = check_dtype(model, (torch.float16,), "squared gradients leave its range")
    layout = ParameterLayout.of(model)
    first, sequences = opening(sequences, objective)
    with measuring(model):
        check_deterministic(model, first, objective)
        draws = accumulate(
            lambda s: draw_fisher(model, layout, s, objective, seed), sequences, objective, rule, progress
        )
    return summarise("fisher", draws, layout, rule, dtype, attention_kernel(model), seed)


def draw_fisher(model: nn.Module, layout: ParameterLayout, sequence: ScoredSequence, objective: str, seed: int) -> Draw:
    """One sequence's squared score, by tensor.

    Raises:
        HarnessError: The loss of the true labels is not finite.
    """
    logits, labels = scored_logits(model, sequence, objective)
    loss, score = sampled_score(logits.detach(), labels, private_generator(seed, sequence.key, "fisher labels"))
    value = finite_loss(loss, sequence)
    gradients = torch.autograd.grad(logits, layout.tensors, score, allow_unused=True)
    trace, row_normalised = layout.sums(layout.squared_norms(gradients))
    return Draw(len(labels), value, trace, row_normalised, np.array([g is not None for g in gradients]))


def sampled_score(logits: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Loss of the true labels, and the gradient by logits of the loss of sampled ones.

    The second is ``softmax(z) - onehot(y)``: handing it to the backward pass saves a softmax.

    Returns:
        Summed loss in nats, and the score ``(n, V)``.

    >>> _, score = sampled_score(torch.zeros(2, 4), torch.tensor([0, 1]), torch.Generator().manual_seed(0))
    >>> score.sum(1).tolist(), sorted(score[0].tolist())
    ([0.0, 0.0], [-0.75, 0.25, 0.25, 0.25])
    """
    log_probabilities = logits.log_softmax(1)
    loss = -log_probabilities.gather(1, labels[:, None]).sum()
    score = log_probabilities.exp_()
    sampled = sample_labels(score, generator)
    score[torch.arange(len(sampled), device=score.device), sampled] -= 1
    return loss, score
