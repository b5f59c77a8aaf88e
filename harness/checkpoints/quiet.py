"""Silence around a library's loading code: its reports and, where no one watches, its progress bars."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Within it transformers reports errors alone, and bars show on a terminal only; settings are put back after."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging

    hide = not sys.stderr.isatty() and not are_progress_bars_disabled()
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    if hide:
        logging.disable_progress_bar()
        disable_progress_bars()
    try:
        with warnings.catch_warnings():
            # Marian's tokenizer asks for a package that it keeps at hand and never calls.
            warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if hide:
            enable_progress_bars()
            if bars:
                logging.enable_progress_bar()
