"""The ascent against the largest eigenvalue, a linear loss, and many random starts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_models import bart, bert, gauss_newton, gpt2, t5, texts
from torch import nn
from torch.nn.functional import cross_entropy

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness import worst_case_sharpness
from harness.measures.flatness.forward import scored_logits
from harness.measures.flatness.layout import ParameterLayout, row_root_mean_squares, square_rows
from harness.measures.flatness.perturbation import perturbable
from harness.measures.flatness.sharpness import summed_loss
from harness.measures.flatness.worst_case import Ascent

ALL = {"precision": None, "minimum": 2}
MODELS = [(gpt2, "causal"), (bert, "masked"), (t5, "seq2seq"), (bart, "seq2seq")]


@pytest.mark.parametrize(("make", "objective"), MODELS)
@pytest.mark.parametrize("ball", ["rows", "whole"])
def test_a_tiny_ball_holds_what_the_gradient_says(make, objective: str, ball: str) -> None:
    """The loss is straight there: rho sum_r |w_r| |g_r|, or rho sqrt(P) |T g|."""
    model, sequence = make(), texts(1, length=4, objective=objective)[0]
    layout = ParameterLayout.of(model)
    loss = cross_entropy(*scored_logits(model, sequence, objective), reduction="sum")
    gradients = torch.autograd.grad(loss, layout.tensors, allow_unused=True)
    lengths = [
        None if g is None else square_rows(g, t).sqrt() for g, t in zip(gradients, layout.transposed, strict=True)
    ]
    own = [square_rows(p.detach(), t).sqrt() for p, t in zip(layout.tensors, layout.transposed, strict=True)]
    scales = [row_root_mean_squares(p, t) for p, t in zip(layout.tensors, layout.transposed, strict=True)]
    pairs = [(g, s) for g, s in zip(gradients, scales, strict=True) if g is not None]
    exact = {
        "rows": sum(float((a * b).sum()) for a, b in zip(lengths, own, strict=True) if a is not None),
        "whole": float(sum((g * s).square().sum() for g, s in pairs)) ** 0.5 * layout.parameters**0.5,
    }
    options = {"radii": (1e-7,), "ball": ball, "steps": 1, **ALL}
    found = worst_case_sharpness(model, texts(2, 4, objective), objective=objective, **options)
    with perturbable(layout.tensors) as shift:
        drawn = Ascent(model, layout, shift, objective, (1e-7,), ball, 1).draw(SequenceGroup.of(sequence))
    assert drawn.trace[0] == pytest.approx(1e-7 * exact[ball], rel=1e-4)
    assert found.terms.trace[0] == pytest.approx(drawn.trace[0], rel=1e-12)


class Bowl(nn.Module):
    """Softmax regression at its own optimum: the loss of balanced labels has no gradient, only curvature."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.features = torch.randn(1, 3, dtype=torch.float64)
        self.head = nn.Linear(3, 2, bias=False, dtype=torch.float64)
        with torch.no_grad():
            self.head.weight[1] = self.head.weight[0]  # both classes equally likely

    def forward(self, input_ids: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.head(self.features[input_ids * 0]))


def test_on_a_bowl_the_ascent_finds_the_largest_eigenvalue() -> None:
    """Both labels once: the gradient is zero up to a nudge, and the worst rise is rho^2 P lambda_max(T G T) / 2."""
    model = Bowl()
    ids = torch.tensor([0, 1])
    sequence = ScoredSequence(ids, ids, 0, 0)
    with torch.no_grad():
        model.head.weight[0] += 1e-7
    layout = ParameterLayout.of(model)
    matrix = gauss_newton(model, sequence, "masked")
    scale = row_root_mean_squares(layout.tensors[0], False).expand(2, 3).reshape(-1)
    largest = float(torch.linalg.eigvalsh(matrix * scale[:, None] * scale[None])[-1])
    radius = 1e-3
    with perturbable(layout.tensors) as shift:
        drawn = Ascent(model, layout, shift, "masked", (radius,), "whole", 8).draw(SequenceGroup.of(sequence))
    assert drawn.trace[0] == pytest.approx(radius**2 * layout.parameters * largest / 2, rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("ball", ["rows", "whole"])
def test_no_random_point_of_the_ball_is_worse(ball: str) -> None:
    model, sequence = gpt2(), texts(1)[0]
    layout = ParameterLayout.of(model)
    radius, random = 0.02, torch.Generator().manual_seed(0)
    with perturbable(layout.tensors) as shift:
        climb = Ascent(model, layout, shift, "causal", (radius / 2, radius), ball, 10)
        drawn = climb.draw(SequenceGroup.of(sequence))
        shift.back()
        group, highest = SequenceGroup.of(sequence), 0.0
        base = float(summed_loss(model, group, "causal")[0])
        for _ in range(200):
            anywhere = [torch.randn(p.shape, generator=random, dtype=p.dtype) for p in layout.tensors]
            shift.move(climb.vertex(anywhere, radius))
            highest = max(highest, float(summed_loss(model, group, "causal")[0]))
    assert 0 < drawn.trace[0] < drawn.trace[1]
    assert drawn.trace[1] > highest - base > 0


def test_more_steps_and_larger_balls_never_find_less() -> None:
    options = {"objective": "causal", "radii": (0.001, 0.01, 0.05), **ALL}
    few, many = (worst_case_sharpness(gpt2(), texts(3), steps=steps, **options) for steps in (1, 6))
    risen = [rise.value for rise in many.rises.values()]
    assert risen == sorted(risen) and risen[0] > 0
    assert all(many.rises[r].value >= 0.999 * few.rises[r].value for r in few.rises)
    assert np.isfinite(many.terms.trace).all()


def test_a_loss_that_leaves_the_numbers_is_no_flat_one() -> None:
    with pytest.raises(HarnessError, match=r"at radius 1e\+30 is"):
        worst_case_sharpness(gpt2(torch.float32), texts(3), objective="causal", radii=(1e30,), **ALL)


def test_bad_input_is_one_clear_message() -> None:
    with pytest.raises(HarnessError, match="ball is 'row'; did you mean 'rows'"):
        worst_case_sharpness(gpt2(), texts(3), objective="causal", ball="row", **ALL)
    with pytest.raises(HarnessError, match="steps is 0"):
        worst_case_sharpness(gpt2(), texts(3), objective="causal", steps=0, **ALL)
    with pytest.raises(HarnessError, match="radii is"):
        worst_case_sharpness(gpt2(), texts(3), objective="causal", radii=(), **ALL)
