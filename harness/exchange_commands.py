"""What ``harness import``, ``export`` and ``merge`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from harness.checkpoints.names import lineage, parse
from harness.errors import HarnessError
from harness.makers.family import write_text
from harness.results import Store
from harness.results.dropping import chosen
from harness.results.exchange.content import Content, Reading, Terms
from harness.results.exchange.formats import READERS, TABLE, format_of, writer
from harness.results.roles import ROLES
from harness.slope_commands import import_table, read_folder, write_board


def take(
    path: Path, format: str | None, output: Path, reading: Reading, features: Path | None, identities: Sequence[str]
) -> None:
    """Import what others measured, of any format, into a new folder, and write its board.

    Raises:
        HarnessError: it is of no format, or an option is not for its format.
    """
    found = format_of(path, format)
    if found == TABLE:
        if not reading.source:
            raise HarnessError(f"{path}: a published table needs its source: give a citation with --source")
        higher, lower = tuple(reading.higher_is_better), tuple(reading.lower_is_better)
        import_table(path, reading.source, output, higher, lower, features)
        return
    if features is not None:
        raise HarnessError(f"--features goes with a published table; {path} is of the format {found}")
    content = READERS[found].read(path, replace(reading, identities=identities_of(identities)))
    content = with_lineage(content) if found == "lm-eval" else content
    write_content(content, path, output)
    page = next(one for one in write_board(output) if one.name == "board.html")
    print(
        f"imported {len(content.records)} records of {len(content.checkpoints)} checkpoints into {output} (format {found})"
    )
    for note in content.notes:
        print(note)
    print(f"board: {page}")


def with_lineage(content: Content) -> Content:
    """Checkpoints with the training run and the step that their names on the Hub tell, as our own measurements have them."""
    found = {}
    for identity, info in content.checkpoints.items():
        try:
            name = parse(info.names[0])
        except HarnessError:
            name = None
        told = None if name is None or name.local else lineage(name)
        found[identity] = (
            info if told is None else replace(info, run=told.run, step=told.step, training_seed=told.training_seed)
        )
    return replace(content, checkpoints=found)


def identities_of(pairs: Sequence[str]) -> Mapping[str, str]:
    """Names of models to identities, from ``NAME=FOLDER`` and ``NAME=IDENTITY``.

    Raises:
        HarnessError: another form, or a folder that is no checkpoint.
    """
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise HarnessError(f"--identity {pair!r}: expected NAME=FOLDER or NAME=IDENTITY")
        if Path(value).is_dir():
            from harness.checkpoints import resolve

            value = resolve(value, offline=True).identity
        found[name] = value
    return found


def write_content(content: Content, path: Path, output: Path) -> None:
    """Write what was read into a folder that holds no results yet.

    Raises:
        HarnessError: it does.
    """
    with Store.writing(output) as writer:
        if writer.store.records:
            raise HarnessError(
                f"{output} holds results already; import into a new folder, then join both with 'harness merge'"
            )
        writer.add_all(content.records, content.contexts.values(), content.checkpoints.values())
        write_text(output / "suite.yaml", content.suite or suite_of(content, path, output.name))


def suite_of(content: Content, path: Path, title: str) -> str:
    """A suite for records that came without one: families and the roles of tasks."""
    suite = {
        "title": title,
        "description": f"Imported from {path.name}. Source: {content.roles.description}",
        "families": {name: {"checkpoints": list(names)} for name, names in content.roles.families.items()},
        "tasks": {role: list(names) for role in ROLES if (names := getattr(content.roles, role))},
    }
    return yaml.safe_dump(suite, sort_keys=False, allow_unicode=True)


def give(
    folder: Path, format: str, output: Path, terms: Terms, tasks: Sequence[str], checkpoints: Sequence[str]
) -> None:
    """Export the records of a folder, or those of some tasks and checkpoints.

    Raises:
        HarnessError: there is no such format, folder, task or checkpoint, or nothing that the format can hold.
    """
    write = writer(format)
    store, roles = read_folder(folder)
    suite = (folder / "suite.yaml").read_text(encoding="utf-8")
    content = Content(
        folder.resolve().name, tuple(chosen(store, tasks, checkpoints)), store.checkpoints, store.contexts, roles, suite
    )
    written = write(content, output, terms)
    if not written.records:
        raise HarnessError(f"{folder}: no record that {format} can hold, which leaves out {written.lost}")
    files = f"{len(written.paths)} files under {output}" if len(written.paths) > 1 else str(written.paths[0])
    print(f"exported {written.records} values of {len(content.records)} records to {files}")
    print(f"{format} does not hold: {written.lost}")


def merge(folders: Sequence[Path], output: Path) -> None:
    """Join results folders into a new one, their suites too, and write its board.

    Raises:
        HarnessError: fewer than two folders, one without results, or two that contradict one another.
    """
    from harness.results.merging import merge as merged
    from harness.specs import read_yaml
    from harness.specs.merged_suites import merged_suites

    if len(folders) < 2:
        raise HarnessError("nothing to merge: give two results folders or more")
    if any(folder.resolve() == output.resolve() for folder in folders):
        raise HarnessError(f"{output} is one of the folders to merge; give a new folder with -o")
    for folder in folders:
        read_folder(folder, Store.of_rows)
    suite = merged_suites([(folder, read_yaml(folder / "suite.yaml").value) for folder in folders])
    found = merged(folders, output)
    write_text(output / "suite.yaml", yaml.safe_dump(suite, sort_keys=False, allow_unicode=True))
    page = next(one for one in write_board(output) if one.name == "board.html")
    print(f"merged {len(folders)} folders into {output}: {found.records} records of {found.checkpoints} checkpoints, "
          f"{found.already} that stood in more than one")  # fmt: skip
    for note in found.notes:
        print(note)
    if any((folder / "families").is_dir() for folder in folders):
        print("weights of made families were not copied; 'harness run' makes them again where they are asked for")
    print(f"board: {page}")
