from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from harness.training.pruning.scores import Scores, count_of, lowest, pruned_weights


def matrices(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) * scale
            for name, shape, scale in (("a", (7, 9), 1.0), ("b", (5, 13), 0.3), ("c", (11, 2), 2.0))}  # fmt: skip


def magnitude(given, sparsity, scope="local"):
    return pruned_weights(given, sparsity, scope, Scores("magnitude", 0))


@pytest.mark.parametrize("sparsity", [0.1, 0.35, 0.5, 0.9])
def test_each_matrix_loses_what_torch_prunes_and_numpy_s_quantile_says(sparsity):
    for name, zeros in magnitude(given := matrices(), sparsity).items():
        layer = nn.Linear(1, 1)
        layer.weight = nn.Parameter(given[name])
        prune.l1_unstructured(layer, "weight", amount=sparsity)
        assert torch.equal(zeros, layer.weight_mask == 0)
        size = given[name].numel()
        sizes = np.sort(given[name].abs().numpy().ravel())
        edge = np.quantile(
            sizes, (round(sparsity * size) - 0.5) / (size - 1)
        )  # between the last pruned and the first kept
        assert np.array_equal(zeros.numpy(), np.abs(given[name].numpy()) < edge)


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9])
def test_all_together_they_lose_what_torch_prunes_globally(sparsity):
    given, layers = matrices(), []
    for matrix in given.values():
        layers.append(nn.Linear(1, 1))
        layers[-1].weight = nn.Parameter(matrix)
    prune.global_unstructured([(layer, "weight") for layer in layers], prune.L1Unstructured, amount=sparsity)
    found = magnitude(given, sparsity, "global")
    for zeros, layer in zip(found.values(), layers, strict=True):
        assert torch.equal(zeros, layer.weight_mask == 0)
    shares = [float(zeros.float().mean()) for zeros in found.values()]
    assert max(shares) - min(shares) > 0.05  # small weights of one matrix go before large ones of another


@pytest.mark.parametrize("method", ["magnitude", "random"])
@pytest.mark.parametrize("scope", ["local", "global"])
def test_what_is_pruned_is_pruned_at_every_higher_sparsity_and_exactly_as_much(method, scope):
    given, scores, before = matrices(), Scores(method, 3), None
    for sparsity in (0.0, 0.1, 0.33, 0.5, 0.77, 0.95):
        found = pruned_weights(given, sparsity, scope, scores)
        sizes = [m.numel() for m in given.values()] if scope == "local" else [sum(m.numel() for m in given.values())]
        assert sum(int(z.sum()) for z in found.values()) == sum(count_of(sparsity, size) for size in sizes)
        if before is not None:
            assert all(bool((found[name] | ~before[name]).all()) for name in given)
        before = found


def test_random_ones_are_the_seed_s_and_do_not_go_by_the_weights():
    def drawn(seed: int, weights: int) -> torch.Tensor:
        return pruned_weights(matrices(weights), 0.5, "local", Scores("random", seed))["a"]

    assert torch.equal(drawn(1, 0), drawn(1, 5)) and not torch.equal(drawn(1, 0), drawn(2, 0))
    found = pruned_weights(matrices(), 0.5, "local", Scores("random", 1))
    assert not torch.equal(found["a"].flatten()[:22], found["c"].flatten())  # each matrix has an order of its own


def test_equal_weights_are_pruned_in_order_and_none_too_many():
    assert lowest(torch.zeros(6), 4).tolist() == [True] * 4 + [False] * 2
    assert not lowest(torch.ones(3), 0).any()
