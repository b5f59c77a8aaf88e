"""Makers by name: the one of a recipe is ``harness/makers/NAME.py``, whose ``make`` returns the names of all members.

A maker whose members are not of the size of what they are made from tells it: ``parameters(recipe, folder, *, offline)``, those of the largest.
"""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.makers import planning
from harness.makers.family import STATES, FamilyFolder
from harness.makers.planning import MakePlan, parameters_of
from harness.specs import Maker


def make(
    recipe: Maker, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Args:
        recipe: what stands under ``make:``, one of ``harness.specs.makers.MAKERS``.
        folder: the family's folder.
        spec_folder: files that the recipe names are relative to it.
        device: such as ``cpu`` or ``cuda``.
        offline: take checkpoints and data from the cache alone.

    Raises:
        HarnessError: the folder holds another family, the disk has too little room, or the members cannot be made.
    """
    maker, expected = code_of(recipe), plan(recipe, folder, offline=offline)
    if expected.bytes_each is not None:
        family = FamilyFolder(folder, recipe, maker.VERSION)
        family.require_space(expected.bytes_each, expected.bytes_of_training)
    names = list(maker.make(recipe, folder, spec_folder=spec_folder, device=device, offline=offline))
    shutil.rmtree(folder / STATES, ignore_errors=True)  # of a run killed after its last member
    return names


def plan(recipe: Maker, folder: Path, *, offline: bool = False) -> MakePlan:
    """What ``make`` would do; sizes are looked up only where members are missing.

    Raises:
        HarnessError: the folder holds another family, or what the members are made from cannot be found.
    """
    version = code_of(recipe).VERSION
    found = planning.plan(recipe, folder, version, None)
    return (
        planning.plan(recipe, folder, version, parameters(recipe, folder, offline=offline)) if found.missing else found
    )


def parameters(recipe: Maker, folder: Path = Path("family"), *, offline: bool = False) -> int | None:
    """Parameters of a member; None where nothing tells before it is made.

    Raises:
        HarnessError: what it is made from cannot be found.
    """
    told = getattr(code_of(recipe), "parameters", None)
    known = told(recipe, folder, offline=offline) if told is not None else None
    if known is not None:
        return int(known)
    parents = recipe.parents()
    return parameters_of(parents[0], folder, offline=offline) if parents else None


def code_of(recipe: Maker) -> Any:
    """The module of a maker."""
    return import_module(f"harness.makers.{recipe.maker}")
