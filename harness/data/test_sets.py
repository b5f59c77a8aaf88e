"""sacreBLEU's own test sets by their ids, such as ``wmt19``: that library fetches them, keeps them, and knows their checksums.

They stand in the folder ``$SACREBLEU``, or ``~/.sacrebleu``. Columns are sacreBLEU's fields (``src``, ``ref``, and what else a set carries,
such as ``docid``, ``origlang`` or ``domain``), with ``_`` in place of ``:``; ``ref`` is the reference that its scores are against,
the first of several.
"""

from __future__ import annotations

import copy
import hashlib
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.data.hub import is_offline
from harness.data.parallel_files import count, lines_of
from harness.errors import HarnessError, nearest
from harness.specs import Data

SPLIT = "test"
SECONDS = 60.0
"""Without an answer after which a server is given up."""


def registered(data: Data) -> str:
    """The revision of a test set: the checksum of its archive in sacreBLEU's registry, or one over those of several.

    Raises:
        HarnessError: no such test set or pair.
    """
    sums = known(data).md5
    return (
        f"md5:{sums[0] if len(sums) == 1 else hashlib.md5(' '.join(sums).encode(), usedforsecurity=False).hexdigest()}"
    )


def known(data: Data) -> Any:
    """The test set as sacreBLEU's registry has it.

    Raises:
        HarnessError: no such test set, or it has no such pair of languages.
    """
    from sacrebleu.dataset import DATASETS

    if data.test_set not in DATASETS:
        raise HarnessError(f"sacreBLEU has no test set {data.test_set!r}; {nearest(str(data.test_set), DATASETS)}")
    found = DATASETS[data.test_set]
    if data.name not in found.langpairs:
        raise HarnessError(
            f"the test set {data.test_set} has no pair {data.name!r}; {nearest(str(data.name), found.langpairs)}"
        )
    return found


def load_test_set(
    data: Data, split: str, columns: tuple[str, ...], first: int | None, *, offline: bool
) -> tuple[Mapping[str, list[str]], str, int | None]:
    """The columns that are asked for, the revision, and the number of segments; one that is unknown is left to the caller.

    Raises:
        HarnessError: no such test set or pair, or it is not at hand and cannot be fetched.
        KeyError: the split is not ``test``, the only one that there is.
    """
    if split != SPLIT:
        raise KeyError(split, [SPLIT])
    files = files_of(data, is_offline(offline))
    if not set(columns) <= set(files):  # the message lists those that there are
        return {column: [] for column in files}, registered(data), None
    found = lines_of({column: files[column] for column in columns})
    return {column: lines[:first] for column, lines in found.items()}, registered(data), count(found)


def files_of(data: Data, offline: bool) -> dict[str, Path]:
    """The file of each column, fetched where it is not at hand.

    Raises:
        HarnessError: it cannot be fetched, or what came is not what the registry says.
    """
    found = copy.copy(known(data))
    if offline:
        found.maybe_download = partial(only_at_hand, found)
    try:
        with answered_in(SECONDS):
            fields, paths = found.fieldnames(data.name), found.get_files(data.name)
            reference = found.get_reference_files(data.name)[0]
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:  # the library leaves by SystemExit where a checksum is wrong
        raise HarnessError(not_had(found, error)) from None
    return {"ref": Path(reference)} | {
        field.replace(":", "_"): Path(path) for field, path in zip(fields, paths, strict=True)
    }


def only_at_hand(found: Any) -> None:
    """In place of sacreBLEU's download: refuse one.

    Raises:
        HarnessError: an archive is not in its folder.
    """
    for url in found.data:
        if not (Path(found._rawdir) / found._get_tarball_filename(url)).is_file():
            raise HarnessError(
                f"sacreBLEU's test set {found.name} is not in {found._outdir}, and --offline forbids to fetch it; run once without, or "
                "copy that folder from a machine that has it"
            )


def not_had(found: Any, error: BaseException) -> str:
    """The message where a test set did not get here."""
    if isinstance(error, SystemExit):
        return (
            f"sacreBLEU's test set {found.name}: what was fetched has another checksum than its registry says; delete {found._rawdir} "
            "and run again"
        )
    said = str(error) or type(error).__name__
    return (
        f"sacreBLEU's test set {found.name} is not in {found._outdir}, and cannot be fetched from {urlsplit(found.data[0]).netloc}: {said}; run "
        "again later, or copy that folder from a machine that has it ($SACREBLEU names another place)"
    )


@contextmanager
def answered_in(seconds: float) -> Iterator[None]:
    """Within it a connection that sets no limit of its own is given up after so many seconds without an answer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
