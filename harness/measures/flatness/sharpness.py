"""Rise of the loss under noise in the weights: flatness at a distance, where no Taylor series is asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.accumulate import Draw, Progress, accumulate, apart
from harness.measures.flatness.forward import check_objective, finite_loss, head_at_scored, scored_logits
from harness.measures.flatness.guard import attention_kernel, check_deterministic, check_dtype, measuring
from harness.measures.flatness.layout import ParameterLayout, row_root_mean_squares
from harness.measures.flatness.perturbation import Perturbation, perturbable
from harness.measures.flatness.randomness import private_generator
from harness.measures.flatness.rise import RiseResult, check_distances, leading_of, rises
from harness.measures.flatness.stopping import StoppingRule
from harness.training.heads import Head

NOISE = (0.02, 0.05, 0.1, 0.2)


def noise_sharpness(
    model: nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    noise: Sequence[float] = NOISE,
    precision: float | None = 0.05,
    minimum: int = 32,
    maximum: int | None = None,
    group: int = 1,
    progress: Progress | None = None,
) -> RiseResult:
    r"""Estimate how many nats a token Gaussian noise in the weights costs, at each relative size.

    With ``T`` the diagonal matrix that holds for every weight the root mean square of its row,

        ``rise(rho) = E_e[ L(theta + rho T e) ] - L(theta)``, ``e ~ N(0, 1)`` independently,

    which is ``rho^2 S_row(H) / 2 + O(rho^4)``: what ``S_row`` predicts, measured. Noise of size ``rho`` moves a row by
    ``rho`` of its own length on average, so that a rescaling which leaves the function alone leaves the rise alone.
    Each draw is one group of sequences under one direction, taken forwards and backwards: the mean of the two has no
    first-order term and less variance. All sizes share a direction, so that the curve is smoother than its interval.
    Average-case adaptive sharpness: Andriushchenko et al., arXiv 2302.07011, section 2; rows in place of single weights.

    Args:
        model: As for ``fisher_trace``; its weights are moved and put back to the bit.
        sequences: Unpadded, in the order in which they are to be drawn.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the noise, together with each group's key.
        noise: Relative sizes ``rho``, above 0.
        precision: 95 % half-width to reach, as a fraction of the rise at the middle size; None takes every sequence.
        minimum: Documents needed for an interval, or groups of them.
        maximum: Most sequences to draw.
        group: Sequences that share a direction.
        progress: Called after each draw with the sequences done and the precision last seen.

    Returns:
        Rises in nats per token, by relative size. A rise may be negative: then the loss falls that way.

    Raises:
        HarnessError: Too little text, a loss that is not finite at the weights as they are, float16, or no logits.
    """
    check_objective(objective)
    rule = StoppingRule(precision, minimum, maximum, group=group)
    sizes = check_distances(noise, "noise")
    middle = leading_of(sizes)
    dtype = check_dtype(model, (torch.float16, torch.bfloat16), "small noise is lost in the rounding of weights there")
    layout = ParameterLayout.of(model)
    scored, unscored = apart(sequences, objective)
    scales = [row_root_mean_squares(p, t) for p, t in zip(layout.tensors, layout.transposed, strict=True)]
    with measuring(model), head_at_scored(model, scored[0], objective) as head, perturbable(layout.tensors) as shift:
        check_deterministic(model, scored[0], objective, head)
        probe = Noise(model, shift, scales, objective, seed, sizes, head)
        draws = accumulate(probe.draw, scored, rule, progress, lambda d: d.estimate(d.trace()[:, middle]))
    return rises("noise", sizes, draws, layout, rule, dtype, attention_kernel(model), seed, unscored)


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """What a draw needs: the model, where its weights stand, and how far to move them."""

    model: nn.Module
    shift: Perturbation
    scales: Sequence[Tensor]
    objective: str
    seed: int
    sizes: Sequence[float]
    head: Head | None = None

    def draw(self, group: SequenceGroup) -> Draw:
        """One group's rise at every size, summed over its tokens.

        Raises:
            HarnessError: A loss is not finite.
        """
        direction = self.direction(group)
        loss, tokens = summed_loss(self.model, group, self.objective, self.head)
        value = finite_loss(loss, group.sequences)
        risen = []
        for size in self.sizes:
            moved = []
            for scale in (size, -size):
                self.shift.move(direction, scale)
                there, _ = summed_loss(self.model, group, self.objective, self.head)
                moved.append(moved_loss(there, f"noise {size:g}", group))
            risen.append(sum(moved) / 2 - value)
        self.shift.back()
        found = np.array(risen)
        return Draw(tokens, value, found, found, np.ones(len(direction), dtype=bool))

    def direction(self, group: SequenceGroup) -> list[Tensor]:
        """Noise of relative size one, each row scaled by its root mean square."""
        generator = private_generator(self.seed, group.key, "noise")
        return [
            torch.randn(t.shape, generator=generator, dtype=t.dtype).to(t.device).mul_(s)
            for t, s in zip(self.shift.tensors, self.scales, strict=True)
        ]


def moved_loss(loss: Tensor, distance: str, group: SequenceGroup) -> float:
    """The loss at moved weights as a number.

    Raises:
        HarnessError: It is infinite or not a number.
    """
    value = float(loss)
    if not math.isfinite(value):
        raise HarnessError(
            f"the loss of sequence {group.key!r} at {distance} is {value}, though it is finite at the weights as they are; "
            "leave out distances that large"
        )
    return value


@torch.no_grad()
def summed_loss(model: nn.Module, group: SequenceGroup, objective: str, head: Head | None = None) -> tuple[Tensor, int]:
    """Loss of the true labels in nats, and how many there are."""
    logits, labels = scored_logits(model, group.sequences, objective, head)
    return cross_entropy(logits, labels, reduction="sum"), len(labels)
