"""A family goes to the Hub: one revision a member, and ``main`` with a card, ``family.yaml`` and no weights.

It may be broken off at any point: what stands on the Hub as it does here is not sent again.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from harness.checkpoints.names import HUB_NAME
from harness.checkpoints.quiet import quiet
from harness.errors import HarnessError
from harness.faults import causes, fault_of, server, status_of
from harness.makers.card import card
from harness.makers.family import MEMBER, write_text
from harness.patience import patiently
from harness.progress import say

T = TypeVar("T")
FAMILY = "family.yaml"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did: revision of each member, and those that were sent now."""

    revisions: Mapping[str, str]
    sent: tuple[str, ...]


def push(folder: Path, repository: str, *, public: bool = False, offline: bool = False) -> Pushed:
    """Send the members of a family folder that stand here and not on the Hub.

    Args:
        folder: the family's.
        repository: ``org/name``; made where it does not exist.
        public: a repository that is made now is seen by all; it is private else.
        offline: refuse, since nothing may be sent.

    Raises:
        HarnessError: no family or no member stands, no token, no permission, or the Hub cannot be reached.
    """
    about, members = read_family(folder)
    revisions = revisions_of(members)
    check_permitted(repository, offline)
    hub = Target(repository)
    hub.ask("repository", lambda api: api.create_repo(repository, private=not public, exist_ok=True))
    sent = []
    for member, revision in revisions.items():
        commit = hub.standing(folder / member, revision)
        if commit is None:
            commit = hub.send(folder / member, revision, f"{member} of a family made by {about['made'].get('maker')}")
            sent.append(member)
            say(f"pushed {member} as {repository}@{revision}")
        note(folder, about, repository, member, {"revision": revision, "commit": commit})
    hub.send_card(about, card(about, repository, revisions))
    return Pushed(revisions, tuple(sent))


def read_family(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """What ``family.yaml`` says, and the members that stand.

    Raises:
        HarnessError: no family, none of its members stands, or one is named outside the folder.
    """
    path = folder / FAMILY
    if not path.is_file():
        raise HarnessError(f"no family at {folder}: it holds no {FAMILY}; 'harness make ... -o {folder}' writes one")
    about = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    for name in about.get("members", {}):
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise HarnessError(f"{path}: member {name!r} lies outside the folder; it is not sent. Was the file edited?")
    members = [name for name in about.get("members", {}) if (folder / name / MEMBER).is_file()]
    if not members:
        raise HarnessError(f"{path}: none of its {len(about.get('members', {}))} members stands; make them first")
    missing = len(about["members"]) - len(members)
    if missing:
        say(f"{folder}: {missing} of {len(about['members'])} members do not stand yet and are not pushed")
    return about, members


def revision_of(member: str) -> str:
    """The branch of a member: letters, digits, ``.``, ``_`` and ``-``.

    >>> revision_of("seed=1/step=20"), revision_of("sparsity=0.5")
    ('seed-1-step-20', 'sparsity-0.5')
    """
    return re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]", "-", member)).strip("-.")


def revisions_of(members: list[str]) -> dict[str, str]:
    """The branch of every member.

    Raises:
        HarnessError: two members would have one.
    """
    found: dict[str, str] = {}
    for member in members:
        revision = revision_of(member)
        same = [other for other, its in found.items() if its == revision]
        if same or revision in ("", "main"):
            raise HarnessError(
                f"member {member!r} cannot be a revision {revision!r}: {same[0] if same else 'it'} is that"
            )
        found[member] = revision
    return found


def check_permitted(repository: str, offline: bool) -> None:
    """Refuse before anything is asked what cannot succeed.

    Raises:
        HarnessError: a bad name, offline, or no token.
    """
    from huggingface_hub import constants, get_token

    if not HUB_NAME.fullmatch(repository):
        raise HarnessError(f"{repository!r} is no name on the Hub; expected org/name")
    if offline or constants.HF_HUB_OFFLINE:
        raise HarnessError(f"{repository} cannot be pushed to offline; leave --offline and HF_HUB_OFFLINE out")
    if not get_token():
        raise HarnessError(
            f"no token to push to {repository} with; make one that may write at {constants.ENDPOINT}/settings/tokens "
            "and set HF_TOKEN"
        )


