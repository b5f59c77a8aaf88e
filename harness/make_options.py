"""``harness make MAKER``: one command a maker, with one option for each field of its recipe, built when it is asked for.

The fields are those of the classes in ``harness/specs/makers``; a maker that is added there needs nothing here.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from harness.specs import Maker

PREFIX = "field_"
"""Before the name of a field, which may be a word of Python such as ``from``, where it is a parameter's."""
Parameter = inspect.Parameter


class Makers(TyperGroup):
    """The commands under ``harness make``; their specs are read when one of them is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all makers."""
        from harness.specs.makers import MAKERS

        return list(MAKERS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a maker, or None.

        Raises:
            HarnessError: no such maker.
        """
        from harness.errors import HarnessError, nearest
        from harness.specs.makers import MAKERS

        if cmd_name not in MAKERS:
            raise HarnessError(f"unknown maker {cmd_name!r}; {nearest(cmd_name, MAKERS)}")
        return command_of(cmd_name, MAKERS[cmd_name])


def command_of(maker: str, recipe: type[Maker]) -> Any:
    """The command of one maker."""
    from harness import make_commands

    def call(**given: Any) -> None:
        fields = {name: text for name, text in given.items() if name.startswith(PREFIX) and text is not None}
        how = {name: value for name, value in given.items() if not name.startswith(PREFIX)}
        make_commands.make(maker, {name.removeprefix(PREFIX): text for name, text in fields.items()}, **how)

    call.__signature__ = inspect.Signature([*shared(recipe), *options(maker, recipe)])  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in call.__signature__.parameters.values()}  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name=maker, help=summary(recipe), context_settings={"token_normalize_func": dashed})(call)
    return typer.main.get_command(app)


def dashed(word: str) -> str:
    """An option as it is called, also where it was written as in a recipe.

    >>> dashed("learning_rate")
    'learning-rate'
    """
    return word.replace("_", "-")


def summary(recipe: type[Maker]) -> str:
    """What a maker does: the text of its recipe."""
    return inspect.cleandoc(recipe.__doc__ or "").replace("``", "")


def shared(recipe: type[Maker]) -> list[Parameter]:
    """What every maker is asked: where it starts, where the family goes, how it is made."""
    start = "start" in recipe.model_fields
    source = typer.Argument(
        metavar="[START | RECIPE.yaml]" if start else "[RECIPE.yaml]", show_default=False,
        help="What stands under make: in a suite, as a YAML file; options win over it."
        + (" Or the checkpoint to start from." if start else ""),
    )  # fmt: skip
    told: list[tuple[str, Any, Any, Any]] = [
        ("source", str | None, None, source),
        ("output", Path | None, None, typer.Option("--output", "-o", help="Family folder to write.", show_default=False)),
        ("plan", bool, False, typer.Option("--plan", help="Print members, tokens, time and disk; make nothing.")),
        ("push_to", str | None, None, typer.Option("--push", metavar="ORG/NAME", show_default=False,
         help="Send it to the Hub afterwards, one revision a member.")),
        ("public", bool, False, typer.Option("--public", help="A repository that --push makes is seen by all.")),
        ("device", str, "cpu", typer.Option("--device", help="cpu, cuda or cuda:N.")),
        ("offline", bool, False, typer.Option("--offline", help="Use what is cached alone.")),
        ("as_json", bool, False, typer.Option("--json", help="Print JSON.")),
    ]  # fmt: skip
    return [keyword(*one) for one in told]


def options(maker: str, recipe: type[Maker]) -> list[Parameter]:
    """One option a field; the protocols that ship for the maker are named."""
    from harness.specs.makers.model import protocols

    found = []
    for name, field in recipe.model_fields.items():
        shown = "|".join(protocols(maker)) if name == "protocol" else ""
        option = typer.Option(
            f"--{dashed(name)}", help=help_of(field), metavar=shown or values_of(field), show_default=False
        )
        found.append(keyword(f"{PREFIX}{name}", str | None, None, option))
    return [parameter for parameter in found if parameter.name != f"{PREFIX}maker"]


def keyword(name: str, kind: Any, default: Any, told: Any) -> Parameter:
    """A parameter of a command."""
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, told])


def help_of(field: FieldInfo) -> str:
    """What a field is, and what it is when it is left out."""
    about = field.description or ""
    if field.is_required():
        return f"{about}{'; ' if about else ''}required"
    default = field.get_default(call_default_factory=True)
    shown = None if default in (None, (), {}) else default if isinstance(default, bool | int | float | str) else None
    if isinstance(default, tuple) and default and all(isinstance(one, int | float | str) for one in default):
        shown = ",".join(map(str, default))
    return about if shown is None else f"{about}{'; ' if about else ''}default: {shown}"


def values_of(field: FieldInfo) -> str:
    """What an option may be given, for people: ``magnitude|random``, ``NUMBER``, ``FIRST:LAST:STEP``."""
    kinds = [kind for kind in alternatives(field.annotation) if kind is not NoneType]
    if kinds and all(get_origin(kind) is Literal for kind in kinds):
        return "|".join(str(word) for kind in kinds for word in get_args(kind))
    if several(field):
        return "LIST|FIRST:LAST:STEP" if set(map(kernel, get_args(kernel(kinds[0])))) & {int, float} else "LIST"
    names = {bool: "true|false", int: "INTEGER", float: "NUMBER", str: "TEXT", dict: "MAPPING"}
    return "|".join(dict.fromkeys(names.get(get_origin(kind) or kind, "YAML") for kind in kinds)) or "YAML"


def alternatives(annotation: Any) -> list[Any]:
    """The types that a value may have, without their annotations."""
    annotation = kernel(annotation)
    if get_origin(annotation) in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in alternatives(part)]
    return [annotation]


def kernel(annotation: Any) -> Any:
    """A type without what ``Annotated`` adds to it."""
    return kernel(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


def several(field: FieldInfo) -> bool:
    """Whether a field holds a list."""
    return any(get_origin(kind) is tuple for kind in alternatives(field.annotation))


def plain_text(field: FieldInfo) -> bool:
    """Whether a field holds words alone, so that what is given is taken as it is written."""
    kinds = [kind for kind in alternatives(field.annotation) if kind is not NoneType]
    return all(
        kind is str or (get_origin(kind) is Literal and all(isinstance(word, str) for word in get_args(kind)))
        for kind in kinds
    )
