"""What a metric's published name says: whether higher is better, and in what unit it is."""

from __future__ import annotations

import re
from collections.abc import Iterable

ACCURACIES = frozenset(
    [
        "accuracy",
        "acc",
        "f1",
        "precision",
        "recall",
        "exact",
        "em",
        "auc",
        "auroc",
        "auprc",
        "win",
        "map",
        "mrr",
        "ndcg",
        "iou",
    ]
)
ERRORS = frozenset(["error", "err", "wer", "cer", "fpr", "eer"])
CORRELATIONS = frozenset(["mcc", "matthews", "pearson", "spearman", "kendall", "correlation", "pearsonr", "spearmanr"])
SCORES = frozenset(
    [
        "bleu",
        "sacrebleu",
        "chrf",
        "chrf2",
        "rouge",
        "rouge1",
        "rouge2",
        "rougel",
        "meteor",
        "comet",
        "bleurt",
        "bertscore",
        "r2",
    ]
)
NATS = frozenset(["loss", "ce", "xent", "nll", "entropy", "crossentropy", "nats"])
BITS_PER_BYTE = frozenset(["bpb"])
LOWER = frozenset(["perplexity", "ppl", "ter", "mse", "rmse", "mae", "brier", "ece", "bpc", "divergence", "distance"])
TURNED = frozenset(["neg", "negative", "minus", "inverse", "inverted", "reversed"])

HIGHER_IS_BETTER = ACCURACIES | CORRELATIONS | SCORES
LOWER_IS_BETTER = ERRORS | NATS | BITS_PER_BYTE | LOWER


def words(name: str) -> list[str]:
    """The words of a name, lower case: split at whatever is no letter or digit, and before a capital.

    >>> words("mlm_nsp_dev_loss"), words("trainLoss")
    (['mlm', 'nsp', 'dev', 'loss'], ['train', 'loss'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name).lower().replace("bits_per_byte", "bpb")
    return [word for word in re.split(r"[^a-z0-9]+", apart.replace("bits per byte", "bpb")) if word]


def higher_is_better(name: str) -> bool | None:
    """Whether higher is better, where the words of a name say so and none says the contrary; else None.

    >>> higher_is_better("general_domain_dev_bleu"), higher_is_better("c4_val_ce"), higher_is_better("x")
    (True, False, None)
    >>> print(higher_is_better("negative_loss"))
    None
    """
    found = set(words(name))
    higher, lower = bool(found & HIGHER_IS_BETTER), bool(found & LOWER_IS_BETTER)
    return None if higher == lower or found & TURNED or "1-" in name else higher


def unit(name: str, values: Iterable[float]) -> str:
    """The unit: losses in nats per token, accuracies and errors as fractions, or percent when a value exceeds one.

    >>> unit("acc_norm", [0.3, 0.5]), unit("accuracy", [83.1]), unit("loss", [3.2]), unit("dev_bleu", [31.0])
    ('fraction', 'percent', 'nats per token', 'BLEU')
    """
    found = set(words(name))
    if found & BITS_PER_BYTE:
        return "bits per byte"
    if found & NATS:
        return "nats per token"
    if found & (ACCURACIES | ERRORS | CORRELATIONS):
        whole = "correlation" if found & CORRELATIONS else "fraction"
        return whole if all(abs(value) <= 1 for value in values) else "percent"
    scores = sorted(found & (SCORES | LOWER))
    return "perplexity" if "ppl" in scores else "BLEU" if scores == ["bleu"] else scores[0] if scores else name
