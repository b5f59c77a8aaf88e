"""A family folder: checkpoints in the Hub's own format, each with ``harness.json``, and one ``family.yaml``.

``family.yaml`` says how the members were made, from what (name and identity), and what varies; a folder made otherwise is
refused, so that two recipes never mix under one name. A member is complete when its ``harness.json`` stands: it is written last.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from harness.checkpoints.quiet import quiet
from harness.errors import HarnessError
from harness.progress import say
from harness.results.signature import differences, digest
from harness.specs import Maker

if TYPE_CHECKING:
    from harness.checkpoints import Resolved

MEMBER = "harness.json"
STATES = ".training"
"""Where states of runs stand that are under way."""
KEPT = ("from", "text", "members", "equal_loss", "overlap", "pairs", "pushed")
"""Parts of ``family.yaml`` that the recipe does not say."""


class FamilyFolder:
    """Where one maker puts its members."""

    def __init__(self, folder: Path, recipe: Maker, version: int) -> None:
        """Open a folder, or begin one; one in which no member stands is begun anew.

        Args:
            folder: the family's.
            recipe: how its members are made.
            version: of the maker's code; another version makes another family.

        Raises:
            HarnessError: the folder holds a family made by another recipe, or cannot be written.
        """
        self.folder, self.names, self.recipe = folder, recipe.members(), digest(definition(recipe, version))
        members = {name: recipe.settings(name) for name in self.names}
        self.about: dict[str, Any] = {
            "made": definition(recipe, version), "from": {}, "varies": recipe.VARIES or varying(members), "members": members,
        }  # fmt: skip
        found = agreeing(folder, recipe, version)
        if found is None:
            self.write()
        else:
            self.about |= {part: found[part] for part in KEPT if part in found}

    @property
    def maker(self) -> str:
        """The maker of its members."""
        return str(self.about["made"]["maker"])

    def write(self) -> None:
        """Write ``family.yaml``.

        Raises:
            HarnessError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self.folder / "family.yaml", yaml.safe_dump(self.about, sort_keys=False, allow_unicode=True))
        except OSError as error:
            raise HarnessError(f"{self.folder} cannot be written to: {error.strerror}") from None

    def note(self, member: str, **facts: Any) -> None:
        """Add to what ``family.yaml`` says of a member, such as how many parameters it has."""
        told = self.about["members"].setdefault(member, {})
        if {name: told.get(name) for name in facts} != facts:
            self.about["members"][member] = {**told, **facts}
            self.write()

    def describe(self, **facts: Any) -> None:
        """Add to what ``family.yaml`` says of the whole family."""
        if {name: self.about.get(name) for name in facts} != facts:
            self.about |= facts
            self.write()

    def made_from(self, *parents: Resolved) -> None:
        """Note what the members are made from; asked by a maker before it makes the first missing one.

        Raises:
            HarnessError: members stand that were made from another checkpoint under the same name.
        """
        for parent in parents:
            known = self.about["from"].get(parent.name)
            if known not in (None, parent.identity) and any(self.complete(name) for name in self.names):
                raise HarnessError(
                    f"{self.folder / 'family.yaml'}: made from {parent.name} as it was ({known[:20]}), which is now "
                    f"{parent.identity[:20]}; name the revision, remove the folder or choose another"
                )
        named = {parent.name: parent.identity for parent in parents}
        if self.about["from"] != named:
            self.about["from"] = named
            self.write()

    def trained_on(self, text: str) -> None:
        """Note the text that members are trained on, with its revision; asked by a maker before it trains the first missing one.

        Raises:
            HarnessError: members stand that were trained on another text under the same name.
        """
        known = self.about.get("text")
        if known not in (None, text) and any(self.complete(name) for name in self.names):
            raise HarnessError(
                f"{self.folder / 'family.yaml'}: members were trained on {known}, and the recipe now names {text}; pin the "
                "revision or restore the files, remove the folder or choose another"
            )
        self.describe(text=text)

    def parent(self, name: str, *, offline: bool = False) -> Resolved:
        """A checkpoint that the members are made from: a member of a family beside this one, or any other.

        Args:
            name: ``FAMILY/MEMBER`` of a family in the same folder, a Hub name, or a folder.
            offline: take it from the cache alone.

        Raises:
            HarnessError: it cannot be found.
        """
        return parent_of(self.folder, name, offline=offline)

    def missing(self) -> list[str]:
        """Members that do not stand yet, in order."""
        return [name for name in self.names if not self.complete(name)]

    def require_space(self, bytes_each: int, training: int = 0) -> None:
        """Refuse to begin what the disk cannot hold.

        Args:
            bytes_each: of a member.
            training: bytes of the state that a run in progress keeps beside its members.

        Raises:
            HarnessError: less is free.
        """
        needed, free = bytes_each * len(self.missing()) + training, free_bytes(self.folder)
        if needed > free:
            raise HarnessError(
                f"{self.folder}: the members to make need about {needed / 1e9:,.1f} GB and {free / 1e9:,.1f} GB are free; "
                "make room, make fewer members, or choose another disk"
            )

    def complete(self, member: str) -> bool:
        """Whether a member stands."""
        return (self.folder / member / MEMBER).is_file()

    def save(self, member: str, model: Any, tokenizer: Any, about: Mapping[str, Any]) -> None:
        """Write a member in the Hub's format in one step.

        Raises:
            HarnessError: the disk is full or the folder cannot be written.
        """
        target = self.folder / member
        beside = target.with_name(target.name + ".new")
        try:
            shutil.rmtree(beside, ignore_errors=True)
            with quiet():
                model.save_pretrained(beside)
                tokenizer.save_pretrained(beside)
            write_text(beside / MEMBER, json.dumps(about, indent=1))
            shutil.rmtree(target, ignore_errors=True)
            beside.replace(target)
            say(f"made {target}")
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise HarnessError(
                f"{target}: {error.strerror or error}; what was made before stands, run again to go on"
            ) from None


