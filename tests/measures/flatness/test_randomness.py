"""Sampled labels follow the model's distribution."""

from __future__ import annotations

import torch
from scipy.stats import chisquare

from harness.measures.flatness.randomness import private_generator, rademacher, sample_labels


def test_sampled_labels_have_the_right_frequencies() -> None:
    p = torch.tensor([0.5, 0.0, 0.2, 0.05, 0.25])
    counts = torch.bincount(sample_labels(p.expand(20000, 5), private_generator(0, "a", "test")), minlength=5)
    assert counts[1] == 0
    kept = [0, 2, 3, 4]
    assert chisquare(counts[kept].numpy(), 20000 * p[kept].double().numpy()).pvalue > 0.001


def test_generators_differ_by_seed_key_and_purpose() -> None:
    seeds = {private_generator(s, k, w).initial_seed() for s in (0, 1) for k in (1, 2, "1 2") for w in ("a", "b")}
    assert len(seeds) == 12


def test_signs_are_balanced() -> None:
    signs = rademacher(torch.Size([10000]), private_generator(0, 0, "test"), torch.float32, torch.device("cpu"))
    assert set(signs.tolist()) == {-1.0, 1.0} and abs(signs.mean().item()) < 0.05
