"""Rise of the loss in the worst direction within reach: adaptive sharpness, found by ascent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError, nearest
from harness.measures.flatness.accumulate import Draw, Progress, accumulate, apart
from harness.measures.flatness.forward import check_objective, finite_loss, head_at_scored, scored_logits
from harness.measures.flatness.guard import attention_kernel, check_deterministic, check_dtype, measuring
from harness.measures.flatness.layout import ParameterLayout, row_root_mean_squares
from harness.measures.flatness.perturbation import Perturbation, perturbable
from harness.measures.flatness.rise import RiseResult, check_distances, leading_of, rises
from harness.measures.flatness.sharpness import moved_loss
from harness.measures.flatness.stopping import StoppingRule
from harness.training.heads import Head

BALLS = ("rows", "whole")


def worst_case_sharpness(
    model: nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    radii: Sequence[float] = (0.001, 0.005),
    ball: str = "rows",
    steps: int = 5,
    precision: float | None = 0.05,
    minimum: int = 32,
    maximum: int | None = None,
    group: int = 1,
    progress: Progress | None = None,
) -> RiseResult:
    r"""Estimate how many nats a token the worst small step of the weights costs.

    For each group of sequences, ``max L(theta + d) - L(theta)`` over ``d`` in a ball around the weights, where

    - ``rows``: every row may move by ``rho`` of its own length, ``|d_r| <= rho |w_r|``: where noise of relative size
      ``rho`` moves it to on average, so that the two may be compared;
    - ``whole``: ``|T^-1 d| <= rho sqrt(P)`` with ``T`` the root mean squares of rows and ``P`` parameters, so that a row
      may take what others leave: the ball of ASAM (Kwon et al., arXiv 2102.11600, definition 2), by rows.

    Both stay as they are under a rescaling that leaves the function alone. Each step of the ascent goes to the point of
    the ball that is best for the loss linearised where one stands: the first is the step of SAM (Foret et al.,
    arXiv 2010.01412), and on a quadratic bowl the next are a power iteration (Journée et al., arXiv 0811.4724). The
    highest loss that was seen counts, so that the value is a lower bound of the maximum, nearer to it with more steps.
    A ball for each group: "m-sharpness", with m the group; larger groups share a direction and rise less.

    Args:
        model: As for ``fisher_trace``; its weights are moved and put back to the bit.
        sequences: Unpadded, in the order in which they are to be drawn.
        objective: "causal", "masked" or "seq2seq".
        radii: Relative sizes ``rho`` of the ball, above 0. Far below those of noise: all rows step together.
        ball: "rows" or "whole".
        steps: Gradients of the ascent, at each radius; a larger ball starts from the point of the smaller one.
        precision: 95 % half-width to reach, as a fraction of the rise at the middle radius; None takes every sequence.
        minimum: Documents needed for an interval, or groups of them.
        maximum: Most sequences to draw.
        group: Sequences that share a direction.
        progress: Called after each draw with the sequences done and the precision last seen.

    Returns:
        Rises in nats per token, by radius; never negative.

    Raises:
        HarnessError: Too little text, a loss that is not finite, half precision, no logits, or an unknown ball.
    """
    check_objective(objective)
    if ball not in BALLS:
        raise HarnessError(f"ball is {ball!r}; {nearest(ball, BALLS)}")
    if steps < 1:
        raise HarnessError(f"steps is {steps}; the ascent needs at least 1")
    rule = StoppingRule(precision, minimum, maximum, group=group)
    sizes = check_distances(radii, "radii")
    middle = leading_of(sizes)
    dtype = check_dtype(model, (torch.float16, torch.bfloat16), "small steps are lost in the rounding of weights there")
    layout = ParameterLayout.of(model)
    scored, unscored = apart(sequences, objective)
    with measuring(model), head_at_scored(model, scored[0], objective) as head, perturbable(layout.tensors) as shift:
        check_deterministic(model, scored[0], objective, head)
        climb = Ascent(model, layout, shift, objective, sizes, ball, steps, head)
        draws = accumulate(climb.draw, scored, rule, progress, lambda d: d.estimate(d.trace()[:, middle]))
    return rises("ascent", sizes, draws, layout, rule, dtype, attention_kernel(model), 0, unscored)


@dataclass(frozen=True, slots=True, eq=False)
class Ascent:
    """What a draw needs: the model, where its weights stand, and the balls to climb in."""

    model: nn.Module
    layout: ParameterLayout
    shift: Perturbation
    objective: str
    radii: Sequence[float]
    ball: str
    steps: int
    head: Head | None = None

    def draw(self, group: SequenceGroup) -> Draw:
        """One group's highest rise at every radius, summed over its tokens.

        Raises:
            HarnessError: A loss is not finite.
        """
        loss, gradients, tokens = self.gradients(group)
        start = finite_loss(loss, group.sequences)
        best, found = start, []
        for radius in self.radii:
            for _ in range(self.steps):
                self.shift.move(self.vertex(gradients, radius))
                loss, gradients, _ = self.gradients(group)
                best = max(best, moved_loss(loss, f"radius {radius:g}", group))
            found.append(best - start)
        self.shift.back()
        risen = np.array(found)
        return Draw(tokens, start, risen, risen, np.array([g is not None for g in gradients]))

    def gradients(self, group: SequenceGroup) -> tuple[Tensor, tuple[Tensor | None, ...], int]:
        """Summed loss where the model stands, its gradients and the number of tokens."""
        logits, labels = scored_logits(self.model, group.sequences, self.objective, self.head)
        loss = cross_entropy(logits, labels, reduction="sum")
        return loss.detach(), torch.autograd.grad(loss, self.layout.tensors, allow_unused=True), len(labels)

    def vertex(self, gradients: Sequence[Tensor | None], radius: float) -> list[Tensor]:
        """The point of the ball that maximises the inner product with the gradients."""
        if self.ball == "rows":
            return [
                row_steps(base, gradient, radius, transposed)
                for base, gradient, transposed in zip(self.shift.base, gradients, self.layout.transposed, strict=True)
            ]
        scales = [row_root_mean_squares(b, t) for b, t in zip(self.shift.base, self.layout.transposed, strict=True)]
        scaled = [None if g is None else g * s for g, s in zip(gradients, scales, strict=True)]
        norm = torch.stack([g.double().square().sum() for g in scaled if g is not None]).sum().sqrt()
        size = radius * self.layout.parameters**0.5 / float(norm) if norm > 0 else 0.0
        return [
            torch.zeros_like(b) if g is None else g * s * size
            for b, g, s in zip(self.shift.base, scaled, scales, strict=True)
        ]


def row_steps(weight: Tensor, gradient: Tensor | None, radius: float, transposed: bool) -> Tensor:
    """The gradient with each row as long as ``radius`` times the same row of the weight.

    >>> row_steps(torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0]]), 0.1, False).tolist()
    [[0.5, 0.0]]
    """
    if gradient is None:
        return torch.zeros_like(weight)
    if weight.ndim < 2:
        return gradient.sign() * weight.abs() * radius
    axis = 0 if transposed else -1
    lengths = torch.linalg.vector_norm(gradient, dim=axis, keepdim=True)
    wanted = torch.linalg.vector_norm(weight, dim=axis, keepdim=True) * radius
    return gradient * torch.where(lengths > 0, wanted / lengths, 0)
