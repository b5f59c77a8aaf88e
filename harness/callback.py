"""A ``transformers`` callback that scores at every save, so that a training run draws its own line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from harness.evaluator import evaluate


class TransferCallback(TrainerCallback):
    """Measure tasks at every save of a ``Trainer`` and keep the records in a results folder.

    Args:
        tasks: names of tasks.
        output: results folder; ``harness fit`` and ``harness board`` read it.
        tokenizer: of the model in training.
        run: name of the training run; its checkpoints share it.
        options: further arguments of :func:`harness.evaluate`, such as ``limit`` or ``seeds``.
    """

    def __init__(
        self, tasks: Sequence[str], output: str | Path, tokenizer: Any, *, run: str = "run", **options: Any
    ) -> None:
        """Remember what to measure."""
        self.tasks, self.output, self.tokenizer, self.run, self.options = tasks, output, tokenizer, run, options

    def on_save(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
        """Score the model as it is; training goes on as if nothing had happened."""
        step = state.global_step
        with torch.random.fork_rng():
            evaluate(
                (model, self.tokenizer), self.tasks, output=self.output, device=str(model.device), step=step, run=self.run,
                name=f"{self.run}/step={step}", **self.options,
            )  # fmt: skip
