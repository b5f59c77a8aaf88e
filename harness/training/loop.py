"""The one training loop, which fine-tuning and every maker share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from harness.checkpoints.pruned import zeros_held
from harness.errors import HarnessError
from harness.training.dropout import cheap_dropout
from harness.training.optimizers import optimizer_of, uphill

Batch = dict[str, torch.Tensor]
LossFunction = Callable[[Any, Batch], torch.Tensor]


MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")
"""What optimizers keep of a weight besides itself."""


class DivergedError(HarnessError):
    """The loss was not finite any more."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How parameters move: an optimizer, a schedule, and a bound on the gradient's norm.

    ``momentum`` is that of SGD, ``betas`` are those of Adam; ``sam`` is the radius of sharpness-aware minimisation.
    """

    steps: int
    learning_rate: float
    warmup_steps: int = 0
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    weight_decay: float = 0.01
    clip: float = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    sam: float | None = None

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied by at a step, counted from 0.

        >>> recipe = Recipe(steps=10, learning_rate=1.0, warmup_steps=2)
        >>> [recipe.factor(step) for step in (0, 1, 2, 6)]
        [0.0, 0.5, 1.0, 0.5]
        """
        if step < self.warmup_steps:
            return step / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        if self.schedule == "linear":
            return max(0.0, 1.0 - done)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done))) if self.schedule == "cosine" else 1.0

    @property
    def decay(self) -> float:
        """What weight decay alone multiplies a weight by over all steps of AdamW.

        >>> Recipe(steps=2, learning_rate=0.5, schedule="constant", weight_decay=0.2).decay
        0.81
        """
        return math.prod(1 - self.learning_rate * self.factor(s) * self.weight_decay for s in range(self.steps))


class Loop:
    """One model in training; :meth:`step` takes a batch and returns its loss before the update.

    ``after_backward`` is called once the gradients stand and before they are clipped, with the number of the step:
    there a maker changes them, or the weights.

    Where the checkpoint was pruned with masks that stay (``harness_pruning`` in its config) they do: the gradients of these
    weights are zero before the norm is taken, and AdamW leaves a zero without gradient and moments exactly zero.
    """

    def __init__(
        self, model: Any, recipe: Recipe, loss: LossFunction, after_backward: Callable[[int], None] | None = None
    ) -> None:
        """Prepare the optimizer; biases and norms are not decayed."""
        self.model, self.recipe, self.loss, self.after_backward = model, recipe, loss, after_backward
        self.step_number = 0
        self.parameters = dict(model.named_parameters())
        self.held: dict[str, torch.Tensor] = zeros_held(model)
        self.optimizer = optimizer_of(model, recipe)
        self.dropout = cheap_dropout(model)
        model.train()

    def step(self, batch: Batch) -> float:
        """One update.

        Raises:
            DivergedError: the loss is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self.recipe.factor(self.step_number)
        random = self.random_state() if self.recipe.sam else None
        found = self.backward(batch)
        if self.recipe.sam and random is not None:
            self.still_held()
            with uphill(self.model.parameters(), self.recipe.sam):
                self.set_random_state(random)  # the same dropout
                self.backward(batch)
        if self.after_backward is not None:
            self.after_backward(self.step_number)
        self.still_held()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step_number += 1
        return found

    def still_held(self) -> None:
        """Make the gradients of held weights zero."""
        for name, zeros in self.held.items():
            gradient = self.parameters[name].grad
            if gradient is not None:
                gradient.masked_fill_(zeros, 0)

    def backward(self, batch: Batch) -> float:
        """Add the gradients of a batch, and return its loss."""
        mixed = self.recipe.precision == "bfloat16"
        with self.dropout, torch.autocast(batch[next(iter(batch))].device.type, torch.bfloat16, enabled=mixed):
            loss = self.loss(self.model, batch)
        found = loss.item()
        if not math.isfinite(found):
            raise DivergedError(f"diverged at step {self.step_number}: loss {found}; a smaller learning rate may do")
        loss.backward()
        return found

    def hold(self, zeros: Mapping[str, torch.Tensor]) -> None:
        """Make weights zero and keep them so; weights held before and not among these are free again.

        Args:
            zeros: bool, true at these weights, by name of parameter.
        """
        self.held = dict(zeros)
        with torch.no_grad():
            for name, where in self.held.items():
                parameter = self.parameters[name]
                moments = self.optimizer.state.get(parameter, {})
                for tensor in (parameter, *(moments[m] for m in MOMENTS if moments.get(m) is not None)):
                    tensor.masked_fill_(where, 0)

    def state(self) -> dict[str, Any]:
        """All that a run needs to go on, weights included."""
        return {
            "step": self.step_number,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random_state(),
        } | ({"held": self.held} if self.held else {})

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self.step_number = state["step"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.held = {name: zeros.to(self.device) for name, zeros in state.get("held", {}).items()}
        self.set_random_state(state["random"])

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(iter(self.parameters.values())).device

    def random_state(self) -> list[torch.Tensor]:
        """States of the generators that dropout draws from: torch's own, and the device's where it has one."""
        return [torch.get_rng_state(), *([torch.cuda.get_rng_state(self.device)] if self.device.type == "cuda" else [])]

    def set_random_state(self, states: list[torch.Tensor]) -> None:
        """Go on drawing from :meth:`random_state`; that of a device is left alone where the model is on another now."""
        torch.set_rng_state(states[0])
        if self.device.type == "cuda" and len(states) > 1:
            torch.cuda.set_rng_state(states[1], self.device)
