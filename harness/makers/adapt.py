"""Maker ``adapt``: a checkpoint trained on in each of several domains, on pairs or on text, alone or mixed with general data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import Resolved, load_language_model, resolve
from harness.errors import HarnessError
from harness.makers.family import MEMBER, FamilyFolder
from harness.makers.pair_batches import PairTokens, mixed
from harness.makers.pretrain import Material, train_run
from harness.makers.training_text import Mixture, Part
from harness.specs import Adapt

VERSION = 1


def make(
    recipe: Adapt, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, the start cannot be trained so, or training diverged.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    missing = set(family.missing())
    if missing:
        start = family.parent(recipe.start, offline=offline)
        require_objective(start, recipe.objective)
        family.made_from(start)
        materials = materials_of(recipe, family, start, spec_folder, device, offline)
        family.trained_on(" | ".join(material.corpus[1] for material in materials.values()))
        for domain, material in materials.items():
            for run in material.recipe.training_runs():
                name = f"domain={domain}/{run.name}"
                steps, averages = {step: f"{name}/step={step}" for step in recipe.steps}, recipe.averages(name)
                if missing & set(steps.values()):
                    train_run(material, replace(run, name=name, members=steps))
                for member, averaged in averages.items():
                    save_average(family, member, averaged)
    return list(recipe.members())


def require_objective(start: Resolved, objective: str) -> None:
    """Refuse a checkpoint that cannot be trained so.

    Raises:
        HarnessError: its head is of another objective.
    """
    needed = objective if objective in ("causal", "masked") else "seq2seq"
    if start.objective != needed:
        raise HarnessError(
            f"{start.name} is {start.objective}, and objective: {objective} trains a {needed} model; name another checkpoint, or "
            "the objective that it was trained with"
        )


def materials_of(
    recipe: Adapt, family: FamilyFolder, start: Resolved, spec_folder: Path, device: str, offline: bool
) -> dict[str, Mixed]:
    """What the runs of each domain are trained on; general data is read once for all."""
    places = (family, start, spec_folder, device, offline)
    general = None if recipe.general is None else Mixed(recipe.trained_as(recipe.general), *places, domain="general")
    return {
        name: Mixed(recipe.trained_as(domain), *places, domain=name, general=general, share=recipe.general_share)
        for name, domain in recipe.domains.items()
    }


@dataclass
class Mixed(Material):
    """The data of one domain, and general data of which a share is mixed in."""

    domain: str = ""
    general: Mixed | None = None
    share: float = 0.0

    def read_corpus(self) -> tuple[list[Part], str]:
        """All text of the domain and of the general data, and what it is called."""
        own, name = super().read_corpus()
        if self.general is None:
            return own, name
        general, called = self.general.corpus
        return [*own, *general], f"{name}, {self.share:g} of it {called}"

    def read_pairs(self) -> PairTokens:
        """The pairs trained on."""
        own = super().read_pairs()
        return own if self.general is None else mixed(own, self.general.pairs, self.share)

    def read_blocks(self) -> torch.Tensor | Mixture:
        """The text trained on in sequences of one length."""
        own = super().read_blocks()
        return own if self.general is None else mixed_blocks(own, self.general.blocks, self.share)

    def note_pairs(self, found: PairTokens) -> None:
        """Keep beside the family how many pairs of each domain are trained on."""
        told = self.family.about.get("pairs", {})
        self.family.describe(pairs={**told, self.domain: found.told})


def mixed_blocks(own: torch.Tensor | Mixture, general: torch.Tensor | Mixture, share: float) -> Mixture:
    """Sequences of which a share is general."""
    first, second = (one if isinstance(one, Mixture) else Mixture((one,), (1.0,)) for one in (own, general))
    return Mixture(
        (*first.tables, *second.tables),
        (*((1 - share) * weight / sum(first.weights) for weight in first.weights),
         *(share * weight / sum(second.weights) for weight in second.weights)),
    )  # fmt: skip


def save_average(family: FamilyFolder, member: str, averaged: Sequence[str]) -> None:
    """A member whose weights are the mean of those of others; it is told as the last of them is."""
    if family.complete(member):
        return
    found = [resolve(str(family.folder / name), offline=True) for name in averaged]
    model, tokenizer = load_language_model(found[-1], "cpu", "float32")
    states = (load_language_model(one, "cpu", "float32")[0].state_dict() for one in found)
    model.load_state_dict(mean_of(states, len(found)))
    about = json.loads((family.folder / averaged[-1] / MEMBER).read_text(encoding="utf-8"))
    made = {name: value for name, value in about["made"].items() if name != "train_loss"}
    family.save(member, model, tokenizer, about | {"made": made | {"mean_of": list(averaged)}})


def mean_of(states: Any, count: int) -> dict[str, torch.Tensor]:
    """The mean of weights, summed in float64; whatever is no real number is that of the last."""
    sums: dict[str, torch.Tensor] = {}
    last: dict[str, torch.Tensor] = {}
    for last in states:
        for name, values in last.items():
            if values.is_floating_point():
                sums[name] = sums[name] + values.double() if name in sums else values.double()
    return {name: (sums[name] / count).to(values.dtype) if name in sums else values for name, values in last.items()}
