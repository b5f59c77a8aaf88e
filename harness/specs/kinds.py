"""The spec class of every kind of task of ours."""

from __future__ import annotations

from harness.specs.choice import ChoiceTask
from harness.specs.flatness import FlatnessTask
from harness.specs.probe import ProbeTask
from harness.specs.task import AffinityTask, FinetuneTask, LmLossTask, Task
from harness.specs.translation import TranslationTask

KINDS: dict[str, type[Task]] = {
    "lm_loss": LmLossTask,
    "flatness": FlatnessTask,
    "finetune": FinetuneTask,
    "probe": ProbeTask,
    "choice": ChoiceTask,
    "affinity": AffinityTask,
    "translation": TranslationTask,
}
