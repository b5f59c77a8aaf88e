"""What ``harness make`` does: a recipe from a file and options, its plan, and the making."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from harness.errors import HarnessError
from harness.progress import say
from harness.specs import Maker, Source, check, read_yaml
from harness.specs.makers import MAKERS
from harness.specs.makers.corpus import FILES
from harness.specs.makers.model import RANGE
from harness.specs.source import Location, parse_yaml

if TYPE_CHECKING:
    from harness.makers.planning import MakePlan

RECIPES = (".yaml", ".yml")


@dataclass(frozen=True)
class Arguments(Source):
    """A recipe file with options above it, or options alone; a fault names the option, or the file and line."""

    options: frozenset[str] = field(default_factory=frozenset)
    file: bool = False

    def place(self, location: Location) -> str:
        """Where a value was given; where one is missing, the option that gives it."""
        if location and (location[0] in self.options or not self.file):
            return f"--{str(location[0]).replace('_', '-')}"
        return super().place(location) if self.file else str(self.path)


def make(
    maker: str, given: Mapping[str, str], *, source: str | None, output: Path | None, plan: bool, push_to: str | None,
    public: bool, device: str, offline: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make a family, or print what would be made.

    Args:
        maker: its name.
        given: text of each option that stands for a field.
        source: a recipe file, or the checkpoint to start from.
        output: the family's folder.
        plan: make nothing.
        push_to: repository of the Hub to send the family to.
        public: whether it is seen by all, where it is made now.
        device: such as ``cpu``.
        offline: use the cache alone.
        as_json: print JSON.

    Raises:
        HarnessError: the recipe has a fault, or the family cannot be made.
        typer.BadParameter: no folder was named.
    """
    from harness.machine import check_device, keep_freed_memory, set_threads
    from harness.makers import registry
    from harness.makers.push import check_permitted

    if output is None and not plan:
        raise typer.BadParameter("give the family's folder with --output (-o)")
    if push_to is not None:
        check_permitted(push_to, offline)
    check_device(device, "float32")
    keep_freed_memory()
    set_threads()
    recipe, spec_folder = recipe_from(maker, given, source)
    expected = registry.plan(recipe, output or Path("families"), offline=offline)
    about = described(expected, device)
    if plan:
        print(json.dumps(about | {"maker": maker}) if as_json else table(expected, about))
        return
    say(line(expected, about))
    names = registry.make(recipe, expected.folder, spec_folder=spec_folder, device=device, offline=offline)
    folders = [str(expected.folder / name) for name in names]
    if push_to is not None:
        about |= {"pushed": sent(expected.folder, push_to, public=public, offline=offline)}
    print(json.dumps(about | {"maker": maker, "made": len(expected.missing), "folders": folders}) if as_json else
          "\n".join(folders))  # fmt: skip


def push(folder: Path, repository: str, *, public: bool, offline: bool, as_json: bool) -> None:
    """Send a family to the Hub and print where each member is.

    Raises:
        HarnessError: there is no family, no token or no permission, or the Hub cannot be reached.
    """
    revisions = sent(folder, repository, public=public, offline=offline)
    print(json.dumps({"folder": str(folder), "pushed": revisions}) if as_json else "\n".join(revisions.values()))


def sent(folder: Path, repository: str, *, public: bool, offline: bool) -> dict[str, str]:
    """Send a family; returns the name that each member has on the Hub."""
    from harness.makers import push as pushing

    done = pushing.push(folder, repository, public=public, offline=offline)
    say(f"{folder}: {len(done.sent)} of {len(done.revisions)} members sent to {repository}, the others stood there")
    return {member: f"{repository}@{revision}" for member, revision in done.revisions.items()}


