"""Worlds: languages made by a seeded generator, whose entropy and best accuracies are known exactly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Mapping

from harness.data.worlds.hidden_markov_world import HiddenMarkovWorld
from harness.data.worlds.pcfg_world import PcfgWorld
from harness.data.worlds.sampled_lm_world import SampledLmWorld
from harness.data.worlds.synchronous_world import SynchronousWorld
from harness.data.worlds.world import Columns, Language, Levels, World
from harness.errors import HarnessError, nearest

WORLDS: Mapping[str, Callable[[dict[str, object]], World]] = {
    "hmm": HiddenMarkovWorld,
    "pcfg": PcfgWorld,
    "sampled_lm": SampledLmWorld,
    "synchronous": SynchronousWorld,
}
"""A spec's ``data: {world: NAME}`` names one of these."""


def open_world(name: str, options: dict[str, object], *, offline: bool = False) -> World:
    """The world of that name under those options; defaults fill what is not given.

    Args:
        name: a key of `WORLDS`.
        options: what shapes the language, its tasks and their sizes.
        offline: what a world is made from is looked for in the cache alone.

    Raises:
        HarnessError: an unknown world, or options that it refuses.
    """
    if name not in WORLDS:
        raise HarnessError(f"found unknown world {name!r}; {nearest(name, WORLDS)}")
    world = WORLDS[name](options)
    world.offline = offline
    return world


def load_world(
    name: str, options: dict[str, object], config: str | None, split: str, wanted: Collection[str] | None = None,
    first: int | None = None, *, offline: bool = False,
) -> tuple[Columns, str]:  # fmt: skip
    """All rows of a split, by column, and the revision they were made under.

    Args:
        name: a key of `WORLDS`.
        options: what shapes the language, its tasks and their sizes.
        config: a configuration of that world; None is ``text``.
        split: ``train``, ``validation`` or ``test``, each from its own seed.
        wanted: the columns to make; all by default.
        first: how many rows to make; all by default.
        offline: what a world is made from is looked for in the cache alone.

    Raises:
        HarnessError: an unknown world, option, configuration or split, or an option of wrong type or range.
    """
    world = open_world(name, options, offline=offline)
    return world.columns(config or "text", split, wanted, first), _revision(world)


def world_revision(name: str, options: dict[str, object], *, offline: bool = False) -> str:
    """The revision alone, without making a row.

    Raises:
        HarnessError: an unknown world, or options that it refuses.
    """
    return _revision(open_world(name, options, offline=offline))


def _revision(world: World) -> str:
    """The SHA-256 of the generator's version, of every option, given or default, and of what it is made from."""
    parts = {"world": world.name, "generator": world.version, "options": dataclasses.asdict(world.options)}
    parts |= world.identity()
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


__all__ = ["WORLDS", "Columns", "Language", "Levels", "World", "load_world", "open_world", "world_revision"]
