"""Faults of the Hub while a data set is fetched: they heal, or they end in one message; no broken file is taken for whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.hub import load_split, resolve_revision
from harness.errors import HarnessError
from harness.specs import Data
from tests.hub.content import TOKEN
from tests.hub.datasets import publish_dataset
from tests.hub.server import STALE, Hub

LATER = "run the same command again later: what was fetched and measured is kept"
TABLES = {"one": {"train": {"text": ["a", "b", "c"]}, "test": {"text": ["d"]}}}
Publish = Callable[..., Data]


@pytest.fixture
def publish(hub: Hub, request: pytest.FixtureRequest) -> Publish:
    """Put a data set of this test's own on the Hub; how a spec names it."""
    made: list[str] = []

    def under_a_new_name(*, pinned: bool = False, **more: object) -> Data:
        made.append(f"tests/data{abs(hash(request.node.name)) % 10**9}n{len(made)}")
        commit = publish_dataset(hub, made[-1], TABLES, **more)
        return Data(path=made[-1], name="one", revision=commit if pinned else None)

    return under_a_new_name


def texts(data: Data, first: int | None = None, *, offline: bool = False) -> list[str]:
    """The rows of its split ``train``."""
    return list(load_split(data, "train", first, offline=offline)[0]["text"])


PLACES = ["/api/datasets", "README.md", "/tree/", "train-00000-of-00001.parquet"]
HOW = [None, pytest.param(2, marks=pytest.mark.slow)]


@pytest.mark.parametrize("first", HOW)
@pytest.mark.parametrize("where", PLACES)
def test_a_busy_hub_is_asked_again(
    hub: Hub, publish: Publish, waits: list[float], where: str, first: int | None
) -> None:
    data = publish()
    fault = hub.fault(where, status=(429, 500, 503)[len(where) % 3], times=2)
    assert texts(data, first) == ["a", "b", "c"][:first]
    assert fault.times == 0
    assert 0 < sum(waits) < 30


@pytest.mark.parametrize("first", HOW)
@pytest.mark.parametrize("where", PLACES)
def test_a_hub_that_stays_busy_is_given_up(
    hub: Hub, publish: Publish, waits: list[float], where: str, first: int | None
) -> None:
    data = publish()
    fault = hub.fault(where, status=503)
    file = f"(one/)?{where} of " if "." in where else ""
    with pytest.raises(HarnessError, match=rf"the Hub \(http.*\) answered 503 for {file}{data.path}; {LATER}"):
        texts(data, first)
    assert -fault.times - 1 <= 12
    assert 10 < sum(waits) < 130
    fault.times = 0
    assert texts(data, first) == ["a", "b", "c"][:first]


@pytest.mark.parametrize("first", HOW)
@pytest.mark.parametrize("where", PLACES)
def test_the_wait_that_the_hub_asks_for_has_a_bound(
    hub: Hub, publish: Publish, waits: list[float], where: str, first: int | None, capfd: pytest.CaptureFixture[str]
) -> None:
    data = publish()
    hub.fault(where, status=429, headers={"Retry-After": "20"}, times=2)
    texts(data, first)
    assert 20 < sum(waits) < 60
    told = [line for line in capfd.readouterr().err.splitlines() if "429" in line]
    assert len(told) == 2
    assert all(f"answered 429 and asks to wait 20 s for {data.path}; it is asked again" in line for line in told)
    waits.clear()
    data = publish()
    hub.fault(where, status=429, headers={"Retry-After": "3600"})
    with pytest.raises(HarnessError, match=rf"answered 429 and asks to wait 3600 s for .*{data.path}; {LATER}"):
        texts(data, first)
    assert sum(waits) <= 60


def test_a_stream_that_is_refused_again_and_again_ends(hub: Hub, publish: Publish, waits: list[float]) -> None:
    data = publish()
    hub.fault(".parquet", method="GET", status=429)
    began = time.monotonic()
    with pytest.raises(HarnessError, match="answered 429"):
        texts(data, 2)
    assert sum(waits) < 150
    assert time.monotonic() - began < 20


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a tenth of a second on every answer."""
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.1)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    monkeypatch.setattr(file_download, "_ETAG_RETRY_TIMEOUT", 0.1)
    monkeypatch.setattr("harness.patience.ANSWER", 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("first", [None, 2])
@pytest.mark.usefixtures("hasty")
def test_a_slow_server_is_asked_again_and_given_up(
    hub: Hub, publish: Publish, waits: list[float], first: int | None
) -> None:
    for where in PLACES:
        data = publish()
        fault = hub.fault(where, silent=True, times=1)
        assert texts(data, first) == ["a", "b", "c"][:first]
        assert fault.times == 0
    data = publish()
    hub.fault("/tree/", silent=True)
    with pytest.raises(HarnessError, match=rf"the Hub \(http.*\) is too slow to answer for {data.path}; {LATER}"):
        texts(data, first)
    assert sum(waits) < 300


@pytest.mark.parametrize("first", [None, 2])
def test_a_cut_file_is_fetched_on(hub: Hub, publish: Publish, waits: list[float], first: int | None) -> None:
    data = publish()
    fault = hub.fault(".parquet", method="GET", cut_after=100, times=2)
    assert texts(data, first) == ["a", "b", "c"][:first]
    assert fault.times == 0


def test_a_file_that_is_always_cut_is_given_up(hub: Hub, publish: Publish, waits: list[float]) -> None:
    data = publish()
    fault = hub.fault(".parquet", method="GET", cut_after=0)
    with pytest.raises(HarnessError, match=rf"cut the connection for {data.path}; {LATER}"):
        texts(data)
    assert sum(waits) < 60
    fault.times = 0
    assert texts(data) == ["a", "b", "c"]


def cached_files(data: Data) -> list[Path]:
    """Data files that the Hub's cache holds."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"datasets--{str(data.path).replace('/', '--')}"
    return [path.resolve() for path in folder.rglob("*.parquet")]


