"""Data sets of the Hub, and files, as columns with a revision; faults in one message."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, nearest
from harness.specs import Data

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
        return HfApi().dataset_info(data.path, revision=data.revision).sha
    except Exception as error:
        raise explain(data, error) from None


def is_offline(asked: bool) -> bool:
    """Offline by our flag or by the Hub client's own switch."""
    from huggingface_hub import constants

    return asked or constants.HF_HUB_OFFLINE


def load_split(
    data: Data, split: str, first: int | None, *, offline: bool
) -> tuple[Mapping[str, Any], str, int | None]:
    """Columns of a split, its revision and its number of rows.

    With ``first`` the rows are streamed, so that a large corpus is not fetched whole.

    Raises:
        HarnessError: no such data set, configuration or revision, a loading script, no permission, no network.
        KeyError: no such split; the second argument lists those there are.
    """
    import datasets

    revision = resolve_revision(data, offline=offline)
    stream = first is not None and not is_offline(offline)
    quiet(datasets)
    try:
        builder = datasets.load_dataset_builder(data.path, data.name, revision=revision or data.revision)
        splits = list(builder.info.splits or {})
        if splits and split not in splits:
            raise KeyError(split, splits)
        loaded = datasets.load_dataset(
            data.path, data.name, split=split, revision=revision or data.revision, streaming=stream
        )
    except KeyError:
        raise
    except ValueError as error:
        found = re.search(r"Unknown split .*?\[(.*?)\]", str(error))
        if found:
            raise KeyError(split, re.findall(r"'([^']+)'", found[1])) from None
        raise explain(data, error) from None
    except Exception as error:
        raise explain(data, error) from None
    if stream:
        rows = list(loaded.take(first))
        columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}
        return columns, revision or "", None
    taken = loaded if first is None else loaded.select(range(min(first, len(loaded))))
    return Columns(taken), revision or builder.hash or "", len(loaded)


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

    quiet(datasets)
    try:
        names = [str(path) for path in paths]
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


def quiet(datasets: Any) -> None:
    """Leave progress to us, and to a terminal alone."""
    import sys

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()


def last_line(error: BaseException) -> str:
    """The first line of an error that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def explain(data: Data, error: Exception) -> HarnessError:
    """A fault of the Hub in one message."""
    name, text = data.path or "", str(error)
    kinds = {cause.__name__ for cause in type(error).__mro__}
    if found := re.search(r"BuilderConfig '(.*?)' not found. Available: \[(.*?)\]", text):
        valid = re.findall(r"'([^']+)'", found[2])
        return HarnessError(f"{name} has no configuration {data.name!r}; {nearest(str(data.name), valid)}")
    if "Config name is missing" in text:
        valid = re.findall(r"'([^']+)'", text.split("\n")[1] if "\n" in text else text)
        return HarnessError(f"{name} has several configurations; name one in data.name: {', '.join(valid[:20])}")
    if "Dataset scripts are no longer supported" in text:
        return HarnessError(
            f"{name} is a loading script, which would run code; use a Parquet mirror, or revision: refs/convert/parquet"
        )
    if "GatedRepo" in str(kinds) or "401" in text or "403" in text:
        return HarnessError(f"{name} is gated or private; accept its terms on the Hub and set HF_TOKEN")
    if "RevisionNotFoundError" in kinds or "Invalid rev id" in text or "no revision" in text.lower():
        return HarnessError(f"{name} has no revision {data.revision!r}; look at its branches and commits on the Hub")
    if kinds & {"RepositoryNotFoundError", "DatasetNotFoundError"} and "offline" not in text.lower():
        return HarnessError(f"no data set {name!r} on the Hub, or it is private: check the name, or set HF_TOKEN")
    if kinds & {
        "ConnectionError",
        "OfflineModeIsEnabled",
        "ConnectError",
        "TimeoutException",
        "LocalEntryNotFoundError",
    }:
        return HarnessError(f"{name} cannot be reached and is not in the cache: {last_line(error)}")
    return HarnessError(f"{name} cannot be loaded: {last_line(error)}")
