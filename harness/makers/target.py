"""A run that ends at a target loss: evaluated every so many steps, kept where it is met and at steps past that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError
from harness.makers.held_out import Found, HeldOut
from harness.training.loop import Loop


class Target:
    """Watches one run.

    Attributes:
        reached: the step of the first evaluation at or below the target; None until then.
    """

    def __init__(self, held_out: HeldOut, level: float, every: int, most: int, past: Mapping[int, str]) -> None:
        """Set up for a run.

        Args:
            held_out: the text that the target is met on.
            level: the target, in nats per token.
            every: steps between two evaluations.
            most: steps that may be taken to reach it.
            past: steps past the target -> member that is kept there.
        """
        self.held_out, self.level, self.every, self.most, self.past = held_out, level, every, most, dict(past)
        self.reached: int | None = None
        self.found: Found | None = None

    @property
    def last(self) -> int:
        """The step that ends the run, or the last one that may."""
        return (self.most if self.reached is None else self.reached) + max(self.past)

    @property
    def members(self) -> dict[int, str]:
        """Step -> member, once the target is reached."""
        return {} if self.reached is None else {self.reached + past: name for past, name in self.past.items()}

    def after(self, loop: Loop) -> dict[int, str]:
        """Evaluate if it is time; returns the members known by now.

        Raises:
            HarnessError: the target was not reached in the steps there may be.
        """
        step = loop.step_number
        if self.reached is None and (step % self.every == 0 or step >= self.most):
            self.found = self.held_out.measured(loop.model)
            if self.found.loss <= self.level:
                self.reached = step
            elif step >= self.most:
                raise HarnessError(
                    f"the loss is {self.found.loss:.4f} nats per token after {step:,} steps, above target_loss: {self.level:g}; "
                    "give more steps, a higher target, or another learning rate"
                )
        return self.members

    def state(self) -> dict[str, Any]:
        """What a killed run goes on from."""
        return {"reached": self.reached}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self.reached = state["reached"]