def parent_of(folder: Path, name: str, *, offline: bool = False) -> Resolved:
    """What a family in ``folder`` is made from: a member of a family beside it, or any other checkpoint.

    Raises:
        HarnessError: it cannot be found.
    """
    from harness.checkpoints import resolve

    beside = folder.parent / name
    if not (beside / MEMBER).is_file():
        return resolve(name, offline=offline)
    found = resolve(str(beside), offline=offline)
    return replace(found, name=name, info=replace(found.info, names=(name,)))


def of_its_start(start: Resolved, made: Mapping[str, Any]) -> dict[str, Any]:
    """What a member says of itself that was not trained: it stands where its start does, in the start's run."""
    info = start.info
    return {
        "run": info.run, "step": info.step, "training_seed": info.training_seed, "corpus": info.corpus,
        "objective": start.objective, "parent": start.name, "made": dict(made),
    }  # fmt: skip


def definition(recipe: Maker, version: int) -> dict[str, Any]:
    """What makes a family: its recipe, and the version of the maker's code."""
    return json.loads(json.dumps(recipe.definition() | {"version": version}))


def agreeing(folder: Path, recipe: Maker, version: int) -> dict[str, Any] | None:
    """What ``family.yaml`` of a folder says of this family; None where the folder holds none, or no member yet of another.

    Raises:
        HarnessError: members stand that another recipe, or another version of the maker, made.
    """
    path = folder / "family.yaml"
    if not path.is_file():
        return None
    found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    changed = [name for name, _, _ in differences(found.get("made", {}), definition(recipe, version))]
    if not changed:
        return found
    if any(folder.rglob(MEMBER)):
        raise HarnessError(
            f"{path}: made with other settings ({', '.join(changed[:5])}); remove the folder or choose another"
        )
    return None


def varying(members: Mapping[str, Mapping[str, Any]]) -> str:
    """Settings that are not the same in all members.

    >>> varying({"seed=1/step=2": {"seed": 1, "step": 2}, "seed=1/step=4": {"seed": 1, "step": 4}})
    'step'
    """
    names = dict.fromkeys(name for settings in members.values() for name in settings)
    return ", ".join(name for name in names if len({str(settings.get(name)) for settings in members.values()}) > 1)


def free_bytes(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    place = next(path for path in (folder, *folder.resolve().parents) if path.is_dir())
    return shutil.disk_usage(place).free


def write_text(path: Path, text: str) -> None:
    """Write a file in one step."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
