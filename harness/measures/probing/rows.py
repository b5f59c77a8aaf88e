"""The rows of a probing task: those trained on, those held out to choose by, and those scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.measures.classifier import Example, drawn
from harness.measures.labelled import held_out, labelled_examples
from harness.specs import ProbeTask

if TYPE_CHECKING:
    from harness.measures.session import Session


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Examples by what they are for. ``width`` is the longest of the train split in tokens, whatever rows are drawn."""

    train: list[Example]
    held_out: list[Example]
    scored: list[Example]
    width: int

    @classmethod
    def of(cls, session: Session, task: ProbeTask, seed: int) -> Rows:
        """As ``finetune`` takes them: the held-out part is the same for every seed, the rows trained on follow it.

        Raises:
            HarnessError: labels that are hidden or out of range, or too few rows to hold some out.
        """
        probe, aside = task.probe, list[Example]()
        whole = examples = labelled_examples(session, task, "train", probe)
        if chooses(task) and probe.selection.on == "held_out":
            examples, aside = held_out(examples, probe.selection)
        scored = labelled_examples(session, task, "score", probe)
        train = drawn(examples, probe.train_rows, seed)
        return cls(train, aside, scored, max(len(example.ids) for example in whole))


def settings(task: ProbeTask) -> tuple[float, ...]:
    """What is chosen from within a layer: penalties, or learning rates."""
    return task.probe.l2 if task.probe.head == "linear" else task.probe.learning_rates


def chooses(task: ProbeTask) -> bool:
    """Whether anything is chosen: among layers, or within one."""
    layers = task.probe.features == "states" and (task.probe.layers == "all" or len(task.probe.layers) > 1)
    return len(settings(task)) > 1 or (layers and task.probe.select_layer)
