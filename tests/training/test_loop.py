from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from transformers import PretrainedConfig

from harness.errors import HarnessError
from harness.measures.classifier import Example, classification_loss, collate
from harness.training.loop import DivergedError, Loop, Recipe


def examples(count: int, vocabulary: int, seed: int = 0) -> list[Example]:
    random = np.random.default_rng(seed)
    return [
        Example(n, random.integers(5, vocabulary, random.integers(4, 20)).tolist(), None, float(n % 2))
        for n in range(count)
    ]


@pytest.mark.slow
def test_losses_of_fifty_steps_are_those_of_transformers_trainer(content, tmp_path):
    """Dropout off, the same initial head and batch order: AdamW, warm-up, decay, clipping, no decay of biases."""
    from transformers import BertForSequenceClassification, Trainer, TrainerCallback, TrainingArguments

    body, tokenizer = content.make("bert")
    config = body.config
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    torch.manual_seed(0)
    ours, theirs = BertForSequenceClassification(config), BertForSequenceClassification(config)
    theirs.load_state_dict(ours.state_dict())
    rows = examples(400, config.vocab_size)
    batches = [rows[i : i + 8] for i in range(0, 400, 8)]

    recipe = Recipe(steps=50, learning_rate=5e-4, warmup_steps=5, weight_decay=0.01, clip=1.0)
    loop = Loop(ours, recipe, classification_loss)
    found = [loop.step(collate(batch, tokenizer.pad_token_id, "cpu", False)) for batch in batches]

    losses: list[float] = []

    class Keep(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **more):
            if logs and "loss" in logs:
                losses.append(float(logs["loss"]))

    class InOrder(Trainer):
        def _get_train_sampler(self, *args):
            return torch.utils.data.SequentialSampler(self.train_dataset)

    arguments = TrainingArguments(
        output_dir=str(tmp_path), per_device_train_batch_size=8, max_steps=50, learning_rate=5e-4, warmup_steps=5,
        weight_decay=0.01, max_grad_norm=1.0, logging_steps=1, report_to=[], save_strategy="no", disable_tqdm=True,
        use_cpu=True, lr_scheduler_type="linear", optim="adamw_torch",
    )  # fmt: skip
    InOrder(
        model=theirs, args=arguments, train_dataset=rows, callbacks=[Keep()],
        data_collator=lambda batch: collate(batch, tokenizer.pad_token_id, "cpu", False),
    ).train()  # fmt: skip
    assert len(losses) == 50
    np.testing.assert_allclose(found, losses, atol=1e-4)


def tiny_loop(**changes) -> Loop:
    torch.manual_seed(0)
    recipe = Recipe(**({"steps": 20, "learning_rate": 1e-2, "warmup_steps": 2} | changes))
    return Loop(nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2)), recipe, squared)


def squared(model, batch):
    return (model(batch["x"]) ** 2).mean()


def steps(loop: Loop, count: int) -> list[float]:
    return [loop.step({"x": torch.ones(3, 4) * (loop.step_number + 1)}) for _ in range(count)]


def test_a_run_that_goes_on_is_the_run_that_was_not_stopped():
    whole = tiny_loop()
    expected = steps(whole, 12)
    stopped = tiny_loop()
    found = steps(stopped, 5)
    weights, state = {k: v.clone() for k, v in stopped.model.state_dict().items()}, stopped.state()
    other = tiny_loop()
    other.model.load_state_dict(weights)
    torch.manual_seed(99)
    other.restore(state)
    assert found + steps(other, 7) == expected
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), other.model.parameters(), strict=True))


def test_divergence_is_named_with_its_step():
    loop = tiny_loop()
    steps(loop, 3)
    with pytest.raises(DivergedError, match="diverged at step 3: loss nan"):
        loop.step({"x": torch.full((3, 4), float("nan"))})
    assert issubclass(DivergedError, HarnessError)


@pytest.mark.parametrize(("schedule", "expected"), [("linear", 0.5), ("constant", 1.0), ("cosine", 0.5)])
def test_schedules_half_way(schedule, expected):
    assert Recipe(steps=12, learning_rate=1, warmup_steps=2, schedule=schedule).factor(7) == pytest.approx(expected)


def test_biases_and_norms_are_not_decayed():
    loop = tiny_loop(weight_decay=0.3)
    decayed, kept = loop.optimizer.param_groups
    assert {p.ndim for p in decayed["params"]} == {2} and decayed["weight_decay"] == 0.3
    assert {p.ndim for p in kept["params"]} == {1} and kept["weight_decay"] == 0.0


class Held(nn.Module):
    """Two layers and a config that says the zeros of the first are masks."""

    def __init__(self, zeros: torch.Tensor | None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 2)
        self.config = PretrainedConfig()
        if zeros is not None:
            self.first.weight.data[zeros] = 0
            self.config.harness_pruning = {"regime": "pruned", "matrices": ["first.weight"]}

    def get_input_embeddings(self) -> nn.Module:
        return self.first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))


ZEROS = torch.arange(32).view(8, 4) % 3 == 0


def test_zeros_that_a_config_says_are_masks_stay_exactly_zero():
    recipe = Recipe(steps=20, learning_rate=1e-2, weight_decay=0.3, schedule="constant")
    held, free = Loop(Held(ZEROS), recipe, squared), Loop(Held(None), recipe, squared)
    steps(held, 20), steps(free, 20)
    weight = held.model.first.weight
    assert torch.equal(weight == 0, ZEROS) and not torch.equal(held.model.second.weight, free.model.second.weight)
    moments = held.optimizer.state[weight]
    assert not moments["exp_avg"][ZEROS].any() and not moments["exp_avg_sq"][ZEROS].any()
    assert moments["exp_avg"][~ZEROS].all()


def test_the_gradient_of_what_is_held_does_not_count_for_its_norm():
    recipe = Recipe(steps=2, learning_rate=1e-2, schedule="constant", clip=1e9)
    loop = Loop(Held(ZEROS), recipe, squared)
    norms = []
    clip = torch.nn.utils.clip_grad_norm_
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *given: norms.append(clip(*given)))
        steps(loop, 1)
    plain = Held(ZEROS)
    squared(plain, {"x": torch.ones(3, 4)}).backward()
    plain.first.weight.grad[ZEROS] = 0
    expected = sum(float((p.grad**2).sum()) for p in plain.parameters()) ** 0.5
    assert float(norms[0]) == pytest.approx(expected, rel=1e-6)


def test_weights_held_from_a_step_on_lose_their_momentum_and_a_resumed_run_holds_them():
    recipe = Recipe(steps=20, learning_rate=1e-2, weight_decay=0.1, schedule="constant")
    whole = Loop(Held(None), recipe, squared)
    whole.after_backward = lambda step: whole.hold({"first.weight": ZEROS}) if step == 5 else None
    steps(whole, 10)
    state = copy.deepcopy(whole.state())
    expected = steps(whole, 5)
    assert torch.equal(whole.model.first.weight == 0, ZEROS)
    resumed = Loop(Held(None), recipe, squared)
    resumed.restore(state)
    assert steps(resumed, 5) == expected and torch.equal(resumed.model.first.weight, whole.model.first.weight)


def test_a_config_with_another_regime_is_refused_by_name():
    model = Held(ZEROS)
    model.config.harness_pruning = {"regime": "prund"}
    with pytest.raises(HarnessError, match="harness_pruning has regime 'prund'; expected pruned or after_downstream"):
        Loop(model, Recipe(steps=1, learning_rate=1e-2), squared)
