"""One training run of a maker: members are kept at chosen steps, and a killed run goes on to the same weights.

The state of a run, its weights among it, stands in ``.training/`` of the family's folder until the run has ended. It is
saved with every member and every two minutes: what a kill costs, at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.errors import HarnessError
from harness.makers.adversary import AdversarialLoss
from harness.makers.family import STATES, FamilyFolder
from harness.makers.target import Target
from harness.progress import progress, say
from harness.training.loop import Batch, Loop

SECONDS_BETWEEN_STATES = 120.0
RECENT = 50
"""Steps whose mean loss a member tells of."""


@dataclass
class Run:
    """A run: a loop, the batches of its steps, and the members to keep.

    Attributes:
        family: where members are kept.
        name: of the run within the family, such as ``seed=1``; also what its state is kept under.
        loop: the model in training, at step 0.
        batches: ``batches(start, stop)`` gives the batches of steps start to stop - 1, the same whenever it is asked.
        members: step -> name of the member that is kept after it; the largest step ends the run.
        about: what ``harness.json`` of a member says, from its step and the mean loss of recent steps.
        tokenizer: saved with every member.
        before_saving: applied to the model before a member is saved, such as to note in its config what it heeds; nothing
            undoes it, so it may change nothing that training reads.
        target: watches a run whose end is not known beforehand; it gives the members, and ``members`` is empty at first.
        adversary: the loop's loss where it has a state of its own.
    """

    family: FamilyFolder
    name: str
    loop: Loop
    batches: Callable[[int, int], Iterator[Batch]]
    members: Mapping[int, str]
    about: Callable[[int, float | None], Mapping[str, Any]]
    tokenizer: Any
    before_saving: Callable[[Any], None] | None = None
    target: Target | None = None
    adversary: AdversarialLoss | None = None
    losses: list[float] = field(default_factory=list)

    def train(self) -> None:
        """Train to the last step; what stands is not made again.

        Raises:
            DivergedError: the loss is not finite.
            HarnessError: the disk is full or the folder cannot be written.
        """
        start = self.resume()
        if self.target is not None:
            self.members = self.target.after(self.loop)
        if start:
            say(f"{self.family.folder.name}: {self.name} goes on at step {start}")
        saved, last = time.monotonic(), self.last
        with progress(f"{self.family.folder.name}  {self.name}", last - start) as advance:
            if start in self.members:
                self.keep(start)
            for batch in self.batches(start, last):
                self.losses.append(self.loop.step(batch))
                advance(1)
                step = self.loop.step_number
                if self.target is not None:
                    self.members, last = self.target.after(self.loop), self.last
                if step in self.members:
                    self.keep(step)
                if step >= last:
                    break
                if step in self.members or time.monotonic() - saved > SECONDS_BETWEEN_STATES:
                    self.save_state()
                    saved = time.monotonic()
        self.state_path.unlink(missing_ok=True)

    @property
    def last(self) -> int:
        """The step that ends the run, as far as it is known."""
        return max(self.members) if self.target is None else self.target.last

    def keep(self, step: int) -> None:
        """Save the member of a step, unless it stands."""
        member = self.members[step]
        if self.family.complete(member):
            return
        if self.before_saving is not None:
            self.before_saving(self.loop.model)
        recent = float(np.mean(self.losses[-RECENT:])) if self.losses else None
        self.family.save(member, self.loop.model, self.tokenizer, self.about(step, recent))

    @property
    def state_path(self) -> Path:
        """Where the state stands while the run is under way."""
        return self.family.folder / STATES / f"{self.name.replace('/', ' ')}.state"

    @property
    def made_of(self) -> dict[str, Any]:
        """What decides the weights of the run: its recipe, and which parents and text these names stood for."""
        return {"recipe": self.family.recipe, **{part: self.family.about.get(part) for part in ("from", "text")}}

    def save_state(self) -> None:
        """Write weights, optimizer and random state in one step."""
        beside = self.state_path.with_suffix(".new")
        try:
            beside.parent.mkdir(parents=True, exist_ok=True)
            more: dict[str, Any] = {} if self.target is None else {"target": self.target.state()}
            more |= {} if self.adversary is None else {"adversary": self.adversary.state()}
            kept = {"losses": self.losses[-RECENT:], "made_of": self.made_of}
            torch.save(self.loop.state() | kept | more, beside)
            beside.replace(self.state_path)
        except (OSError, RuntimeError) as error:
            beside.unlink(missing_ok=True)
            raise HarnessError(f"{self.state_path} cannot be written: {error}; make room and run again") from None

    def resume(self) -> int:
        """Load the state of a killed run; returns its step, 0 for a fresh run, as where the state is damaged or of another run."""
        if not self.state_path.is_file():
            return 0
        try:
            state = torch.load(self.state_path, map_location="cpu", weights_only=True)
        except Exception:  # a damaged file may make the reader stumble over anything
            say(f"{self.state_path} cannot be read; {self.name} begins anew")
            return 0
        if state.get("made_of") != self.made_of:
            return 0
        self.loop.restore(state)
        self.losses = list(state["losses"])
        if self.target is not None:
            self.target.restore(state["target"])
        if self.adversary is not None:
            self.adversary.restore(state["adversary"])
        return self.loop.step_number
