"""Words of a text, the same for every checkpoint: no tokenizer is asked."""

from __future__ import annotations

import re

WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Runs of letters, digits and underscores, case-folded.

    >>> words("The cat's 2 hats.")
    ['the', 'cat', 's', '2', 'hats']
    """
    return WORD.findall(text.casefold())
