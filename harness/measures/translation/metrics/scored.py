"""A score carries its signature, its standard error and what it was made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.measures.translation.metrics.base import Array
from harness.measures.translation.metrics.registry import corpus_metric
from harness.paired.resampling import RESAMPLES, resampled_sums


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One metric of one set of translations.

    Attributes:
        metric: Its name.
        value: In points, as sacreBLEU's command line prints it.
        stderr: Its standard error over new segments, in points; None of a single segment.
        stderr_method: How that was computed.
        signature: sacreBLEU's.
        higher_is_better: Its direction.
        statistics: ``(N, k)`` sacreBLEU's sufficient statistics of each segment.
        statistic_names: What the ``k`` of them are called.
    """

    metric: str
    value: float
    stderr: float | None
    stderr_method: str
    signature: str
    higher_is_better: bool
    statistics: Array
    statistic_names: tuple[str, ...]


def scored(metric: str, hypotheses: Sequence[str], references: Sequence[str], target_language: str) -> Scored:
    """Score translations against one reference each.

    Args:
        metric: bleu, chrf or ter.
        hypotheses: ``N`` translations, detokenised; an empty one counts as such.
        references: ``N`` references.
        target_language: Its code, such as ``de`` or ``zh-Hans``, which decides the tokenizer.

    Raises:
        HarnessError: An unknown metric, other numbers of translations and references, an empty reference, or the
            tokenizer of the language is not installed.

    >>> found = scored("bleu", ["the cat sat on the mat"], ["the cat sat on a mat"], "en")
    >>> round(found.value, 4), round(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25, 4)
    (53.7285, 53.7285)
    >>> found.signature.split("|version")[0], found.stderr_method
    ('nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp', 'none: a single segment')
    """
    wanted = corpus_metric(metric)
    statistics, signature, value = wanted.counted(hypotheses, references, target_language)
    stderr, method = bootstrap_stderr(wanted.values, statistics)
    return Scored(metric, value, stderr, method, signature, wanted.higher_is_better, statistics, wanted.statistic_names)


def bootstrap_stderr(values: Callable[[Array], Array], statistics: Array) -> tuple[float | None, str]:
    """The standard deviation of a metric over resamples of segments, and how it is called.

    Of a mean it is that of the sample over ``sqrt(N)``, times ``sqrt((N - 1) / N)``:

    >>> import numpy as np
    >>> statistics = np.stack([np.arange(50.0), np.ones(50)], axis=1)
    >>> error, method = bootstrap_stderr(lambda sums: sums[:, 0] / sums[:, 1], statistics)
    >>> method, round(float(np.std(np.arange(50)) / np.sqrt(50)), 2), abs(error / 2.04 - 1) < 0.1
    ('bootstrap over segments, 1,000 resamples', 2.04, True)
    """
    if len(statistics) < 2:
        return None, "none: a single segment"
    drawn = values(resampled_sums(statistics))
    return float(drawn.std(ddof=1)), f"bootstrap over segments, {RESAMPLES:,} resamples"
