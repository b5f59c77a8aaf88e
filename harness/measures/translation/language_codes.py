"""Languages by ISO 639 code: their English names, and the code a tokenizer has for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from harness.errors import HarnessError, nearest

SCRIPT = re.compile(r"^[A-Z][a-z]{3}$")
ANYWHERE = "XX"
"""The region of mBART's codes for languages of several countries."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its English name, its codes of two and three letters, and its usual script where it has several."""

    name: str
    codes: tuple[str, ...]
    script: str | None = None


@cache
def table() -> dict[str, Language]:
    """Every code of two or three letters to its language; where two share one, to the first that is written with it."""
    entries = yaml.safe_load(Path(__file__).with_name("languages.yaml").read_text(encoding="utf-8"))
    found: dict[str, Language] = {}
    for two, (name, threes, *script) in entries.items():
        # YAML reads the code of Norwegian, no, as a boolean.
        code = "no" if two is False else two
        language = Language(name, tuple(dict.fromkeys((code, *threes))), script[0] if script else None)
        for known in language.codes:
            found.setdefault(known, language)
    return found


def language_of(code: str) -> Language:
    """The language of a code; one that is not in the table has its code for a name.

    >>> language_of("zh-Hant").name, language_of("deu").codes, language_of("tlh").name
    ('Chinese', ('de', 'deu'), 'tlh')
    """
    base = parts(code)[0]
    return table().get(base, Language(base, (base,)))


def parts(code: str) -> tuple[str, str | None]:
    """The language of a code, and the script or region that follows it.

    >>> parts("pt-br"), parts("zho_hant"), parts("de")
    (('pt', 'BR'), ('zho', 'Hant'), ('de', None))
    """
    base, _, rest = code.replace("-", "_").partition("_")
    return base.lower(), (rest.title() if len(rest) == 4 else rest.upper()) or None


def find_code(code: str, known: Collection[str], names: Sequence[str] = ()) -> str:
    """What a tokenizer calls a language.

    Codes of two letters go before those of three. One with script or region is found where that is the one asked for,
    the only one there is, or the usual script of the language. ``pt-BR`` is ``pt`` to a tokenizer without regions;
    ``zh-Hant`` is never ``zho_Hans``.

    Args:
        code: of ISO 639, perhaps with a script or region.
        known: the codes that the tokenizer has.
        names: what the spec says that tokenizers call it; if there are any, one of them must be known.

    Raises:
        HarnessError: the tokenizer has no such language; the message names the nearest.

    >>> find_code("zh", ["eng_Latn", "zho_Hans", "zho_Hant"]), find_code("pt-BR", ["pt_XX"]), find_code("de", ["de_DE"])
    ('zho_Hans', 'pt_XX', 'de_DE')
    """
    for name in names or (code, code.replace("-", "_")):
        if name in known:
            return name
    found = None if names else derived(code, known)
    if found is None:
        wanted = names[0] if names else code
        raise HarnessError(
            f"the tokenizer has no language {wanted!r}; {nearest(wanted, near(wanted, known))} "
            "(names for tokenizers stand under languages.source_names and languages.target_names)"
        )
    return found


def derived(code: str, known: Collection[str]) -> str | None:
    """The code of a language by its other codes; None where there is none, or it is not clear which."""
    suffix = parts(code)[1]
    language = language_of(code)
    for base in dict.fromkeys((parts(code)[0], *language.codes)):
        longer = {parts(name)[1]: name for name in sorted(known) if parts(name)[0] == base and parts(name)[1]}
        if suffix in longer:
            return longer[suffix]
        if suffix is not None and SCRIPT.match(suffix):
            continue
        if base in known:
            return base
        only = len(longer) == 1 and (suffix is None or all(SCRIPT.match(found or "") for found in longer))
        usual = ANYWHERE if suffix else language.script
        if only or usual in longer:
            return next(iter(longer.values())) if only else longer[usual]
    return None


def near(wanted: str, known: Collection[str]) -> list[str]:
    """Codes that begin as the one that was not found; all where none does.

    >>> near("dee", ["de", "deu_Latn", "fr"]), near("q", ["de"])
    (['de', 'deu_Latn'], ['de'])
    """
    return [code for code in known if parts(code)[0][:2] == parts(wanted)[0][:2]] or list(known)
