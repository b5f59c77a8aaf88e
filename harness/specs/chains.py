"""Families made from members of other families of the same suite: ``start: parents/seed=1/step=300``."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import HarnessError, nearest
from harness.specs.makers import Maker
from harness.specs.source import Source


def family_of(name: str, made: Mapping[str, Maker]) -> str | None:
    """The family of a suite whose member a checkpoint is; None where it comes from elsewhere.

    Args:
        name: what a recipe is made from.
        made: family -> recipe, of the families that the suite makes.
    """
    return next((f for f, recipe in made.items() if any(name == f"{f}/{m}" for m in recipe.members())), None)


def making_order(made: Mapping[str, Maker]) -> list[str]:
    """Families in the order of making, each after those that it is made from; else as they stand.

    Raises:
        HarnessError: some are made from one another in a ring.
    """
    order: list[str] = []

    def add(family: str, above: tuple[str, ...]) -> None:
        if family in above:
            ring = (*above[above.index(family) :], family)
            raise HarnessError(
                f"families made from one another in a ring: {' from '.join(ring)}; expected a start that is not made of them"
            )
        if family not in order:
            for name in made[family].parents():
                parent = family_of(name, made)
                if parent is not None:
                    add(parent, (*above, family))
            order.append(family)

    for family in made:
        add(family, ())
    return order


def check_chains(made: Mapping[str, Maker], source: Source) -> None:
    """Refuse a start that names a family of the suite and no member of it, and families made from one another.

    Raises:
        HarnessError: naming file and line.
    """
    for family, recipe in made.items():
        place = source.place(("families", family, "make", "start"))
        for name in recipe.parents():
            named = next((other for other in made if name.startswith(f"{other}/")), None)
            if named is not None and family_of(name, made) is None:
                members = [f"{named}/{member}" for member in made[named].members()]
                raise HarnessError(f"{place}: family {named!r} has no member {name!r}; {nearest(name, members)}")
    try:
        making_order(made)
    except HarnessError as error:
        raise HarnessError(f"{source.place(('families',))}: {error}") from None
