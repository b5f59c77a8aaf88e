"""One row of the flatness benchmark, in a process of its own: CPU time, and peak memory above the model and its data.

``python flatness_rows.py '{"method": "fisher", "model": "FOLDER or shape", ...}'`` prints the row as JSON.
"""

from __future__ import annotations

import ctypes
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from harness.checkpoints.activations import fuse_activations
from harness.data.sequences import UNSCORED, ScoredSequence
from harness.machine import high_water, keep_freed_memory, reset_high_water, set_threads
from harness.measures.flatness import fisher_trace, hessian_trace

NEVER = float("-inf")  # below any number: the wheel's rule never stops it
GPT2 = {
    "gpt2-20m": {"vocab_size": 8192, "n_positions": 256, "n_embd": 512, "n_layer": 6, "n_head": 8},
    "gpt2-small": {},
    "gpt2-350m": {"n_embd": 1024, "n_layer": 24, "n_head": 16},
}
MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}


@dataclass(frozen=True, slots=True)
class Row:
    """What a method took and found. ``draws`` are sequences, or sequences times probes where all meet all."""

    method: str
    model: str
    parameters: int
    value: float
    stderr: float
    draws: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """A trace, its standard error (not a number where the method gives none) and how many draws it took."""

    value: float
    stderr: float
    draws: int


def open_model(name: str, device: str) -> nn.Module:
    """A shape with random weights, or a saved model."""
    torch.manual_seed(0)
    if name == "minilm":
        model: nn.Module = BertForMaskedLM(BertConfig(**MINILM))
    elif name in GPT2:
        model = GPT2LMHeadModel(GPT2Config(**{"bos_token_id": 0, "eos_token_id": 0} | GPT2[name]))
    else:
        model = AutoModelForCausalLM.from_pretrained(name)
    return model.eval().to(device)


def open_sequences(model: nn.Module, text: str | None, count: int, length: int) -> list[ScoredSequence]:
    """The first rows of a saved ``(N, T)``, or random tokens; a masked model scores 15 % of them."""
    rows = torch.load(text)[:count] if text else torch.randint(5, model.config.vocab_size, (count, length))
    if rows.shape[0] < count:
        raise ValueError(f"{text} has {rows.shape[0]} rows, {count} are wanted")
    if isinstance(model, BertForMaskedLM):
        masked = torch.rand(rows.shape) < 0.15
        labels = rows.masked_fill(~masked, UNSCORED)
        rows = rows.masked_fill(masked, 103)
    else:
        labels = torch.cat([torch.full((count, 1), UNSCORED), rows[:, 1:]], 1)
    return [ScoredSequence(ids, label, n, n) for n, (ids, label) in enumerate(zip(rows, labels, strict=True))]


def objective_of(model: nn.Module) -> str:
    return "masked" if isinstance(model, BertForMaskedLM) else "causal"


def ours(
    estimator: Callable[..., Any], model: nn.Module, sequences: list[ScoredSequence], error: float | None
) -> Found:
    """Until the standard error is ``error`` of the value, or of all sequences."""
    precision = None if error is None else 1.97 * error
    fuse_activations(model)  # as the command does; it changes values by rounding alone
    result = estimator(
        model, sequences, objective=objective_of(model), seed=0, precision=precision, minimum=min(32, len(sequences))
    )
    return Found(result.trace, result.stderr, result.sequences)


