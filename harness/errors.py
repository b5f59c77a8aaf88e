"""The one error a user sees: what was found, what was expected, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """Bad input or a measurement that cannot be made; printed as one message, without a traceback."""


class InUseError(HarnessError):
    """Another process holds what this one needs."""


def nearest(found: str, valid: Iterable[str]) -> str:
    """A hint that names the nearest valid word, or lists what is valid.

    >>> nearest("glue/rtee", ["glue/rte", "glue/cola"])
    "did you mean 'glue/rte'?"
    >>> nearest("zzz", ["a", "b"])
    'valid: a, b'
    """
    options = sorted(valid)
    if not options:
        return "there are none"
    close = difflib.get_close_matches(found, options, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    listed = ", ".join(options[:12])
    return f"valid: {listed}" + (f" and {len(options) - 12} more" if len(options) > 12 else "")
