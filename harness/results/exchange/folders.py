"""Where formats put a folder for each checkpoint."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError
from harness.results.record import CheckpointInfo


def folder_of(output: Path, info: CheckpointInfo, taken: dict[Path, str]) -> Path:
    """The folder of a checkpoint, called by its name: ``org/name@revision`` is two folders deep.

    Args:
        output: The folder of all.
        info: The checkpoint.
        taken: Folders that are given away, with the identity of whom; added to.

    Raises:
        HarnessError: another checkpoint has the same name.
    """
    parts = [part for part in Path(info.names[0]).parts if part not in ("/", "\\", "..", ".")]
    folder = output.joinpath(*parts or ["checkpoint"])
    if taken.setdefault(folder, info.identity) != info.identity:
        raise HarnessError(
            f"two checkpoints are called {info.names[0]}: {taken[folder]} and {info.identity}; export one with --checkpoint"
        )
    return folder
