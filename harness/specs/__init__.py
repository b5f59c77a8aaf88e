"""Task, Protocol and Suite: typed, loaded from YAML, checked. Imports no torch."""

from harness.specs.adaptation import Adaptation
from harness.specs.choice import ChoiceTask
from harness.specs.decoding import Decoding, Languages
from harness.specs.flatness import FlatnessTask
from harness.specs.load import kinds, load_protocol, load_task, load_tasks, protocol_of, task_names
from harness.specs.makers import (
    Adapt,
    Distill,
    Enlarge,
    Interpolate,
    LanguageModels,
    Maker,
    Permute,
    Pretrain,
    Prune,
    Quantize,
    Reinitialize,
    Rescale,
    Scale,
    Training,
    TrainingRun,
)
from harness.specs.model import Spec, check
from harness.specs.parallel import Pairs, ParallelText
from harness.specs.probe import Probe, ProbeTask
from harness.specs.protocol import Protocol
from harness.specs.shipped import shipped_tasks
from harness.specs.skill import Skill
from harness.specs.source import Source, read_yaml
from harness.specs.suite import Family, Suite
from harness.specs.suites import load_suite
from harness.specs.task import (
    AffinityTask,
    Corpus,
    Data,
    FinetuneTask,
    LabelledTask,
    LmLossTask,
    Loss,
    Task,
    Text,
)
from harness.specs.translation import TranslationTask

__all__ = ["Adapt", "Adaptation", "AffinityTask", "ChoiceTask", "Corpus", "Data", "Decoding", "Distill", "Enlarge",
           "Family", "FinetuneTask", "FlatnessTask", "Interpolate", "LabelledTask", "LanguageModels", "Languages",
           "LmLossTask", "Loss", "Maker", "Pairs", "ParallelText", "Permute", "Pretrain", "Probe", "ProbeTask",
           "Protocol", "Prune", "Quantize", "Reinitialize", "Rescale", "Scale", "Skill", "Source", "Spec", "Suite",
           "Task", "Text", "Training", "TrainingRun", "TranslationTask", "check", "kinds", "load_protocol",
           "load_suite", "load_task", "load_tasks", "protocol_of", "read_yaml", "shipped_tasks", "task_names"]  # fmt: skip
