"""Files of a Hub repository, by its commit, with one clear message for each way that can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.checkpoints.damage import damage, remove
from harness.checkpoints.files import ADAPTER_CONFIG
from harness.checkpoints.names import Name
from harness.checkpoints.quiet import quiet
from harness.errors import HarnessError, nearest
from harness.faults import lasting, passing, server
from harness.patience import Patience, patiently

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A repository at one commit: its files by name, and the cache folder where those fetched so far lie."""

    commit: str
    folder: Path
    files: tuple[str, ...]
    parameters: int | None


def is_offline(offline: bool) -> bool:
    """Whether only the cache may be read, by the caller's word or by ``HF_HUB_OFFLINE``."""
    from huggingface_hub import constants

    return offline or constants.HF_HUB_OFFLINE


def find(name: Name, *, offline: bool) -> Snapshot:
    """Resolve a name to its commit and list its files; fetches ``config.json`` alone, or an adapter's.

    Offline, the commit is the one the revision had when it was last fetched, and the files are those in the cache.

    Raises:
        HarnessError: no such repository or revision, no permission, no network, or not in the cache.
    """
    from huggingface_hub import HfApi

    config = Path(fetch_config(name, offline=offline))
    commit, folder = config.parent.name, config.parent
    if offline:
        files = tuple(sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()))
        return Snapshot(commit, folder, files, None)
    info = attempt(lambda: HfApi().model_info(name.path, revision=commit), name, offline=False)
    files = tuple(sorted(sibling.rfilename for sibling in info.siblings or ()))
    return Snapshot(commit, folder, files, getattr(info.safetensors, "total", None))


def fetch_config(name: Name, *, offline: bool) -> str:
    """``config.json``, or where there is none ``adapter_config.json``: its path in the cache.

    Raises:
        HarnessError: there is neither, or it cannot be fetched.
    """
    try:
        return fetch_file(name, "config.json", offline=offline)
    except HarnessError as error:
        if not offline and not is_absent(error.__cause__):
            raise
        try:
            return fetch_file(name, ADAPTER_CONFIG, offline=offline)
        except HarnessError as other:
            raise (error if offline or is_absent(other.__cause__) else other) from None


def is_absent(error: BaseException | None) -> bool:
    """Whether the repository was reached and has no such file."""
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    return isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)


def fetch(name: Name, commit: str, files: Iterable[str], *, offline: bool) -> None:
    """Bring files of a commit into the cache."""
    for file in files:
        fetch_file(Name(name.path, commit, local=False), file, offline=offline)


def fetch_file(name: Name, file: str, *, offline: bool) -> str:
    """One file of a repository: its path in the cache, where it is whole.

    Raises:
        HarnessError: it cannot be had, or is damaged; a damaged one does not stay in the cache.
    """
    path = download(name, file, offline=offline)
    found = damage(Path(path))
    if found and offline:
        raise HarnessError(f"{file} of {shown(name)} {found}; remove {path} and run once without --offline")
    if found:
        remove(Path(path))
        path = download(name, file, offline=offline)
        found = damage(Path(path))
    if found:
        remove(Path(path))
        raise HarnessError(
            f"{file} of {shown(name)} {found}, and so it was when it was fetched anew; it is not kept in the cache; "
            "name another revision, or run again when it is mended on the Hub"
        )
    return path


def download(name: Name, file: str, *, offline: bool) -> str:
    """One file of a repository: its path in the cache, which is asked first."""
    from huggingface_hub import hf_hub_download

    with quiet():
        return attempt(
            lambda: hf_hub_download(name.path, file, revision=name.revision, local_files_only=offline),
            name,
            offline=offline,
            file=file,
        )


def attempt(call: Callable[[], T], name: Name, *, offline: bool, file: str = "") -> T:
    """Call with patience, and explain what cannot be mended by it.

    Raises:
        HarnessError: the call failed.
    """
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

    # The bases hold the HTTP client's own error, which differs between versions of huggingface_hub.
    expected = (OSError, EntryNotFoundError, HFValidationError, *HfHubHTTPError.__bases__)
    try:
        return patiently(call, f"{file} of {shown(name)}" if file else shown(name), offline=offline)
    except expected as error:
        raise HarnessError(explain(error, name, offline=offline, file=file)) from error


def explain(error: Exception, name: Name, *, offline: bool, file: str) -> str:
    """One message for a failed call: what was found, what was expected, how to mend it."""
    from huggingface_hub import errors

    found = lasting(error, name.path, name.path, file)
    if found:
        return found
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{name.path} on the Hub has no revision {name.revision!r}; {nearest_revision(name)}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"no repository {name.path} on {server()}; check the spelling, or set HF_TOKEN if it is private"
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError):
        return f"{shown(name)} on the Hub has no {file}; expected a model that save_pretrained or push_to_hub wrote"
    if offline:
        return (
            f"{shown(name)} is not in the cache ({file} is missing) and --offline forbids to fetch it; run once without"
        )
    return passing(error, f"{file} of {shown(name)}" if file else shown(name))


def shown(name: Name) -> str:
    """A repository with its revision, as the user writes it."""
    return name.path + (f"@{name.revision}" if name.revision else "")


def nearest_revision(name: Name) -> str:
    """A hint that names the nearest branch or tag, where they can be listed."""
    from huggingface_hub import HfApi

    try:
        with Patience(name.path).watching():
            refs = HfApi().list_repo_refs(name.path)
    except Exception:  # the hint is an extra: the error it belongs to is being raised
        return "expected a branch, a tag or a full commit"
    return nearest(name.revision or "", [ref.name for ref in (*refs.branches, *refs.tags)])
