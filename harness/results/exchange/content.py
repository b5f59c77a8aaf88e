"""What an exchange file holds of a leaderboard folder: the same value is written to a format and read from one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import ROLES, Roles


@dataclass(frozen=True, slots=True)
class Content:
    """Records and what they refer to.

    ``suite`` is the text of suite.yaml, empty where a format cannot hold it: ``roles`` then say what is known of it.
    ``notes`` are sentences on what was left out in reading, one each.
    """

    title: str
    records: tuple[Record, ...]
    checkpoints: Mapping[str, CheckpointInfo]
    contexts: Mapping[str, Mapping[str, Any]]
    roles: Roles
    suite: str = ""
    notes: tuple[str, ...] = ()

    def families_of(self, identity: str) -> list[str]:
        """The families that a checkpoint is in, by any of its names."""
        names = set(self.checkpoints[identity].names)
        return [family for family, members in self.roles.families.items() if names & set(members)]

    def roles_of(self, task: str) -> list[str]:
        """What a task is for; one may be for two things."""
        return [role for role in ROLES if task in getattr(self.roles, role)]


@dataclass(frozen=True, slots=True)
class Written:
    """What an export wrote; ``lost`` is the part of a sentence that says what the format does not hold."""

    paths: tuple[Path, ...]
    records: int
    lost: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a format asks of whoever exports and no record says: who measured, and what they are to the model's makers."""

    organization: str = ""
    relationship: str = "other"


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a foreign format.

    ``identities`` maps a model's name, as the format has it, to the identity that it has here; ``family`` puts all
    checkpoints into one family; ``partial`` takes results on a part of the data too.
    """

    source: str = ""
    family: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)
    higher_is_better: Collection[str] = ()
    lower_is_better: Collection[str] = ()
    partial: bool = False


def roles_in_order(
    families: Mapping[str, Collection[str]], tasks: Mapping[str, Collection[str]], title: str, source: str
) -> Roles:
    """The roles of a leaderboard of which no more than families and the roles of tasks is known."""
    named = {role: tuple(task for task, its in tasks.items() if role in its) for role in ROLES}
    return Roles(
        upstream=named["upstream"], flatness=named["flatness"], downstream=named["downstream"], affinity=named["affinity"],
        families={name: tuple(its) for name, its in families.items()}, title=title, description=source,
    )  # fmt: skip
