"""Makers by name: the one of a recipe is ``harness/makers/NAME.py``, whose ``make`` returns the names of all members."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

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
        HarnessError: the folder holds another family, or the members cannot be made.
    """
    maker = import_module(f"harness.makers.{recipe.maker}")
    return list(maker.make(recipe, folder, spec_folder=spec_folder, device=device, offline=offline))
