"""Made-up text with some grammar, the same on every machine."""

from __future__ import annotations

import random

NAMES = ("mira", "tolan", "the miller", "a baker", "her brother", "the old captain", "a young fox", "the king")
VERBS = ("found", "sold", "painted", "carried", "forgot", "followed", "mended", "hid")
THINGS = ("a silver bell", "the long rope", "two red boats", "an empty jar", "the north gate", "a stone bridge")
PLACES = ("by the river", "in the market", "near the tower", "after the storm", "before winter", "under the hill")


def sentence(source: random.Random) -> str:
    """One sentence of 7 to 12 words."""
    return f"{source.choice(NAMES)} {source.choice(VERBS)} {source.choice(THINGS)} {source.choice(PLACES)} ."


def sentences(count: int, seed: int) -> list[str]:
    """Sentences drawn under a seed."""
    source = random.Random(seed)
    return [sentence(source) for _ in range(count)]


def wiki_lines(articles: int, seed: int) -> list[str]:
    """Articles as rows of lines, as in wikitext: blank rows, `` = Title = `` and `` = = Section = = `` headings."""
    source, rows = random.Random(seed), []
    for number in range(articles):
        rows += ["", f" = {source.choice(NAMES).title()} {number} = \n", ""]
        for section in range(2):
            if section:
                rows += ["", " = = History = = \n", ""]
            rows += [f" {' '.join(sentence(source) for _ in range(source.randint(2, 4)))} \n" for _ in range(2)]
    return rows
