"""A Hub on loopback: enough of its HTTP protocol for transformers, datasets and huggingface_hub to load by name.

Repositories are in memory; a test publishes into it, and throws the switches that make it misbehave.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub import uploads

KINDS = ("models", "datasets")
STALE = "hf_that_the_hub_does_not_know"


@dataclass
class Repository:
    """Files of every commit, and the branches and tags that point to commits."""

    kind: str
    name: str
    token: str | None = None
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit_of(self, revision: str) -> str | None:
        """The commit that a branch, a tag or a commit names."""
        named = self.branches.get(revision) or self.tags.get(revision)
        return named or (revision if revision in self.commits else None)


@dataclass
class Fault:
    """What goes wrong with requests whose method and path match: with the next ``times``, or all where that is negative.

    ``status`` answers so, ``cut_after`` breaks off the body of a file after so many bytes, ``silent`` answers nothing
    until the client goes away, ``garbled`` sends zeros for a file's body.
    """

    path: str = ""
    method: str = ""
    times: int = -1
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    silent: bool = False
    garbled: bool = False

    def meets(self, method: str, path: str) -> bool:
        """Whether this request is one of those; it is counted."""
        if self.times == 0 or self.path not in path or self.method not in method:
            return False
        self.times -= 1
        return True


@dataclass
class Misbehaviour:
    """What a test may ask the server to do wrong."""

    fail_every: int = 0
    faults: list[Fault] = field(default_factory=list)


class Hub:
    """The server and its repositories; ``requests`` logs (method, path, bearer token) of every request.

    ``objects`` are LFS objects by SHA-256; ``writers`` maps an organisation to the token that may write to it.
    """

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.requests: list[tuple[str, str, str | None]] = []
        self.ranges: list[str | None] = []
        self.objects: dict[str, bytes] = {}
        self.writers: dict[str, str] = {}
        self.misbehaviour = Misbehaviour()
        self.counter = itertools.count(1)
        handler = type("BoundHandler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()

    def publish(
        self,
        kind: str,
        name: str,
        files: Mapping[str, bytes],
        *,
        branch: str = "main",
        tag: str | None = None,
        commit: str | None = None,
        token: str | None = None,
    ) -> str:
        """Commit files to a branch; a token gates the repository. Returns the commit, 40 hex digits."""
        assert kind in KINDS
        repository = self.repositories.setdefault((kind, name), Repository(kind, name))
        listing = "".join(f"{path}:{digest(data)}\n" for path, data in sorted(files.items()))
        commit = commit or hashlib.sha1(f"{kind}/{name}\n{listing}".encode()).hexdigest()
        repository.commits[commit] = dict(files)
        repository.branches[branch] = commit
        if tag:
            repository.tags[tag] = commit
        repository.token = token
        return commit

    def fault(self, path: str = "", **what: Any) -> Fault:
        """From now on let requests for paths that hold ``path`` go wrong."""
        self.misbehaviour.faults.append(Fault(path, **what))
        return self.misbehaviour.faults[-1]

    def paths(self) -> list[str]:
        """Paths requested so far."""
        return [path for _, path, _ in self.requests]


def digest(data: bytes) -> str:
    """The ETag of a file."""
    return hashlib.sha1(data).hexdigest()


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, code: str, message: str, commit: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.commit = status, code, commit


class Handler(BaseHTTPRequestHandler):
    """Routes one request."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        """Answer with a body."""
        self.answer()

    def do_HEAD(self) -> None:
        """Answer with headers alone."""
        self.answer()

    def do_POST(self) -> None:
        """Answer to a form or a JSON body."""
        self.answer()

    def do_PUT(self) -> None:
        """Take an LFS object."""
        self.answer()

    def log_message(self, *_: object) -> None:
        """Write nothing to stderr."""

    def answer(self) -> None:
        """Read the request, find the answer, send it."""
        self.posted = self.body()
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        self.token = token
        self.hub.requests.append((self.command, self.path, token))
        self.hub.ranges.append(self.headers.get("Range"))
        every = self.hub.misbehaviour.fail_every
        if every and next(self.hub.counter) % every == 0:
            return self.send(503, b"busy", {})
        self.fault = next((f for f in self.hub.misbehaviour.faults if f.meets(self.command, self.path)), Fault())
        if self.fault.silent:
            self.rfile.read(1)
            self.close_connection = True
            return None
        if self.fault.status:
            return self.send(self.fault.status, b"busy", self.fault.headers)
        url = urlsplit(self.path)
        segments = [unquote(part) for part in url.path.strip("/").split("/")]
        try:
            if (written := self.written(segments, token)) is not None:
                self.send(written[0], json.dumps(written[1]).encode(), {"Content-Type": "application/json"})
            elif segments[0] == "api":
                value = self.about(segments[1:], parse_qs(url.query), token)
                self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})
            else:
                self.send_file(segments, token)
        except Refusal as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": str(refusal), "X-Repo-Commit": refusal.commit}
            self.send(refusal.status, str(refusal).encode(), {k: v for k, v in headers.items() if v})

    def body(self) -> bytes:
        """What the client sent, whole or in chunks."""
        if "chunked" not in (self.headers.get("Transfer-Encoding") or ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def repository(self, kind: str, name: str) -> Repository:
        """The repository, which exists."""
        found = self.hub.repositories.get((kind, name))
        hidden = found is not None and found.private and self.token != self.hub.writers.get(name.partition("/")[0])
        if found is None or hidden:
            raise Refusal(401 if hidden else 404, "RepoNotFound", f"Repository {name} not found")
        return found

    def commit(self, repository: Repository, revision: str) -> str:
        """The commit of a revision, which exists."""
        found = repository.commit_of(revision)
        if found is None:
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def written(self, segments: list[str], token: str | None) -> tuple[int, object] | None:
        """The answer to what writes, or None where the request only reads."""
        if self.command == "PUT" and segments[0] == "lfs":
            self.hub.objects[segments[1]] = self.posted
            return 200, {}
        if self.command != "POST" or "paths-info" in segments:
            return None
        if segments == ["api", "validate-yaml"]:
            return 200, {"errors": [], "warnings": []}
        if segments == ["api", "repos", "create"]:
            told = json.loads(self.posted)
            self.check_writer(told.get("organization") or "", token)
            return uploads.create_repository(self.hub, told)
        if segments[0] != "api":
            self.check_writer(segments[0], token)
            return 200, uploads.large_objects(self.hub, json.loads(self.posted))
        repository = self.repository(segments[1], "/".join(segments[2:4]))
        self.check_writer(segments[2], token)
        verb, revision = segments[4], segments[5]
        if verb == "branch":
            return uploads.create_branch(repository, revision), {}
        if verb == "preupload":
            return 200, uploads.upload_modes(repository, revision, json.loads(self.posted))
        return 200, uploads.commit_lines(self.hub, repository, revision, self.posted)

    def check_writer(self, organisation: str, token: str | None) -> None:
        """Refuse a token that is none of the organisation's."""
        if token in (None, STALE):
            raise Refusal(401, "", "Invalid credentials in Authorization header" if token else "Unauthorized")
        if self.hub.writers.get(organisation) != token:
            raise Refusal(403, "", f"You don't have the rights to create a model under the namespace {organisation}")

    def about(self, segments: list[str], query: Mapping[str, list[str]], token: str | None) -> object:
        """``/api/KIND/ORG/NAME[/VERB[/REVISION[/FOLDER]]]``: what is known of a repository."""
        if len(segments) < 3 or segments[0] not in KINDS:
            raise Refusal(404, "", "no such page")
        repository = self.repository(segments[0], "/".join(segments[1:3]))
        verb, rest = (segments[3] if len(segments) > 3 else "revision"), segments[4:]
        if verb == "refs":
            return refs(repository)
        commit = self.commit(repository, rest[0] if rest else "main")
        files = repository.commits[commit]
        if verb == "revision":
            return description(repository, commit)
        if verb == "tree":
            return tree(files, "/".join(rest[1:]), query.get("recursive", ["false"])[0].lower() in ("true", "1"))
        if verb == "paths-info":
            wanted = self.posted_paths()
            return [entry for entry in tree(files, "", True) if entry["path"] in wanted]
        raise Refusal(404, "", f"no such page: {verb}")

    def posted_paths(self) -> list[str]:
        """Paths that a client asks about, as JSON or as a form."""
        text = self.posted.decode()
        return json.loads(text)["paths"] if text.startswith("{") else parse_qs(text).get("paths", [])

    def send_file(self, segments: list[str], token: str | None) -> None:
        """``/[datasets/]ORG/NAME/resolve/REVISION/FILE``: a file or a range of it."""
        kind = "datasets" if segments[0] == "datasets" else "models"
        segments = segments[1:] if kind == "datasets" else segments
        if len(segments) < 5 or segments[2] != "resolve":
            raise Refusal(404, "", "no such page")
        repository = self.repository(kind, "/".join(segments[:2]))
        if token == STALE:
            raise Refusal(401, "", "Invalid credentials in Authorization header")
        if repository.token and token != repository.token:
            raise Refusal(403 if token else 401, "GatedRepo", f"Access to model {repository.name} is restricted")
        commit = self.commit(repository, segments[3])
        data = repository.commits[commit].get("/".join(segments[4:]))
        if data is None:
            raise Refusal(404, "EntryNotFound", "Entry not found", commit)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{digest(data)}"', "Accept-Ranges": "bytes"}
        first, last = byte_range(self.headers.get("Range"), len(data))
        if self.headers.get("Range"):
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self.send(206 if self.headers.get("Range") else 200, data[first : last + 1], headers, is_file=True)

    def send(self, status: int, body: bytes, headers: Mapping[str, str], *, is_file: bool = False) -> None:
        """Send an answer; of a file what the switches say."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if is_file and self.fault.cut_after is not None:
            self.wfile.write(body[: self.fault.cut_after])
            self.close_connection = True
            return
        self.wfile.write(b"\0" * len(body) if is_file and self.fault.garbled else body)


def byte_range(wanted: str | None, size: int) -> tuple[int, int]:
    """First and last byte of ``bytes=first-last``, ``bytes=first-`` or ``bytes=-length``; all where none is asked."""
    if not wanted:
        return 0, size - 1
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def refs(repository: Repository) -> dict[str, object]:
    """Branches and tags."""
    shown = {
        kind: [{"name": name, "ref": f"refs/{where}/{name}", "targetCommit": commit} for name, commit in named.items()]
        for kind, where, named in (("branches", "heads", repository.branches), ("tags", "tags", repository.tags))
    }
    return {**shown, "converts": []}


def description(repository: Repository, commit: str) -> dict[str, object]:
    """What the Hub tells of a repository at a commit."""
    return {
        "_id": commit[:24],
        "id": repository.name,
        "sha": commit,
        "private": repository.private,
        "gated": "manual" if repository.token else False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "lastModified": "2026-01-01T00:00:00.000Z",
        "siblings": [{"rfilename": path, "size": len(data)} for path, data in repository.commits[commit].items()],
    }


def tree(files: Mapping[str, bytes], under: str, recursive: bool) -> list[dict[str, object]]:
    """Files and folders below a folder."""
    prefix = f"{under}/" if under else ""
    found: dict[str, dict[str, object]] = {}
    for path, data in sorted(files.items()):
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts)):
            folder = prefix + "/".join(parts[:depth])
            if recursive or depth == 1:
                found[folder] = {"type": "directory", "path": folder, "oid": digest(folder.encode()), "size": 0}
        if recursive or len(parts) == 1:
            found[path] = {"type": "file", "path": path, "oid": digest(data), "size": len(data)}
    if under and not found:
        raise Refusal(404, "EntryNotFound", f"{under} does not exist")
    return list(found.values())
