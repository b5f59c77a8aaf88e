"""Faults of a data set of the Hub, in one message each."""

from __future__ import annotations

import re

from harness.errors import HarnessError, nearest
from harness.faults import causes, file_of, kinds, lasting, passes, passing, server
from harness.specs import Data

UNREACHABLE = {"ConnectionError", "ConnectError", "OfflineModeIsEnabled", "LocalEntryNotFoundError"}
UNREADABLE = {"ArrowInvalid", "JSONDecodeError", "ParserError", "BadGzipFile", "ZstdError"}


def explain(data: Data, error: Exception, *, offline: bool) -> HarnessError:
    """What was found, what was expected, and how to mend it."""
    return HarnessError(
        of_the_spec(data, str(error)) or of_the_repository(data, error) or of_the_way(data, error, offline=offline)
    )


def of_the_spec(data: Data, text: str) -> str | None:
    """The message where a spec names a configuration that is not there, or none of several."""
    if found := re.search(r"BuilderConfig '(.*?)' not found. Available: \[(.*?)\]", text):
        return f"{data.path} has no configuration {data.name!r}; {nearest(str(data.name), quoted(found[2]))}"
    if "Config name is missing" in text:
        valid = quoted(text.split("\n")[1] if "\n" in text else text)
        return f"{data.path} has several configurations; name one in data.name: {', '.join(valid[:20])}"
    return None


def of_the_repository(data: Data, error: Exception) -> str | None:
    """The message where the Hub answered, and the answer will stay the same."""
    name, text, found = data.path or "", str(error), kinds(error)
    if "Dataset scripts are no longer supported" in text:
        return (
            f"{name} is a loading script, which would run code; use a Parquet mirror, or revision: refs/convert/parquet"
        )
    if message := lasting(error, name, f"datasets/{name}"):
        return message
    if "RevisionNotFoundError" in found or "Invalid rev id" in text or "no revision" in text.lower():
        return f"{name} has no revision {data.revision!r}; look at its branches and commits on the Hub"
    if found & {"RepositoryNotFoundError", "DatasetNotFoundError"}:
        return f"no data set {name!r} on the Hub, or it is private: check the name, or set HF_TOKEN"
    return None


def of_the_way(data: Data, error: Exception, *, offline: bool) -> str:
    """The message where the data did not get here."""
    name, config = data.path or "", f" (configuration {data.name!r})" if data.name else ""
    if offline:
        cached = re.search(r"Available configs in the cache: \[(.*?)\]", str(error))
        holds = f", which holds {', '.join(quoted(cached[1]))}" if cached else ""
        return f"{name}{config} is not in the cache{holds}, and --offline forbids to fetch it; run once without"
    if passes(error) or kinds(error) & UNREACHABLE:
        file = file_of(error)
        return passing(error, f"{file} of {name}" if file else name)
    if is_damaged(error):
        last = last_line(causes(error)[-1])
        return (
            f"a file of {name}{config} is damaged, and so it was when it was fetched anew: {last}; pin another revision"
        )
    return f"{name} cannot be loaded: {last_line(error)}"


def not_this_revision(data: Data, found: str, wanted: str, *, offline: bool) -> str:
    """The message where only another revision than the pinned one is at hand."""
    why = (
        "--offline forbids to fetch it; run once without"
        if offline
        else f"{server()} did not serve it; run again later"
    )
    return f"{data.path} is in the cache at revision {found[:12]}, and not at {wanted[:12]}; {why}"


def is_damaged(error: Exception) -> bool:
    """Whether a file of the data could not be read."""
    return bool(kinds(error) & UNREADABLE)


def last_line(error: BaseException) -> str:
    """The first line of an error that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def quoted(text: str) -> list[str]:
    """What stands between quotes."""
    return re.findall(r"'([^']+)'", text)
