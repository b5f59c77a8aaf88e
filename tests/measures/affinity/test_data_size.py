from __future__ import annotations

import math

import pytest

from harness.errors import HarnessError
from harness.measures.affinity.data_size import data_size


def test_counts_are_exact_and_the_mean_length_has_its_error():
    size = data_size(["one two", "three", "four five six", ""], label_count=3)
    assert math.exp(size["log_train_rows"].value) == pytest.approx(4) and size["log_train_rows"].stderr == 0
    assert math.exp(size["log_words"].value) == pytest.approx(6) and size["label_count"].value == 3
    assert size["mean_length"].value == 1.5
    assert size["mean_length"].stderr == pytest.approx(math.sqrt(5 / 3 / 4))


def test_what_a_protocol_trains_on_is_what_counts():
    size = data_size(["a b", "a b c d"] * 50, label_count=2, train_rows=10)
    assert math.exp(size["log_train_rows"].value) == pytest.approx(10)
    assert math.exp(size["log_words"].value) == pytest.approx(30) and size["log_words"].stderr > 0
    assert data_size(["a"], 2, train_rows=10)["log_train_rows"].value == 0


def test_a_task_without_words_is_refused():
    with pytest.raises(HarnessError, match="no words: 2 texts, all empty"):
        data_size(["", " .. "], label_count=2)
