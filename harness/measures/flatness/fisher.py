"""Trace of the true Fisher information (the Gauss-Newton matrix) by sampled labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import UNSCORED, ScoredSequence
from harness.measures.flatness.accumulate import Draw, Progress, accumulate, apart
from harness.measures.flatness.forward import check_objective, finite_loss, head_at_scored, scored_logits
from harness.measures.flatness.gradient_stream import Products, products_of, stream_gradients
from harness.measures.flatness.guard import attention_kernel, check_deterministic, check_dtype, measuring
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.randomness import private_generator, sample_labels
from harness.measures.flatness.relative_flatness import between_layers, relative_flatness
from harness.measures.flatness.result import FlatnessResult, summarise
from harness.measures.flatness.stopping import StoppingRule
from harness.training.heads import Head


def fisher_trace(
    model: nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    precision: float | None = 0.05,
    minimum: int = 32,
    maximum: int | None = None,
    group: int = 1,
    relative: bool = False,
    progress: Progress | None = None,
) -> FlatnessResult:
    r"""Estimate ``Tr G`` with one ordinary gradient per group of sequences.

    With logits ``z_t``, ``p_t = softmax(z_t)`` and ``J_t = dz_t/dtheta`` at the ``N`` scored positions,
    ``G = 1/N sum_t J_t' (diag p_t - p_t p_t') J_t``, the true Fisher information per token, and

        ``Tr G = 1/N sum_s E_{y ~ p} |g_s|^2``,

    ``g_s`` being the gradient of the cross-entropy *summed* over group ``s`` at labels drawn from the
    model itself. Unbiased: given the inputs the labels are independent and their scores have mean zero,
    so that cross terms vanish. The true prefix stays the input. The empirical Fisher (true labels) is
    another number. Martens, New Insights and Perspectives on the Natural Gradient Method (2020),
    section 9; Liu et al., arXiv 2210.14199, for its use.

    The same gradients give the measures that a rescaling of the network leaves alone:

    - ``S_row = sum_rows mean(w_row^2) Tr(G_row)``, and ``S_layer`` likewise over matrices;
    - ``sum_i theta_i^2 G_ii``, element by element: Kwon et al., arXiv 2102.11600;
    - ``theta' G theta``, the Fisher-Rao norm: Liang et al., arXiv 1711.01530;
    - relative flatness, after Petzka et al., arXiv 2001.00939 (see ``relative_flatness``).

    Args:
        model: A language model; ``model(input_ids=...)`` has ``logits``. Its mode is restored, its
            ``.grad`` left alone. Parameters that require no gradient are left out.
        sequences: Unpadded, in the order in which they are to be drawn.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the sampled labels, together with each sequence's key.
        precision: 95 % half-width to reach, as a fraction of the value; None takes every sequence.
        minimum: Documents needed for an interval, or groups of them.
        maximum: Most sequences to draw.
        group: Sequences that share one gradient: more fill a larger device; the memory grows with them.
        relative: Also take relative flatness, whose products cost more than the gradient where layers are wide.
        progress: Called after each draw with the sequences done and the precision last seen.

    Returns:
        The trace in nats per token per squared unit of parameter, never negative.

    Raises:
        HarnessError: Too little text, a loss that is not finite or not deterministic, float16, no
            logits, or nothing trainable.
    """
    check_objective(objective)
    rule = StoppingRule(precision, minimum, maximum, group=group)
    dtype = check_dtype(model, (torch.float16,), "squared gradients leave its range")
    layout = ParameterLayout.of(model)
    scored, unscored = apart(sequences, objective)
    with measuring(model), head_at_scored(model, scored[0], objective) as head:
        check_deterministic(model, scored[0], objective, head)
        draws = accumulate(
            lambda g: draw_fisher(model, layout, g, objective, seed, head, relative), scored, rule, progress
        )
    return summarise("fisher", draws, layout, rule, dtype, attention_kernel(model), seed, unscored)


def draw_fisher(
    model: nn.Module,
    layout: ParameterLayout,
    group: SequenceGroup,
    objective: str,
    seed: int,
    head: Head | None = None,
    relative: bool = False,
) -> Draw:
    """One group's squared score, by part.

    Raises:
        HarnessError: The loss of the true labels is not finite.
    """
    logits, labels = scored_logits(model, group.sequences, objective, head)
    loss, score = sampled_score(logits.detach(), labels, group.sequences, objective, seed)
    value = finite_loss(loss, group.sequences)
    return read_gradients(layout, logits, score, len(labels), value, relative)


def read_gradients(
    layout: ParameterLayout, logits: Tensor, score: Tensor, tokens: int, loss: float, relative: bool
) -> Draw:
    """Take what every gradient says as soon as it is there: one is in memory at a time."""
    found: list[Products | None] = [None] * len(layout.tensors)
    flatness = [0.0]

    def consume(number: int, gradient: Tensor) -> None:
        weight, transposed = layout.tensors[number], layout.transposed[number]
        found[number] = products_of(weight, gradient, transposed)
        if relative and between_layers(layout.names[number], weight.ndim):
            flatness[0] += relative_flatness(weight, gradient, transposed)

    stream_gradients(logits, score, layout.tensors, consume)
    trace, row_normalised = layout.sums([None if p is None else p.rows for p in found])
    radial, element = (float(sum(getattr(p, n) for p in found if p is not None)) for n in ("radial", "element"))
    more = {"fisher_rao": radial**2, "element_normalised": element}
    if relative:
        more["relative"] = flatness[0]
    return Draw(tokens, loss, trace, row_normalised, np.array([p is not None for p in found]), more)


def sampled_score(
    logits: Tensor, labels: Tensor, sequences: Sequence[ScoredSequence], objective: str, seed: int
) -> tuple[Tensor, Tensor]:
    """Loss of the true labels, and the gradient by logits of the loss of sampled ones.

    The second is ``softmax(z) - onehot(y)``: handing it to the backward pass saves a softmax. Each sequence draws from
    a generator of its own, so that grouping changes no label.

    Args:
        logits: Of the scored positions of all sequences, ``(n, V)``.
        labels: True ones, ``(n,)``.
        sequences: Whose positions these are, in order.
        objective: "masked" scores labels as they stand, others from the second on.
        seed: Of the sampled labels.

    Returns:
        Summed loss in nats, and the score ``(n, V)``.

    >>> ids = torch.tensor([0, 1])
    >>> _, score = sampled_score(torch.zeros(2, 4), ids, [ScoredSequence(ids, ids, 0, 0)], "masked", 0)
    >>> score.sum(1).tolist(), sorted(score[0].tolist())
    ([0.0, 0.0], [-0.75, 0.25, 0.25, 0.25])
    """
    log_probabilities = logits.log_softmax(1)
    loss = -log_probabilities.gather(1, labels[:, None]).sum()
    score = log_probabilities.exp_()
    shift = 0 if objective == "masked" else 1
    start = 0
    for sequence in sequences:
        rows = score[start : start + int((sequence.labels[shift:] != UNSCORED).sum())]
        sampled = sample_labels(rows, private_generator(seed, sequence.key, "fisher labels"))
        rows[torch.arange(len(sampled), device=score.device), sampled] -= 1
        start += len(rows)
    return loss, score
