"""Data sets of the Hub, and files, as columns with a revision; faults in one message."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from harness.cache import Cache
from harness.data.explain import explain, is_damaged, last_line, not_this_revision
from harness.errors import HarnessError
from harness.patience import patiently
from harness.specs import Data

MIRRORED = Cache("mirrored")
COMMIT = re.compile(r"^[0-9a-f]{40}$")
BUILDERS = {".txt": "text", ".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}


def resolve_revision(data: Data, *, offline: bool) -> str | None:
    """The commit of a data set: the pinned one, or what its branch names now; None offline, where loading tells.

    Raises:
        HarnessError: no such data set or revision, no permission, no network.
    """
    if data.revision and COMMIT.match(data.revision):
        return data.revision
    if is_offline(offline):
        return None
    from huggingface_hub import HfApi

    try:
        return patiently(lambda: HfApi().dataset_info(data.path, revision=data.revision).sha, str(data.path))
    except Exception as error:
        raise explain(data, error, offline=False) from None


def is_offline(asked: bool) -> bool:
    """Offline by our flag or by the Hub client's own switch."""
    from huggingface_hub import constants

    return asked or constants.HF_HUB_OFFLINE


def load_split(
    data: Data, split: str, first: int | None, *, offline: bool
) -> tuple[Mapping[str, Any], str, int | None]:
    """Columns of a split, its revision and its number of rows.

    With ``first`` the rows are streamed, so that a large corpus is not fetched whole. A file that was damaged on the
    way, or in the cache, is fetched once more.

    Raises:
        HarnessError: no such data set, configuration or revision, a loading script, no permission, no network.
        KeyError: no such split; the second argument lists those there are.
    """
    offline = is_offline(offline)
    revision = resolve_revision(data, offline=offline)
    for anew in (False, True):
        read = partial(read_split, data, split, first, revision, offline=offline, anew=anew)
        try:
            return patiently(read, str(data.path), offline=offline)
        except (KeyError, HarnessError):
            raise
        except Exception as error:
            if anew or offline or not is_damaged(error):
                raise explain(data, error, offline=offline) from None
    raise AssertionError("the second attempt returns or raises")


def read_split(
    data: Data, split: str, first: int | None, revision: str | None, *, offline: bool, anew: bool
) -> tuple[Mapping[str, Any], str, int | None]:
    """As ``load_split``, once; ``anew`` takes nothing from the cache."""
    import datasets

    with quiet(datasets):
        builder = datasets.load_dataset_builder(data.path, data.name, revision=revision or data.revision)
        found = builder.hash or ""
        # Where it does not get through to the Hub, the library takes whatever revision it has.
        if revision and COMMIT.match(found) and found != revision and not answers_to(data, found, revision, offline):
            raise HarnessError(not_this_revision(data, found, revision, offline=offline))
        splits = list(builder.info.splits or {})
        if splits and split not in splits:
            raise KeyError(split, splits)
        if first is not None and not offline:
            rows = list(builder.as_streaming_dataset(split=split).take(first))
            columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}
            return columns, revision or "", None
        builder.download_and_prepare(download_mode="force_redownload" if anew else None)
        try:
            loaded = builder.as_dataset(split=split)
        except ValueError as error:
            unknown = re.search(r"Unknown split .*?\[(.*?)\]", str(error))
            if unknown is None:
                raise
            raise KeyError(split, re.findall(r"'([^']+)'", unknown[1])) from None
    taken = loaded if first is None else loaded.select(range(min(first, len(loaded))))
    return Columns(taken), revision or found, len(loaded)


def answers_to(data: Data, found: str, revision: str, offline: bool) -> bool:
    """Whether the Hub calls a commit by another one's name, as a mirror with its own commits may; asked once, and kept."""
    from huggingface_hub import HfApi, constants

    place = f"{constants.ENDPOINT}|{data.path}|{revision}"
    if MIRRORED.get(place) == found or offline:
        return MIRRORED.get(place) == found
    try:
        commit = HfApi().dataset_info(data.path, revision=revision).sha
    except Exception:  # what is at hand is then not known to be the pinned one
        return False
    MIRRORED.put(place, commit)
    return bool(commit == found)


class Columns(Mapping[str, Any]):
    """Columns of a data set that are read when asked for."""

    def __init__(self, table: Any) -> None:
        """Wrap a ``datasets.Dataset``."""
        self.table = table

    def __getitem__(self, name: str) -> list[Any]:
        return list(self.table[name])

    def __contains__(self, name: object) -> bool:
        return name in self.table.column_names

    def __iter__(self) -> Any:
        return iter(self.table.column_names)

    def __len__(self) -> int:
        return len(self.table.column_names)


def load_files(paths: list[Path], split: str, first: int | None) -> tuple[Mapping[str, Any], str, int | None]:
    """Columns of text, JSON Lines, CSV or Parquet files; text gives one row a line in the column ``text``.

    Raises:
        HarnessError: a file is missing or of another type, or types are mixed.
        KeyError: the split is not ``train``, the only one that files have.
    """
    if split != "train":
        raise KeyError(split, ["train"])
    for path in paths:
        if not path.is_file():
            raise HarnessError(f"no file {path}")
    endings = {path.suffix.lower() for path in paths}
    if len(endings) != 1 or not endings <= set(BUILDERS):
        raise HarnessError(f"files end in {sorted(endings)}; give files of one type: {', '.join(BUILDERS)}")
    revision = content_hash(paths)
    if endings == {".txt"}:
        lines = [line for path in paths for line in read_text(path).split("\n")]
        return {"text": lines[:first]}, revision, len(lines)
    import datasets

    try:
        names = [str(path) for path in paths]
        with quiet(datasets):
            table = datasets.load_dataset(BUILDERS[endings.pop()], data_files=names, split="train")
    except Exception as error:
        raise HarnessError(f"{', '.join(names)}: cannot be read: {last_line(error)}") from None
    return Columns(table.select(range(min(first or len(table), len(table))))), revision, len(table)


def read_text(path: Path) -> str:
    """A text file as UTF-8.

    Raises:
        HarnessError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: not UTF-8 at byte {error.start}; convert the file first") from None


def content_hash(paths: list[Path]) -> str:
    """SHA-256 of the contents of files: the revision of data that has no other."""
    total = hashlib.sha256()
    for path in paths:
        try:
            total.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise HarnessError(f"{path}: {error.strerror}") from None
    return f"files:{total.hexdigest()}"


@contextmanager
def quiet(datasets: Any) -> Iterator[None]:
    """Within it the library reports errors alone, and leaves progress to us where no one watches."""
    import sys

    verbosity = datasets.logging.get_verbosity()
    datasets.logging.set_verbosity_error()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(verbosity)
