"""What a recipe will make: members, tokens of training, and what the disk has to hold; nothing is loaded or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.checkpoints.config import body_parameters, load_config
from harness.makers.family import MEMBER, agreeing, free_bytes, parent_of
from harness.specs import Maker

BYTES_OF_A_PARAMETER = 4
"""Members are kept in float32."""
STATES = 2 * 3
"""Copies of the weights that a run in progress keeps: model and two moments of AdamW, the old state while the new one is written."""


@dataclass(frozen=True, slots=True)
class MakePlan:
    """What is to be made of a family.

    Attributes:
        folder: the family's.
        members: all of them, each with what it differs in.
        missing: those that do not stand yet.
        tokens: of training that is left, a run that was broken off counted whole.
        parameters: of one member; None where nothing tells.
        bytes_each: of a member; None where the number of parameters is not known.
        bytes_of_training: beside the members while one is trained.
        bytes_free: on the disk.
    """

    folder: Path
    members: Mapping[str, Mapping[str, Any]]
    missing: tuple[str, ...]
    tokens: int
    parameters: int | None
    bytes_each: int | None
    bytes_of_training: int
    bytes_free: int

    @property
    def bytes_needed(self) -> int | None:
        """For all that is missing."""
        return None if self.bytes_each is None else self.bytes_each * len(self.missing) + self.bytes_of_training


def plan(recipe: Maker, folder: Path, version: int, parameters: int | None) -> MakePlan:
    """The plan of a family.

    Raises:
        HarnessError: the folder holds another family.
    """
    agreeing(folder, recipe, version)
    names = recipe.members()
    missing = tuple(name for name in names if not (folder / name / MEMBER).is_file())
    tokens = recipe.training_tokens() * len(missing) // len(names)
    each = None if parameters is None else parameters * BYTES_OF_A_PARAMETER
    return MakePlan(
        folder=folder, members={name: recipe.settings(name) for name in names}, missing=missing, tokens=tokens,
        parameters=parameters, bytes_each=each, bytes_of_training=STATES * each if each and tokens else 0,
        bytes_free=free_bytes(folder),
    )  # fmt: skip


def parameters_of(name: str, folder: Path, *, offline: bool = False) -> int:
    """Parameters of what a family in ``folder`` is made from: what its files say, or its configuration where they do not tell.

    Raises:
        HarnessError: it cannot be found.
    """
    found = parent_of(folder, name, offline=offline).whole
    if found.info.parameters:
        return found.info.parameters
    return body_parameters(load_config(Path(found.folder), found.name, remote_code=found.remote_code))