def recipe_from(maker: str, given: Mapping[str, str], source: str | None) -> tuple[Maker, Path]:
    """The recipe of a command line, and the folder that its files are relative to.

    Raises:
        HarnessError: a fault, named by option or by file and line.
    """
    kind, values = MAKERS[maker], dict(given)
    path = Path(source) if source is not None and source.endswith(RECIPES) else None
    if source is not None and path is None:
        if "start" not in kind.model_fields:
            raise HarnessError(
                f"{source!r} is no recipe; {maker} starts from no checkpoint, give a YAML file or options"
            )
        if "start" in values:
            raise HarnessError(f"--start: {values['start']!r} is given beside {source!r}; give one of them")
        values["start"] = source
    fields = {name: value_of(kind, name, text, path) for name, text in values.items()}
    below = read_yaml(path) if path else Source(Path(f"harness make {maker}"), {})
    if not isinstance(below.value, dict):
        raise HarnessError(f"{below.place(())}: found {below.value!r}; a recipe is a mapping of fields to values")
    arguments = Arguments(
        below.path,
        {"maker": maker, **below.value, **fields},
        below.places,
        options=frozenset(fields),
        file=path is not None,
    )
    if arguments.value["maker"] != maker:
        raise HarnessError(f"{below.place(('maker',))}: a recipe of {arguments.value['maker']}; expected {maker}")
    return check(kind, arguments), path.parent if path else Path()


def value_of(kind: type[Maker], name: str, text: str, recipe: Path | None) -> Any:
    """The value of an option: YAML, but words where a field holds words, and ``1,2,3`` where it holds a list.

    Raises:
        HarnessError: the text is no YAML.
    """
    from harness.make_options import plain_text, several

    about = kind.model_fields[name]
    if plain_text(about):
        return text
    option = f"--{name.replace('_', '-')}"
    listed = several(about) and not text.lstrip().startswith(("[", "{"))
    try:
        value = parse_yaml(f"[{text}]" if listed else text, Path(option)).value
    except HarnessError as error:
        raise HarnessError(str(error).replace(f"{option}:1:", f"{option}:", 1)) from None
    if listed and isinstance(value, list) and len(value) == 1 and (name == "corpus" or is_range(value[0])):
        value = value[0]
    return beside(value, recipe) if name == "corpus" else value


def is_range(value: Any) -> bool:
    """Whether a value is ``first:last:step``."""
    return isinstance(value, str) and RANGE.fullmatch(value) is not None


def beside(corpus: Any, recipe: Path | None) -> Any:
    """A corpus whose files, given relative to here, are named relative to the recipe's folder, where they are looked for."""
    if isinstance(corpus, list):
        return [beside(part, recipe) for part in corpus]
    if recipe is None or not isinstance(corpus, str) or Path(corpus).suffix.lower() not in FILES:
        return corpus
    return os.path.relpath(corpus, recipe.parent)


def described(expected: MakePlan, device: str) -> dict[str, Any]:
    """A plan in numbers: what ``--json`` prints."""
    from harness.estimate import training_seconds

    told = asdict(expected) | {"folder": str(expected.folder), "bytes_needed": expected.bytes_needed}
    return told | {"seconds": training_seconds(expected.tokens, expected.parameters, device)}


def line(expected: MakePlan, about: Mapping[str, Any]) -> str:
    """A plan in one line."""
    from harness.render import duration

    if not expected.missing:
        return f"{expected.folder}: all {len(expected.members)} members stand"
    training = (
        f"{expected.tokens:,} tokens of training, about {duration(about['seconds'])}"
        if expected.tokens
        else "no training"
    )
    needed = "" if expected.bytes_needed is None else f"about {expected.bytes_needed / 1e9:,.2f} GB of disk, "
    return (
        f"{expected.folder}: {len(expected.missing)} of {len(expected.members)} members to make; {training}; "
        f"{needed}{expected.bytes_free / 1e9:,.1f} GB free"
    )


def table(expected: MakePlan, about: Mapping[str, Any]) -> str:
    """A plan for people: a line a member, then the sums."""
    width = max(map(len, expected.members))
    rows = [
        f"{name:{width}}  {'to make' if name in expected.missing else 'stands '}  "
        + ", ".join(f"{setting} {value}" for setting, value in settings.items())
        for name, settings in expected.members.items()
    ]
    short = expected.bytes_needed is not None and expected.bytes_needed > expected.bytes_free
    return "\n".join([*rows, line(expected, about) + (": not enough" if short else "")])
