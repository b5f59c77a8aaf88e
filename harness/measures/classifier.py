"""A model with a classification head: trained on examples, and asked for predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from harness.checkpoints.pruned import AFTER_DOWNSTREAM, ATTRIBUTE
from harness.data.batches import attention_mask, by_token_budget, pad, shuffled_by_length
from harness.progress import say
from harness.specs import FinetuneTask, Protocol
from harness.training.embedding import only_rows
from harness.training.loop import Batch, Loop, Recipe
from harness.training.pruning.choice import Choice, Setting

if TYPE_CHECKING:
    from harness.measures.session import Session


@dataclass(frozen=True, slots=True)
class Example:
    """One row: token ids, segment ids where the tokenizer gives them, and the class index or number to predict."""

    row: int
    ids: list[int]
    segments: list[int] | None
    target: float


def collate(examples: Sequence[Example], pad_token: int, device: Any, regression: bool) -> Batch:
    """Examples padded on the right: tensors ``(B, T)`` and targets ``(B,)``."""
    ids = [torch.tensor(example.ids) for example in examples]
    batch = {"input_ids": pad(ids, pad_token), "attention_mask": attention_mask(ids)}
    if examples[0].segments is not None:
        batch["token_type_ids"] = pad([torch.tensor(example.segments) for example in examples], 0)
    kind = torch.float32 if regression else torch.long
    batch["labels"] = torch.tensor([example.target for example in examples], dtype=kind)
    return {name: tensor.to(device) for name, tensor in batch.items()}


def classification_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy in float32, or mean squared error where targets are numbers."""
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    logits, targets = model(**inputs).logits.float(), batch["labels"]
    if targets.dtype == torch.float32:
        return functional.mse_loss(logits[:, 0], targets)
    return functional.cross_entropy(logits, targets)


def epochs_of_batches(
    lengths: Sequence[int], protocol: Protocol, seed: int | tuple[int, ...]
) -> list[list[int]]:  # fmt: skip
    """Batches of all epochs, the last one cut where ``epochs`` is not whole."""
    random = np.random.default_rng(seed)
    per_epoch = math.ceil(len(lengths) / protocol.batch_size)
    wanted = math.ceil(protocol.epochs * per_epoch)
    batches: list[list[int]] = []
    while len(batches) < wanted:
        batches += shuffled_by_length(lengths, protocol.batch_size, random)
    return batches[:wanted]


def drawn(examples: list[Example], count: int | None, seed: int) -> list[Example]:
    """So many examples, chosen by seed; all where there are no more. A smaller draw is a part of a larger one."""
    if count is None or count >= len(examples):
        return examples
    return [examples[i] for i in np.sort(np.random.default_rng(seed).permutation(len(examples))[:count])]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A fine-tuned model, the tokens it was trained on, and what lower precision did to the loss of its first batch."""

    model: Any
    tokens: int
    details: Mapping[str, float] | None = None


def train(
    session: Session, task: FinetuneTask, protocol: Protocol, examples: list[Example], rate: float, seed: int
) -> Trained:  # fmt: skip
    """Fine-tune a fresh copy of the checkpoint; one that is pruned half way has a second phase, under masks.

    Raises:
        DivergedError: the loss was not finite.
    """
    examples = drawn(examples, protocol.train_rows, seed)
    lengths = [len(e.ids) for e in examples]
    phases = [
        epochs_of_batches(lengths, protocol.model_copy(update={"epochs": epochs}), (seed, place) if place else seed)
        for place, epochs in enumerate(epochs_of_phases(session.checkpoint.pruning, protocol))
    ]
    regression, tokens = task.labels is None, 0
    model, tokenizer = session.classifier(len(task.labels or ()) or 1, seed, protocol.dropout)
    collated = partial(collate, pad_token=tokenizer.pad_token_id or 0, device=model.device, regression=regression)
    details = None
    if protocol.precision != "float32":
        details = autocast_effect(model, collated([examples[i] for i in phases[0][0]]))
        say(
            f"{session.checkpoint.name}: {task.name}: bfloat16 moves the loss of the first batch by {details['autocast_effect']:+.1e}"
        )
    read = {token for example in examples for token in example.ids} | {tokenizer.pad_token_id or 0}
    with (
        torch.random.fork_rng(devices=[]),
        session.progress(f"{task.name} rate {rate:g} seed {seed}", sum(map(len, phases))) as advance,
    ):
        torch.manual_seed(seed)
        for place, batches in enumerate(phases):
            if place:
                prune_half_way(model, session.checkpoint.pruning or {})
            recipe = recipe_of(protocol, rate, len(batches))
            with only_rows(model, read, recipe.decay):
                loop = Loop(model, recipe, classification_loss)
                for batch in batches:
                    chosen_examples = [examples[i] for i in batch]
                    loop.step(collated(chosen_examples))
                    tokens += sum(len(e.ids) for e in chosen_examples)
                    advance(1)
    return Trained(model, tokens, details)


def recipe_of(protocol: Protocol, rate: float, steps: int) -> Recipe:
    """How parameters move in so many steps of fine-tuning."""
    return Recipe(
        steps=steps, learning_rate=rate, warmup_steps=math.ceil(protocol.warmup * steps), schedule=protocol.schedule,
        weight_decay=protocol.weight_decay, clip=protocol.clip, precision=protocol.precision,
    )  # fmt: skip


def epochs_of_phases(pruning: Mapping[str, Any] | None, protocol: Protocol) -> list[float]:
    """Epochs of fine-tuning; those before and those after where the checkpoint is pruned half way."""
    if pruning is None or pruning["regime"] != AFTER_DOWNSTREAM:
        return [protocol.epochs]
    return [protocol.epochs if epochs is None else epochs for epochs in pruning["epochs"]]


def prune_half_way(model: Any, pruning: Mapping[str, Any]) -> None:
    """Prune a classifier at once, as the config of its checkpoint says; the next loop holds its masks."""
    choice = Choice(model, Setting(**pruning["setting"]))
    choice.prune(pruning["sparsity"])
    setattr(model.config, ATTRIBUTE, choice.held(pruning["sparsity"]))


def autocast_effect(model: Any, batch: Batch) -> dict[str, float]:
    """The loss of a batch before training: in float32, and how far bfloat16 products move it; without dropout."""
    model.eval()
    with torch.inference_mode():
        whole = float(classification_loss(model, batch))
        with torch.autocast(model.device.type, torch.bfloat16):
            rounded = float(classification_loss(model, batch))
    model.train()
    return {"first_batch_loss": whole, "autocast_effect": rounded - whole}


def predict(
    session: Session, model: Any, examples: list[Example], task: FinetuneTask, classes: list[int] | None = None
) -> np.ndarray:  # fmt: skip
    """Predicted class indices, or numbers for a regression: ``(N,)``.

    ``classes`` maps the model's classes to the task's.
    """
    model.eval()
    regression = task.labels is None
    found = np.zeros(len(examples))
    pad_token = getattr(model.config, "pad_token_id", None) or 0
    with torch.inference_mode():
        for batch in by_token_budget([len(e.ids) for e in examples], session.budget(model)):
            inputs = collate([examples[i] for i in batch], pad_token, model.device, regression)
            inputs.pop("labels")
            logits = model(**inputs).logits.float().cpu()
            found[batch] = logits[:, 0].numpy() if regression else logits.argmax(-1).numpy()
    return np.array(classes)[found.astype(int)].astype(float) if classes is not None else found
