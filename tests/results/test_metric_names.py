"""What the names of metrics say."""

from __future__ import annotations

import pytest

from harness.results.metric_names import higher_is_better, unit, words


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("accuracy", True), ("acc_norm", True), ("f1", True), ("matthews_correlation", True), ("bleu", True),
        ("chrF", True), ("chrf2", True), ("pearson", True), ("exact_match", True), ("rougeL", True),
        ("loss", False), ("mlm_nsp_dev_loss", False), ("finetune_train_loss", False), ("c4_val_ce", False),
        ("error", False), ("word error rate", False), ("WER", False), ("perplexity", False), ("bpb", False),
        ("bits_per_byte", False), ("cross_entropy", False), ("TER", False), ("trainLoss", False),
        ("x", None), ("transfer", None), ("negative_loss", None), ("1-error", None),
        ("accuracy_loss", None), ("", None),
    ],
)  # fmt: skip
def test_direction(name: str, direction: bool | None) -> None:
    assert higher_is_better(name) is direction


def test_units() -> None:
    assert unit("c4_en_ce", [3.1]) == "nats per token"
    assert unit("dolma bits per byte", [0.9]) == unit("bpb", [1.1]) == "bits per byte"
    assert unit("error", [0.2, 1.0]) == "fraction" and unit("f1", [0.9, 88.0]) == "percent"
    assert unit("mcc", [-0.1]) == "correlation" and unit("spearman", [88.1]) == "percent"
    assert unit("in_domain_bleu", [33.0]) == "BLEU" and unit("ppl", [12.0]) == "perplexity" and unit("x", [1.0]) == "x"


def test_words() -> None:
    assert words("Avg. Dev-Loss (nats)") == ["avg", "dev", "loss", "nats"]
