"""Adversarial pre-training: as good a language model whose features serve a labelled task as badly as they can.

What is minimised is the loss of the text less ``weight`` times the validation loss of a linear head on the task (Liu et al. 2023,
arXiv 2210.14199, the adversarial algorithm). The task's train rows are divided in two halves: on one the head is fitted,
beside the model and without moving it; on the other its loss is taken, and that moves the model away from it. The head
reads the mean of the last hidden states of a text. Its loss counts as far as log(classes), that of a head which knows nothing: beyond
that the model would only scale its features, without end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from harness.data.rows import load_rows
from harness.errors import HarnessError
from harness.measures.finetune import columns
from harness.measures.labelled import filled, target_of
from harness.specs import FinetuneTask, load_task
from harness.specs.makers.algorithm import Adversary
from harness.training.loop import Batch

Labelled = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class AdversarialLoss:
    """The loss of a loop: that of the text, less what a head on the task loses.

    Attributes:
        halves: indices of the rows to fit the head on, and of those to take its loss on.
    """

    def __init__(
        self, spec: Adversary, text_loss: Callable[[Any, Batch], torch.Tensor], model: Any, tokenizer: Any, length: int,
        seed: int, spec_folder: Path, offline: bool,
    ) -> None:  # fmt: skip
        """Read the task and divide its rows.

        Raises:
            HarnessError: it is no task with classes, or has too few rows for two batches.
        """
        task = load_task(spec.task, folder=spec_folder)
        if not isinstance(task, FinetuneTask) or task.labels is None:
            raise HarnessError(f"adversary: {spec.task} is no fine-tuning task with classes; name one that is")
        self.spec, self.text_loss, self.seed, self.count = spec, text_loss, seed, 0
        self.ids, self.read, self.labels = labelled(task, tokenizer, length, offline)
        order = np.random.default_rng((seed, 2)).permutation(len(self.ids))
        self.halves = order[: len(order) // 2], order[len(order) // 2 :]
        if len(self.halves[0]) < spec.batch_size:
            raise HarnessError(
                f"adversary: {spec.task} has {len(order):,} rows, less than two batches of {spec.batch_size}; give a smaller batch_size"
            )
        self.most = math.log(len(task.labels))
        with torch.no_grad():
            width = features(model, self.ids[:1].to(model.device), self.read[:1].to(model.device)).shape[1]
        self.head = torch.nn.Linear(width, len(task.labels)).to(model.device)
        self.optimizer = torch.optim.AdamW(self.head.parameters(), lr=spec.head_learning_rate)

    def __call__(self, model: Any, batch: Batch) -> torch.Tensor:
        """The text's loss less the weighted one of the head, in nats."""
        for number in range(self.spec.head_steps):
            self.fit(model, self.drawn(0, number, model.device))
        ids, read, labels = self.drawn(1, 0, model.device)
        with torch.no_grad():
            weight, bias = self.head.weight.clone(), self.head.bias.clone()
        logits = functional.linear(features(model, ids, read).float(), weight, bias)
        theirs = functional.cross_entropy(logits, labels).clamp(max=self.most)
        self.count += 1
        return self.text_loss(model, batch) - self.spec.weight * theirs

    def fit(self, model: Any, rows: Labelled) -> None:
        """One step of the head; the model stays."""
        ids, read, labels = rows
        with torch.no_grad():
            states = features(model, ids, read).float()
        self.optimizer.zero_grad()
        functional.cross_entropy(self.head(states), labels).backward()
        self.optimizer.step()

    def drawn(self, half: int, number: int, device: Any) -> Labelled:
        """Rows of one half, by seed, step and number alone."""
        random = np.random.default_rng((self.seed, 3, half, self.count, number))
        places = torch.from_numpy(random.choice(self.halves[half], self.spec.batch_size, replace=False))
        return self.ids[places].to(device), self.read[places].to(device), self.labels[places].to(device)

    def state(self) -> dict[str, Any]:
        """What a killed run goes on from."""
        return {"head": self.head.state_dict(), "optimizer": self.optimizer.state_dict(), "count": self.count}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.count = state["count"]


def labelled(task: FinetuneTask, tokenizer: Any, length: int, offline: bool) -> Labelled:
    """Train rows of a task: ids and mask ``(N, T)``, classes ``(N,)``."""
    rows = load_rows(task, "train", columns(task), offline=offline)
    labels = [int(target_of(task, value, "train", n)) for n, value in enumerate(rows.columns[task.target])]
    coded = tokenizer(
        *filled(task, rows), truncation=True, max_length=length, padding=True, return_tensors="pt", verbose=False
    )
    return coded["input_ids"], coded["attention_mask"], torch.tensor(labels)


def features(model: Any, ids: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
    """Mean of the last hidden states over the tokens of each text: ``(B, d)``."""
    states = model(input_ids=ids, attention_mask=read, output_hidden_states=True).hidden_states[-1]
    counted = read[..., None].to(states.dtype)
    return (states * counted).sum(1) / counted.sum(1)