def gradient(model: nn.Module, sequences: list[ScoredSequence], **_: Any) -> Found:
    """The gradient of a training step, sequence by sequence."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    shift = 0 if objective_of(model) == "masked" else 1
    device = parameters[0].device
    for s in sequences:
        logits = model(input_ids=s.ids[None].to(device), use_cache=False).logits[0]
        loss = cross_entropy(logits[: len(logits) - shift], s.labels[shift:].to(device))
        torch.autograd.grad(loss, parameters, allow_unused=True)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return Found(float(loss.detach()), math.nan, len(sequences))


def draw_over_gradient(model: nn.Module, sequences: list[ScoredSequence], **_: Any) -> Found:
    """CPU time of a Fisher draw over that of a training gradient, the fastest of three rounds of each, in turn."""
    rounds: list[tuple[float, float]] = []
    for _ in range(3):
        start = time.process_time()
        gradient(model, sequences)
        middle = time.process_time()
        ours(fisher_trace, model, sequences, None)
        rounds.append((middle - start, time.process_time() - middle))
    gradients, draws = zip(*rounds, strict=True)
    return Found(min(draws) / min(gradients), math.nan, 3 * len(sequences))


class Logits(nn.Module):
    """What PyHessian takes: tensor in, tensor out."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        return self.model(input_ids=ids[:, :-1], use_cache=False).logits


def mean_loss(logits: Tensor, ids: Tensor) -> Tensor:
    return cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def batches(sequences: Sequence[ScoredSequence], size: int) -> list[tuple[Tensor, Tensor]]:
    rows = torch.stack([s.ids for s in sequences])
    return [(part, part) for part in rows.split(size)]


def data_loader(model: nn.Module, sequences: list[ScoredSequence], probes: int, batch: int = 8, **_: Any) -> Found:
    """PyHessian's own loop over a data loader, without its stopping rule."""
    import pyhessian

    with sdpa_kernel(SDPBackend.MATH):
        wheel = pyhessian.hessian(Logits(model), mean_loss, dataloader=batches(sequences, batch), cuda=False)
        torch.manual_seed(0)
        values = wheel.trace(maxIter=probes, tol=NEVER)
    return Found(float(np.mean(values)), math.nan, probes * len(sequences))


def single_batches(model: nn.Module, sequences: list[ScoredSequence], error: float, batch: int, **_: Any) -> Found:
    """PyHessian on one batch after another, a probe each, until the standard error of their mean is small enough."""
    import pyhessian

    values: list[float] = []
    with sdpa_kernel(SDPBackend.MATH):
        for part in batches(sequences, batch):
            wheel = pyhessian.hessian(Logits(model), mean_loss, data=part, cuda=False)
            values += wheel.trace(maxIter=1, tol=NEVER)
            model.zero_grad(set_to_none=True)
            stderr = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
            if len(values) * batch >= 128 and stderr <= error * abs(np.mean(values)):
                break
    return Found(float(np.mean(values)), stderr, len(values) * batch)


METHODS: dict[str, Callable[..., Found]] = {
    "fisher": lambda model, sequences, error=None, **_: ours(fisher_trace, model, sequences, error),
    "hessian": lambda model, sequences, error=None, **_: ours(hessian_trace, model, sequences, error),
    "gradient": gradient,
    "draw over gradient": draw_over_gradient,
    "pyhessian data loader": data_loader,
    "pyhessian single batches": single_batches,
}


def take(method: str, model: str, count: int, text: str | None = None, length: int = 128, device: str = "cpu",
         **options: Any) -> Row:  # fmt: skip
    """Measure one row."""
    network = open_model(model, device)
    sequences = open_sequences(network, text, count, length)
    run = METHODS[method]
    short = [ScoredSequence(s.ids[:8], s.labels[:8], s.cluster, s.key) for s in sequences if s.labels[1:8].max() >= 0]
    run(network, short[:2], **options | {"probes": 1, "error": 0.5})  # loads what is imported late
    if method == "gradient":
        run(network, sequences[:1])
    ctypes.CDLL(None).malloc_trim(0)
    reset_high_water(device)
    before = high_water(device) or 0
    wall, cpu = time.perf_counter(), time.process_time()
    found = run(network, sequences, **options)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    peak = (high_water(device) or 0) - before
    parameters = sum(p.numel() for p in network.parameters())
    return Row(method, Path(model).name, parameters, **asdict(found), seconds=seconds, cpu_seconds=cpu_seconds, peak_bytes=peak)  # fmt: skip


if __name__ == "__main__":
    keep_freed_memory()  # as the command does
    set_threads()
    print(json.dumps(asdict(take(**json.loads(sys.argv[1])))))
