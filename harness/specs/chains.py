"""Families made from members of other families of the same suite: ``start: parents/seed=1/step=300``."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import HarnessError, nearest
from harness.specs.load import check_files
from harness.specs.makers import Maker
from harness.specs.source import Source
from harness.specs.task import Corpus


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
            for name in made[family].needs():
                parent = family_of(name, made)
                if parent is not None:
                    add(parent, (*above, family))
            order.append(family)

    for family in made:
        add(family, ())
    return order


def check_made(made: Mapping[str, Maker], source: Source) -> None:
    """Refuse what would read or write beside the suite: names of families that are no folders, files of texts elsewhere.

    Raises:
        HarnessError: naming file and line.
    """
    for family, recipe in made.items():
        place = ("families", family)
        if family.startswith(".") or any(mark in family for mark in "/\\:"):
            raise HarnessError(
                f"{source.place(place)}: {family!r} is no name of a folder, in which a family is made; leave / \\ : and a "
                "first dot out"
            )
        for number, corpus in enumerate(getattr(recipe, "corpus", ())):
            check_files(corpus.data, source, *place, "make", "corpus", number)
        evaluate, towards = getattr(recipe, "evaluate", None), getattr(getattr(recipe, "select", None), "towards", None)
        if evaluate is not None:
            check_files(evaluate.data, source, *place, "make", "evaluate")
        if isinstance(towards, Corpus):
            check_files(towards.data, source, *place, "make", "select", "towards")


def check_chains(made: Mapping[str, Maker], source: Source) -> None:
    """Refuse a start that names a family of the suite and no member of it, and families made from one another.

    Raises:
        HarnessError: naming file and line.
    """
    for family, recipe in made.items():
        place = source.place(("families", family, "make", "start"))
        for name in recipe.needs():
            named = next((other for other in made if name.startswith(f"{other}/")), None)
            if named is not None and family_of(name, made) is None:
                members = [f"{named}/{member}" for member in made[named].members()]
                raise HarnessError(f"{place}: family {named!r} has no member {name!r}; {nearest(name, members)}")
    try:
        making_order(made)
    except HarnessError as error:
        raise HarnessError(f"{source.place(('families',))}: {error}") from None
