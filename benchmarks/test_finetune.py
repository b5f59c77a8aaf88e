"""Fine-tuning all-MiniLM-L6-v2 beside transformers' Trainer: the same rows, epochs and batch size; loading included."""

from __future__ import annotations

import math

import pytest

from benchmarks.small_encoder import LENGTH, checkpoint, session, task_and_examples
from harness.measures.classifier import Example, train
from harness.specs.protocol import Protocol

ROWS = {"rte": 160, "mrpc": 160, "sst2": 640}
THEIRS = {
    "padded to 128": {"padding": "max_length"},
    "dynamic": {"padding": True},
    "by length": {"padding": True, "sampling": "group_by_length"},
}


@pytest.mark.benchmark(group="fine-tuning")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ROWS)
def test_harness(benchmark, name, precision):
    task, examples = task_and_examples(name, "train", ROWS[name])
    protocol = Protocol(learning_rates=(5e-5,), epochs=1, batch_size=32, precision=precision)
    run = lambda: train(session(), task, protocol, examples, 5e-5, 1)  # noqa: E731
    assert benchmark.pedantic(run, rounds=2, warmup_rounds=1).tokens == sum(len(e.ids) for e in examples)


@pytest.mark.benchmark(group="fine-tuning")
@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("how", THEIRS)
@pytest.mark.parametrize("name", ROWS)
def test_trainer(benchmark, tmp_path, name, how, bf16):
    task, examples = task_and_examples(name, "train", ROWS[name])
    run = lambda: trained(examples, len(task.labels or ()), tmp_path, bf16, **THEIRS[how])  # noqa: E731
    steps = benchmark.pedantic(run, rounds=2, warmup_rounds=1).state.global_step
    assert steps == math.ceil(len(examples) / 32)


def trained(
    examples: list[Example], classes: int, folder, bf16: bool, padding, sampling: str = "random", *, epochs: float = 1,
    rate: float = 5e-5, seed: int = 1, warmup: float = 0.0,
):  # fmt: skip
    """Trainer at its defaults but for what is compared; returns it."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    path = checkpoint().folder
    rows = [{"input_ids": e.ids, "token_type_ids": e.segments, "labels": int(e.target)} for e in examples]
    arguments = TrainingArguments(
        str(folder), num_train_epochs=epochs, per_device_train_batch_size=32, learning_rate=rate, use_cpu=True, bf16=bf16,
        train_sampling_strategy=sampling, report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
        dataloader_pin_memory=False, seed=seed, weight_decay=0.01, warmup_steps=warmup,
    )  # fmt: skip
    collator = DataCollatorWithPadding(AutoTokenizer.from_pretrained(path), padding=padding, max_length=LENGTH)
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(path, num_labels=classes)
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collator)
    trainer.train()
    return trainer