def note(folder: Path, about: dict[str, Any], repository: str, member: str, where: Mapping[str, str]) -> None:
    """Write into ``family.yaml`` where a member went."""
    pushed = about.setdefault("pushed", {}).setdefault(repository, {})
    if pushed.get(member) != where:
        pushed[member] = dict(where)
        write_text(folder / FAMILY, yaml.safe_dump(about, sort_keys=False, allow_unicode=True))


class Target:
    """A repository that is pushed to."""

    def __init__(self, repository: str) -> None:
        """Ask with the token of the environment."""
        from huggingface_hub import HfApi

        self.api, self.repository = HfApi(), repository

    def ask(self, what: str, call: Callable[[Any], T], *, once: bool = False) -> T:
        """A call to the Hub, again where a later one may succeed.

        Args:
            what: it is about, for messages.
            call: takes the client.
            once: leave it to the client to ask again: an upload may take longer than patience lasts.

        Raises:
            HarnessError: it failed.
        """
        try:
            with quiet():
                return call(self.api) if once else patiently(lambda: call(self.api), f"{what} of {self.repository}")
        except (OSError, ValueError, RuntimeError) as error:
            raise HarnessError(explain(error, self.repository, what)) from error

    def standing(self, member: Path, revision: str) -> str | None:
        """The commit of a revision that holds a member as it is here: names, sizes, and the same ``harness.json``."""
        from huggingface_hub.errors import RevisionNotFoundError

        def files(api: Any) -> Any:
            try:
                return api.model_info(self.repository, revision=revision, files_metadata=True)
            except RevisionNotFoundError:
                return None

        info = self.ask(revision, files)
        there = {} if info is None else {file.rfilename: file.size for file in info.siblings or ()}
        here = {
            path.relative_to(member).as_posix(): path.stat().st_size for path in member.rglob("*") if path.is_file()
        }
        if any(there.get(name) != size for name, size in here.items()):
            return None
        with tempfile.TemporaryDirectory() as cache:
            path = self.ask(revision, lambda api: api.hf_hub_download(
                self.repository, MEMBER, revision=revision, cache_dir=cache))  # fmt: skip
            same = json.loads(Path(path).read_bytes()) == json.loads((member / MEMBER).read_bytes())
        return info.sha if same else None

    def send(self, member: Path, revision: str, message: str) -> str:
        """Make the branch of a member, with its files and no others; returns the commit."""
        self.ask(revision, lambda api: api.create_branch(self.repository, branch=revision, exist_ok=True))
        self.ask(revision, lambda api: api.upload_folder(
            repo_id=self.repository, folder_path=str(member), revision=revision, commit_message=message,
            delete_patterns=["*"]), once=True)  # fmt: skip
        return self.ask(revision, lambda api: api.model_info(self.repository, revision=revision)).sha

    def send_card(self, about: Mapping[str, Any], text: str) -> None:
        """Put the card and ``family.yaml`` on ``main``; the same ones make no commit."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "README.md").write_text(text, encoding="utf-8")
            Path(folder, FAMILY).write_text(
                yaml.safe_dump(dict(about), sort_keys=False, allow_unicode=True), encoding="utf-8"
            )
            self.ask("card", lambda api: api.upload_folder(
                repo_id=self.repository, folder_path=folder, commit_message="Card and family.yaml"), once=True)  # fmt: skip


def explain(error: Exception, repository: str, what: str) -> str:
    """One message for a failed call; it holds no token."""
    from huggingface_hub import constants

    status, settings = status_of(error), f"{constants.ENDPOINT}/settings/tokens"
    if status == 401 or any("Invalid credentials" in str(cause) for cause in causes(error)):
        return (
            f"the token in HF_TOKEN is not valid (status 401 for {repository}); make one that may write at {settings}"
        )
    if status in (402, 403, 404):
        return (
            f"the token in HF_TOKEN may not write to {repository} (status {status}); give it that right at {settings}, or push "
            "to a name of your own"
        )
    if status is not None or isinstance(error, OSError):
        return f"{fault_of(error)} for {what} of {repository}; push again: what was sent is kept"
    return f"{server()} refused {what} of {repository}: {str(error).strip().splitlines()[0]}"