@pytest.mark.parametrize("broken", [lambda data: data[:-20], lambda data: b"\0" * len(data)])
def test_a_file_that_is_broken_in_the_cache_is_fetched_anew(
    hub: Hub, publish: Publish, broken: Callable[[bytes], bytes]
) -> None:
    from huggingface_hub import hf_hub_download

    data = publish()
    hf_hub_download(data.path, "one/train-00000-of-00001.parquet", repo_type="dataset")
    (path,) = cached_files(data)
    path.write_bytes(broken(path.read_bytes()))
    assert texts(data) == ["a", "b", "c"]


def test_a_file_that_arrives_broken_is_fetched_once_more(hub: Hub, publish: Publish) -> None:
    data = publish()
    fault = hub.fault("train-00000", method="GET", garbled=True, times=1)
    assert texts(data) == ["a", "b", "c"]
    data, fault.times = publish(), -1
    for first in (None, 2):
        with pytest.raises(
            HarnessError, match=rf"a file of {data.path} \(configuration 'one'\) is damaged, and so it was"
        ):
            texts(data, first)
    fault.times = 0
    assert texts(data) == ["a", "b", "c"]


def test_what_only_a_person_can_mend_is_asked_once(
    hub: Hub, publish: Publish, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, shut = publish(), publish()
    hub.repositories["datasets", str(shut.path)].token = TOKEN
    cases = [
        (Data(path="tests/nothing", name="one"), "", "no data set 'tests/nothing' on the Hub, or it is private"),
        (Data(path="tests/no", revision="0" * 40), "", "no data set 'tests/no' on the Hub, or it is private"),
        (data.model_copy(update={"revision": "v9"}), "", f"{data.path} has no revision 'v9'"),
        (data.model_copy(update={"revision": "0" * 40}), "", f"{data.path} has no revision '0000"),
        (
            shut,
            "",
            rf"{shut.path} is gated and no token was found; accept its terms at .*/datasets/{shut.path} and set",
        ),
        (shut, "hf_of_another_user", "the token in HF_TOKEN has no access to it; ask for access at"),
        (data, STALE, rf"the token in HF_TOKEN is not valid \(status 401 for {data.path}\)"),
    ]
    for asked, token, message in cases:
        monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN", raising=False)
        hub.requests.clear()
        with pytest.raises(HarnessError, match=message):
            texts(asked)
        assert len(hub.paths()) == len({(method, path) for method, path, _ in hub.requests}), "asked twice"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert texts(shut) == ["a", "b", "c"]
    assert not waits


@pytest.mark.parametrize("switch", ["--offline", "HF_HUB_OFFLINE"])
def test_offline_asks_for_nothing(hub: Hub, publish: Publish, monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    from huggingface_hub import constants, hf_hub_download

    data, never, part = (publish(pinned=True) for _ in range(3))
    here = load_split(data, "train", None, offline=False)
    hub.requests.clear()
    flag = switch == "--offline"
    if not flag:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    again = load_split(data, "train", None, offline=flag)
    assert (again[0]["text"], again[1:]) == (here[0]["text"], here[1:])
    assert texts(data, 2, offline=flag) == ["a", "b"]
    assert resolve_revision(data.model_copy(update={"revision": None}), offline=flag) is None
    assert not hub.requests
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hf_hub_download(part.path, "README.md", repo_type="dataset", revision=part.revision)
    hub.requests.clear()
    if not flag:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for data in (never, part):
        with pytest.raises(
            HarnessError, match=rf"{data.path} \(configuration 'one'\) is not in the cache, and --offline"
        ):
            texts(data, offline=flag)
    assert not hub.requests


def test_another_revision_is_never_taken_for_the_pinned_one(hub: Hub, publish: Publish, waits: list[float]) -> None:
    old = publish(pinned=True)
    texts(old)
    changed = {"one": {"train": {"text": ["x"]}, "test": {"text": ["d"]}}}
    new = old.model_copy(update={"revision": publish_dataset(hub, str(old.path), changed)})
    only = rf"{old.path} is in the cache at revision {str(old.revision)[:12]}, and not at {str(new.revision)[:12]}; "
    with pytest.raises(HarnessError, match=only + "--offline forbids to fetch it"):
        texts(new, offline=True)
    fault = hub.fault(status=503)
    with pytest.raises(HarnessError, match=only + r"the Hub \(http.*\) did not serve it; run again later"):
        texts(new)
    fault.times = 0
    assert texts(new) == ["x"]


def test_a_mirror_may_call_a_commit_by_the_pinned_name_and_that_is_kept(hub: Hub, publish: Publish) -> None:
    data = publish(pinned=True)
    name = "0123456789" * 4
    hub.repositories["datasets", str(data.path)].tags[name] = str(data.revision)
    mirrored = data.model_copy(update={"revision": name})
    assert texts(mirrored) == texts(data)
    hub.requests.clear()
    assert texts(mirrored, offline=True) == texts(data, offline=True)
    assert not hub.requests
