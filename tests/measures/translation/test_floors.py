"""Floors of translations, and outputs that are none."""

from __future__ import annotations

import pytest
import sacrebleu

from harness.measures.translation.degenerate import degenerate
from harness.measures.translation.floors import COPY, SHUFFLED, copied, floor_details, others, shuffled

REFERENCES = [f"the {noun} is on the table ." for noun in ("lamp", "book", "cat", "key")]
SOURCES = ["die lampe ist hier", "das buch", "die katze", "the key is on the table ."]


@pytest.mark.parametrize("count", [2, 3, 50])
def test_every_output_meets_another_source_once(count):
    found = others(count)
    assert sorted(found) == list(range(count)) and all(place != other for place, other in enumerate(found))


def test_the_floor_is_the_better_of_copying_and_of_saying_what_is_common():
    """Fluent sentences that have nothing to do with the source are worth more here than names that were copied."""
    copy, shuffle = copied("bleu", SOURCES, REFERENCES, "en"), shuffled("bleu", REFERENCES, REFERENCES, "en")
    assert copy.value == sacrebleu.corpus_bleu(SOURCES, [REFERENCES]).score
    moved = [REFERENCES[other] for other in others(4)]
    assert shuffle.value == sacrebleu.corpus_bleu(moved, [REFERENCES]).score > copy.value
    found = floor_details(copy, shuffle)
    assert (found["chance"], found["floor"], found["floor_by"]) == (copy.value, shuffle.value, SHUFFLED)
    assert found["copy_stderr"] == copy.stderr and found["shuffled"] == shuffle.value


def test_of_an_error_rate_the_floor_is_the_lower_and_a_single_output_has_no_other():
    copy, shuffle = copied("ter", SOURCES, REFERENCES, "en"), shuffled("ter", REFERENCES, REFERENCES, "en")
    assert floor_details(copy, shuffle)["floor"] == min(copy.value, shuffle.value) == shuffle.value
    assert shuffled("ter", ["a"], ["b"], "en") is None
    alone = floor_details(copy, None)
    assert alone["floor_by"] == COPY and "shuffled" not in alone


def test_outputs_that_are_no_translations_are_counted():
    found = degenerate([[1] * 12, [], [1, 2]], ["a " * 12, " ", "a b"], [False, True, True])
    assert (found.empty, found.looping, found.unfinished) == (1, 1, 1)
    assert found.warning(3, 12) == "of 3 translations 1 are empty, 1 repeat themselves, 1 did not end within 12 tokens"
    assert degenerate([[1]], ["a"], [True]).warning(1, 12) is None
