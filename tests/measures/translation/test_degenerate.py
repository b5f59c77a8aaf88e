"""What counts as a loop, against every stretch of every text of two tokens."""

from __future__ import annotations

from itertools import product

import pytest

from harness.measures.translation import degenerate
from harness.measures.translation.degenerate import loops


def repeated(text: tuple[int, ...], times: int, span: int) -> bool:
    """The rule as it is said: some stretch is the same tokens, so often or more, the last time perhaps in part."""
    for start, end in product(range(len(text)), range(1, len(text) + 1)):
        stretch = text[start:end]
        for period in range(1, len(stretch) // times + 1):
            if len(stretch) >= span and stretch == (stretch[:period] * len(stretch))[: len(stretch)]:
                return True
    return False


def test_loops_are_the_texts_with_a_repeated_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(degenerate, "TIMES", 2)
    monkeypatch.setattr(degenerate, "SPAN", 5)
    texts = list(product((0, 1), repeat=8))
    assert [loops(text) for text in texts] == [repeated(text, 2, 5) for text in texts]
    assert 0 < sum(loops(text) for text in texts) < len(texts)


def test_a_period_of_twenty_one_is_no_loop() -> None:
    assert loops(list(range(20)) * 4) and not loops(list(range(21)) * 4)
