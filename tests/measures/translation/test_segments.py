"""Outcomes of segments give the score, its standard error, and what slopes allow for."""

from __future__ import annotations

import numpy as np
import pytest

from harness.measures.translation.metrics import corpus_metric, scored
from harness.measures.translation.segments import pseudo_values, segment_outcomes
from tests.hub.text import sentences


def found_on(metric: str, count: int = 120):
    """Translations that are right in parts."""
    references = [" ".join(sentences(1, n)) for n in range(count)]
    random = np.random.default_rng(1)
    written = [" ".join(word if random.random() < 0.8 else "lamp" for word in text.split()) for text in references]
    return scored(metric, written, references, "en")


@pytest.mark.parametrize("metric", ["bleu", "chrf", "ter"])
def test_pseudo_values_have_the_score_for_a_mean_and_its_standard_error(metric):
    found = found_on(metric)
    values = pseudo_values(found)
    assert values.mean() == pytest.approx(found.value)
    assert values.std(ddof=1) / np.sqrt(len(values)) == pytest.approx(found.stderr, rel=0.15)


def test_statistics_stand_by_name_and_give_the_score():
    found, rows = found_on("bleu", 30), np.arange(30)
    outcomes = {outcome.metric: outcome for outcome in segment_outcomes(found, rows)}
    assert next(iter(outcomes)) == "bleu" and len(outcomes) == 11
    bleu = corpus_metric("bleu")
    sums = np.array([outcomes[name].outcome.sum() for name in bleu.statistic_names])
    assert float(bleu.values(sums)) == pytest.approx(found.value)
    assert [o.metric for o in segment_outcomes(found_on("ter", 1), rows[:1])] == list(
        corpus_metric("ter").statistic_names
    )
