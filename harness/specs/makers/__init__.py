"""Recipes: what stands under ``make:`` in a suite, one class a maker. The maker's code is ``harness/makers/NAME.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from harness.specs.makers.adapt import Adapt
from harness.specs.makers.distill import Distill
from harness.specs.makers.enlarge import Enlarge
from harness.specs.makers.interpolate import Interpolate
from harness.specs.makers.model import Maker, Training
from harness.specs.makers.permute import Permute
from harness.specs.makers.pretrain import LanguageModels, Pretrain, TrainingRun
from harness.specs.makers.prune import Prune
from harness.specs.makers.quantize import Quantize
from harness.specs.makers.reinitialize import Reinitialize
from harness.specs.makers.rescale import Rescale
from harness.specs.makers.scale import Scale

MAKERS: Mapping[str, type[Maker]] = {
    "pretrain": Pretrain,
    "distill": Distill,
    "scale": Scale,
    "prune": Prune,
    "reinitialize": Reinitialize,
    "permute": Permute,
    "enlarge": Enlarge,
    "rescale": Rescale,
    "quantize": Quantize,
    "interpolate": Interpolate,
    "adapt": Adapt,
}
Recipe = Annotated[
    Pretrain | Distill | Adapt | Scale | Prune | Reinitialize | Permute | Enlarge | Rescale | Quantize | Interpolate,
    Field(discriminator="maker"),
]


def recipe_of(value: Mapping[str, Any]) -> Maker:
    """The recipe that a suite holds under ``make:``, once the suite was checked."""
    return TypeAdapter(Recipe).validate_python(value)


__all__ = ["MAKERS", "Adapt", "Distill", "Enlarge", "Interpolate", "LanguageModels", "Maker", "Permute", "Pretrain", "Prune",
           "Quantize", "Recipe", "Reinitialize", "Rescale", "Scale", "Training", "TrainingRun", "recipe_of"]  # fmt: skip
