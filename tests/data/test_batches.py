from __future__ import annotations

import numpy as np
import torch

from harness.data.batches import attention_mask, by_token_budget, pad, shuffled_by_length


def test_every_index_stands_once_and_no_batch_is_over_budget():
    lengths = np.random.default_rng(0).integers(1, 60, 500).tolist()
    batches = by_token_budget(lengths, 256)
    assert sorted(i for batch in batches for i in batch) == list(range(500))
    assert all(max(lengths[i] for i in batch) * len(batch) <= 256 for batch in batches)
    assert len(batches[0]) >= 1 and max(lengths) in [lengths[i] for i in batches[0]]


def test_a_sequence_longer_than_the_budget_stands_alone():
    assert by_token_budget([10, 1], 4) == [[0], [1]]


def test_an_epoch_holds_every_example_once_in_batches_of_like_length():
    lengths = np.random.default_rng(0).integers(5, 100, 1000).tolist()
    batches = shuffled_by_length(lengths, 32, np.random.default_rng(1))
    assert sorted(i for batch in batches for i in batch) == list(range(1000))
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)


def test_the_order_depends_on_the_seed_alone():
    lengths = list(range(200))
    first, again, other = (shuffled_by_length(lengths, 8, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first == again and first != other


def test_padding_is_masked():
    sequences = [torch.tensor([1, 2, 3]), torch.tensor([4])]
    assert pad(sequences, 9).tolist() == [[1, 2, 3], [4, 9, 9]]
    assert attention_mask(sequences).tolist() == [[1, 1, 1], [1, 0, 0]]
