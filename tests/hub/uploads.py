"""What the Hub of the tests does when something is pushed: repositories, branches, files small and large, commits."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.hub.server import Hub, Repository

LARGE = ("safetensors", "bin", "pt")
"""Endings of files that the Hub keeps as LFS objects."""


def create_repository(hub: Hub, told: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """``POST /api/repos/create``: status 409 where it exists."""
    from tests.hub.server import Repository

    name = f"{told['organization']}/{told['name']}"
    about = {"url": f"{hub.url}/{name}", "name": name}
    if ("models", name) in hub.repositories:
        return 409, about
    found = hub.repositories[("models", name)] = Repository("models", name)
    found.private = told.get("visibility") == "private"
    commit_files(found, "main", {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
    return 200, about


def create_branch(repository: Repository, branch: str) -> int:
    """``POST /api/models/ORG/NAME/branch/BRANCH``, from main: status 409 where it exists."""
    if branch in repository.branches:
        return 409
    repository.branches[branch] = repository.branches["main"]
    return 200


def upload_modes(repository: Repository, revision: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """``POST .../preupload/REVISION``: which files go as LFS objects, and what those that stand hold."""
    files = repository.commits[repository.branches[revision]]
    return {"files": [
        {"path": file["path"], "uploadMode": "lfs" if file["path"].rpartition(".")[2] in LARGE else "regular",
         "shouldIgnore": False, "oid": object_id(file["path"], files.get(file["path"]))}
        for file in told["files"]
    ]}  # fmt: skip


def object_id(path: str, data: bytes | None) -> str | None:
    """The name git gives a file: SHA-256 of a large one, its blob's SHA-1 of a small one."""
    if data is None:
        return None
    if path.rpartition(".")[2] in LARGE:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def large_objects(hub: Hub, told: Mapping[str, Any]) -> dict[str, Any]:
    """``POST /ORG/NAME.git/info/lfs/objects/batch``: where to put objects that are not there."""
    objects = []
    for one in told["objects"]:
        there = one["oid"] in hub.objects
        put = {"actions": {"upload": {"href": f"{hub.url}/lfs/{one['oid']}"}}}
        objects.append({"oid": one["oid"], "size": one["size"]} | ({} if there else put))
    return {"transfer": "basic", "objects": objects}


def commit_lines(hub: Hub, repository: Repository, branch: str, lines: bytes) -> dict[str, Any]:
    """``POST .../commit/BRANCH``: a header and an operation a line."""
    files = dict(repository.commits[repository.branches[branch]])
    for line in filter(None, lines.split(b"\n")):
        operation = json.loads(line)
        value = operation["value"]
        if operation["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif operation["key"] == "lfsFile":
            files[value["path"]] = hub.objects[value["oid"]]
        elif operation["key"] == "deletedFile":
            del files[value["path"]]
    commit = commit_files(repository, branch, files)
    return {"commitOid": commit, "commitUrl": f"{hub.url}/{repository.name}/commit/{commit}", "success": True}


def commit_files(repository: Repository, branch: str, files: Mapping[str, bytes]) -> str:
    """Files as a new commit of a branch."""
    listing = "".join(f"{path}:{object_id(path, data)}\n" for path, data in sorted(files.items()))
    number = len(repository.commits)
    commit = hashlib.sha1(f"{repository.name} {number}\n{listing}".encode()).hexdigest()
    repository.commits[commit] = dict(files)
    repository.branches[branch] = commit
    return commit
