"""A family folder: checkpoints in the Hub's own format, each with ``harness.json``, and one ``family.yaml``.

``family.yaml`` says how the members were made, from what, and what varies; a folder made otherwise is refused, so that
two recipes never mix under one name. A member is complete when its ``harness.json`` stands: it is written last.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.checkpoints.quiet import quiet
from harness.errors import HarnessError
from harness.results.signature import differences, digest

MEMBER = "harness.json"


class FamilyFolder:
    """Where one maker puts its members."""

    def __init__(self, folder: Path, made: Mapping[str, Any]) -> None:
        """Open a folder, or begin one; one in which no member stands is begun anew.

        Raises:
            HarnessError: the folder holds a family made by another recipe, or cannot be written.
        """
        self.folder, self.recipe = folder, digest(made)
        path = folder / "family.yaml"
        if path.is_file():
            found = yaml.safe_load(path.read_text())
            changed = [name for name, _, _ in differences(found.get("made", {}), json.loads(json.dumps(made)))]
            if not changed:
                return
            if any(folder.rglob(MEMBER)):
                raise HarnessError(
                    f"{path}: made with other settings ({', '.join(changed[:5])}); remove the folder or choose another"
                )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump({"made": json.loads(json.dumps(made))}, sort_keys=False, allow_unicode=True)
            write_text(path, text)
        except OSError as error:
            raise HarnessError(f"{folder} cannot be written to: {error.strerror}") from None

    def complete(self, member: str) -> bool:
        """Whether a member stands."""
        return (self.folder / member / MEMBER).is_file()

    def save(self, member: str, model: Any, tokenizer: Any, about: Mapping[str, Any]) -> None:
        """Write a member in the Hub's format in one step.

        Raises:
            HarnessError: the disk is full or the folder cannot be written.
        """
        target = self.folder / member
        beside = target.with_name(target.name + ".new")
        try:
            shutil.rmtree(beside, ignore_errors=True)
            with quiet():
                model.save_pretrained(beside)
                tokenizer.save_pretrained(beside)
            write_text(beside / MEMBER, json.dumps(about, indent=1))
            shutil.rmtree(target, ignore_errors=True)
            beside.replace(target)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise HarnessError(
                f"{target}: {error.strerror or error}; what was made before stands, run again to go on"
            ) from None


def write_text(path: Path, text: str) -> None:
    """Write a file in one step."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
