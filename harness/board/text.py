"""Untrusted text made safe: names come from checkpoints and specs, and must stay text wherever they are shown."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from typing import Any

UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
"""Control, format (bidirectional overrides), surrogate and separator characters."""

ENTITIES = {ord(c): f"&#{ord(c)};" for c in "\\`|*[]~$#@"} | {ord("<"): "&lt;", ord(">"): "&gt;", ord("&"): "&amp;"}


class Safe(str):
    """Markdown that was written here and is not to be escaped again."""

    __slots__ = ()


def plain(text: object, limit: int = 400) -> str:
    r"""One line of printable text, cut at ``limit`` characters.

    >>> plain("a\nb\u202ec")
    'a b c'
    """
    kept = "".join(" " if unicodedata.category(c) in UNPRINTABLE else c for c in str(text))
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def markdown(text: object) -> Safe:
    """Text as GitHub Markdown that renders as that very text, in a table cell too.

    >>> markdown("<img> | `x` lm_loss _y_")
    '&lt;img&gt; &#124; &#96;x&#96; lm_loss &#95;y&#95;'
    """
    if isinstance(text, Safe):
        return text
    escaped = plain(text).translate(ENTITIES)
    escaped = re.sub(r"(?<![^\W_])_|_(?![^\W_])", "&#95;", escaped)
    escaped = escaped.replace("://", "&#58;//").replace("www.", "www&#46;")
    escaped = re.sub(r"&#91;([−∞0-9., ]+)&#93;(?![(:&])", r"[\1]", escaped)  # an interval reads better bare
    return Safe(re.sub(r"^([-+](?=[\s-]|$)|=|\d+[.)](?=\s|$))", lambda found: escape_first(found[0]), escaped))


def escape_first(text: str) -> str:
    """The first character as an entity, so that it opens no list, rule or heading."""
    return f"&#{ord(text[0])};{text[1:]}" if not text[0].isdigit() else f"{text[:-1]}&#{ord(text[-1])};"


def slug(text: str) -> str:
    """A file name for ``text``; where characters had to go, a short hash keeps two names apart.

    >>> slug("glue/rte.accuracy")
    'glue-rte.accuracy'
    >>> slug("a?b")
    'a-b-c2a7b64a'
    """
    name = re.sub(r"[^a-z0-9._-]+", "-", text.replace("/", "-").lower()).strip("-.")[:100]
    if name == text.replace("/", "-"):
        return name
    return f"{name}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"


def finite(value: Any) -> Any:
    """The same structure with NaN and infinities as None, which JSON can hold."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def script_json(value: Any) -> str:
    r"""JSON that may stand inside a ``<script>`` element, whatever strings it holds.

    >>> script_json({"name": "</script>"})
    '{"name":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(finite(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
