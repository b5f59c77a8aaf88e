from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.affinity.vocabulary_cover import vocabulary_cover


def test_case_and_marks_do_not_matter_and_repeats_count():
    cover = vocabulary_cover(["The cat, the mat!"], ["THE the dog", "cat (cat)"])
    assert cover.value == 0.8 and cover.n == 2


@pytest.mark.slow
def test_the_standard_error_is_the_spread_of_new_samples():
    rng = np.random.default_rng(0)

    def sample() -> list[str]:
        shares = rng.beta(2, 1, 80)
        return [" ".join(np.where(rng.random(rng.integers(3, 20)) < share, "known", "new")) for share in shares]

    found = [vocabulary_cover(["known"], sample()) for _ in range(200)]
    spread = np.std([f.value for f in found], ddof=1)
    assert np.mean([f.stderr for f in found]) == pytest.approx(spread, rel=0.15)


def test_a_corpus_without_words_is_refused():
    with pytest.raises(HarnessError, match="the corpus has no words"):
        vocabulary_cover(["--"], ["a", "b"])
