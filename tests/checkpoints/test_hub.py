"""Faults of the Hub while a checkpoint is fetched: they heal, or they end in one message; no broken file is kept."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from harness.checkpoints import load_language_model, resolve
from harness.errors import HarnessError
from tests.hub.content import TOKEN, Content
from tests.hub.server import STALE, Hub

WEIGHTS = "model.safetensors"
LATER = "run the same command again later: what was fetched and measured is kept"
Publish = Callable[..., str]


@pytest.fixture
def publish(hub: Hub, content: Content, request: pytest.FixtureRequest) -> Publish:
    """Put a GPT-2 of this test's own on the Hub, with other files where they are given; its name."""
    made: list[str] = []

    def under_a_new_name(**files: bytes) -> str:
        made.append(f"tests/fault-{abs(hash(request.node.name)) % 10**9}-{len(made)}")
        changed = {name.replace("__", "."): data for name, data in files.items()}
        hub.publish("models", made[-1], content.files("gpt2") | {"README.md": made[-1].encode()} | changed)
        return made[-1]

    return under_a_new_name


def load(name: str) -> torch.nn.Module:
    """The language model of a name."""
    return load_language_model(resolve(name), "cpu", "float32")[0]


def cached(name: str) -> list[Path]:
    """Weight files and files half-written that the cache holds of a repository."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    return [path for path in folder.rglob("*") if path.suffix in (".safetensors", ".incomplete")]


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(("where", "method"), [("config.json", "HEAD"), ("/api/models", ""), (WEIGHTS, "GET")])
def test_a_busy_hub_is_asked_again(
    hub: Hub, publish: Publish, waits: list[float], status: int, where: str, method: str
) -> None:
    name = publish()
    fault = hub.fault(where, method=method, status=status, times=2)
    load(name)
    assert fault.times == 0
    assert 0 < sum(waits) < 10


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(
    ("where", "method", "what"),
    [("config.json", "HEAD", "config.json of "), ("/api/models", "", ""), (WEIGHTS, "GET", f"{WEIGHTS} of ")],
)
def test_a_hub_that_stays_busy_is_given_up(
    hub: Hub, publish: Publish, waits: list[float], status: int, where: str, method: str, what: str
) -> None:
    name = publish()
    fault = hub.fault(where, method=method, status=status)
    with pytest.raises(HarnessError, match=rf"the Hub \(http.*\) answered {status} for {what}{name}.*; {LATER}"):
        load(name)
    assert -fault.times - 1 <= 12
    assert 10 < sum(waits) < 60
    assert not cached(name)


@pytest.mark.parametrize("where", ["config.json", "/api/models", WEIGHTS])
def test_the_wait_that_the_hub_asks_for_is_waited_and_told(
    hub: Hub, publish: Publish, waits: list[float], where: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name = publish()
    hub.fault(where, status=429, headers={"Retry-After": "20"}, times=2)
    load(name)
    assert 20 < sum(waits) < 60
    told = capfd.readouterr().err.splitlines()
    assert told
    assert all("answered 429 and asks to wait 20 s for" in line and name in line for line in told)


@pytest.mark.parametrize("where", ["config.json", "/api/models", WEIGHTS])
@pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {"RateLimit": '"api";r=0;t=3600'}])
def test_no_one_waits_for_an_hour(
    hub: Hub, publish: Publish, waits: list[float], where: str, headers: dict[str, str]
) -> None:
    name = publish()
    hub.fault(where, status=429, headers=headers)
    with pytest.raises(HarnessError, match=rf"answered 429 and asks to wait 3600 s for .*{name}.*; {LATER}"):
        load(name)
    assert sum(waits) < 10


def test_a_server_that_is_down_is_waited_for_once(hub: Hub, publish: Publish, waits: list[float]) -> None:
    hub.fault(status=503)
    for turn in range(4):
        with pytest.raises(HarnessError, match="answered 503"):
            load(publish())
        assert len(hub.requests) <= 6 + 2 * turn
    hub.misbehaviour.faults.clear()
    fault = hub.fault(WEIGHTS, method="GET", status=503, times=3)
    load(publish())
    assert fault.times == 0


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a tenth of a second on every answer."""
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.1)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    monkeypatch.setattr(file_download, "_ETAG_RETRY_TIMEOUT", 0.1)
    monkeypatch.setattr("harness.patience.ANSWER", 0.1)


@pytest.mark.parametrize("where", ["config.json", "/api/models", WEIGHTS])
@pytest.mark.usefixtures("hasty")
def test_a_slow_server_is_asked_again(hub: Hub, publish: Publish, waits: list[float], where: str) -> None:
    name = publish()
    fault = hub.fault(where, silent=True, times=2)
    load(name)
    assert fault.times == 0
    assert waits


@pytest.mark.parametrize("where", ["config.json", "/api/models"])
@pytest.mark.usefixtures("hasty")
def test_a_server_that_stays_silent_is_given_up(hub: Hub, publish: Publish, waits: list[float], where: str) -> None:
    name = publish()
    hub.fault(where, silent=True)
    with pytest.raises(HarnessError, match=rf"the Hub \(http.*\) is too slow to answer for .*{name}.*; {LATER}"):
        load(name)
    assert sum(waits) < 150


def test_a_cut_download_goes_on_where_it_stopped(
    hub: Hub, publish: Publish, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    name = publish()
    whole = dict(load(publish()).state_dict())
    hub.fault(WEIGHTS, method="GET", cut_after=10_000, times=2)
    hub.ranges.clear()
    found = load(name).state_dict()
    assert all(torch.equal(value, whole[key]) for key, value in found.items())
    assert [wanted for wanted in hub.ranges if wanted] == ["bytes=10000-", "bytes=20000-"]


def test_a_download_that_is_always_cut_leaves_nothing(hub: Hub, publish: Publish, waits: list[float]) -> None:
    name = publish()
    fault = hub.fault(WEIGHTS, method="GET", cut_after=0)
    with pytest.raises(HarnessError, match=rf"cut the connection for {WEIGHTS} of {name}.*; {LATER}"):
        load(name)
    assert not cached(name)
    assert sum(waits) < 60
    fault.times = 0
    load(name)


def header_of(entries: dict[str, object], size: int) -> bytes:
    """A safetensors file of a size, with a header of one's own."""
    text = json.dumps(entries).encode()
    return (struct.pack("<Q", len(text)) + text).ljust(size, b"\0")


def broken(kind: str, data: bytes) -> bytes:
    """Weights with one thing wrong."""
    if kind == "truncated":
        return data[:-100]
    if kind == "another header":
        return header_of({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, len(data))
    if kind == "no header":
        return b"\xff" * len(data)
    if kind == "a page":
        return b"<html>come back later</html>"
    return b""


KINDS = ["truncated", "another header", "no header", "a page", "empty"]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_are_broken_in_the_cache_are_fetched_anew(
    hub: Hub, publish: Publish, content: Content, kind: str
) -> None:
    name = publish()
    load(name)
    path = next(path for path in cached(name) if path.is_symlink())
    path.resolve().write_bytes(broken(kind, path.read_bytes()))
    with pytest.raises(HarnessError, match=rf"damaged.*; remove .*{WEIGHTS} and run once without --offline"):
        load_language_model(resolve(name, offline=True), "cpu", "float32")
    made, _ = content.make("gpt2")
    assert torch.equal(load(name).transformer.wte.weight, made.transformer.wte.weight)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_are_broken_on_the_hub_are_not_kept(
    hub: Hub, publish: Publish, content: Content, kind: str
) -> None:
    data = content.files("gpt2")[WEIGHTS]
    name = publish(model__safetensors=broken(kind, data))
    with pytest.raises(HarnessError, match=rf"{WEIGHTS} of {name}@\w+ is .*damaged.* not kept in the cache"):
        load(name)
    assert not cached(name)
    commit = resolve(name).revision
    hub.repositories["models", name].commits[commit][WEIGHTS] = data
    load(name)


def test_weights_that_arrive_broken_are_fetched_once_more(hub: Hub, publish: Publish) -> None:
    fault = hub.fault(WEIGHTS, method="GET", garbled=True, times=1)
    load(publish())
    assert fault.times == 0


def test_a_config_that_is_broken_in_the_cache_is_fetched_anew(hub: Hub, publish: Publish) -> None:
    name = publish()
    path = Path(resolve(name).folder) / "config.json"
    path.resolve().write_bytes(b"")
    assert resolve(name).objective == "causal"
    bad = publish(config__json=b"{")
    with pytest.raises(HarnessError, match=rf"config.json of {bad} is no JSON or is damaged"):
        resolve(bad)


def test_one_shard_of_several_is_mended(hub: Hub, publish: Publish, content: Content) -> None:
    state = {
        key: value.clone() for key, value in content.make("gpt2")[0].state_dict().items() if key != "lm_head.weight"
    }
    names = sorted(state)
    shards = {f"model-0000{n}-of-00002.safetensors": names[n - 1 :: 2] for n in (1, 2)}
    files = {file: save({key: state[key] for key in keys}, {"format": "pt"}) for file, keys in shards.items()}
    index = {"metadata": {}, "weight_map": {key: file for file, keys in shards.items() for key in keys}}
    name = "tests/fault-sharded"
    left = {file: data for file, data in content.files("gpt2").items() if file != WEIGHTS}
    hub.publish("models", name, left | files | {f"{WEIGHTS}.index.json": json.dumps(index).encode()})
    resolve(name)
    with pytest.raises(HarnessError, match=r"not in the cache and --offline forbids to fetch them; run once without"):
        load_language_model(resolve(name, offline=True), "cpu", "float32")
    load(name)
    first, second = sorted(path for path in cached(name) if path.is_symlink())
    second.resolve().write_bytes(second.read_bytes()[:-1])
    first.unlink()
    with pytest.raises(HarnessError, match=rf"\({first.name} is missing\) and --offline forbids to fetch it"):
        load_language_model(resolve(name, offline=True), "cpu", "float32")
    load(name)


def test_what_only_a_person_can_mend_is_asked_once(
    hub: Hub, publish: Publish, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish()
    cases = [
        ("tests/absent", "", r"no repository tests/absent on the Hub"),
        (f"{name}@v9", "", rf"{name} on the Hub has no revision 'v9'"),
        ("tests/gated-never", "", r"is gated and no token was found; accept its terms at .* and set HF_TOKEN"),
        ("tests/gated-never", "hf_of_another_user", r"the token in HF_TOKEN has no access to it \(status 403\)"),
        (name, STALE, rf"the token in HF_TOKEN is not valid \(status 401 for {name}\)"),
    ]
    hub.publish("models", "tests/gated-never", {"config.json": b"{}"}, token=TOKEN)
    for asked, token, message in cases:
        hub.requests.clear()
        monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN", raising=False)
        with pytest.raises(HarnessError, match=message):
            resolve(asked)
        heads = [path for method, path, _ in hub.requests if method == "HEAD"]
        assert len(heads) == 1
    assert not waits


def test_offline_with_a_part_of_the_cache(hub: Hub, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants, hf_hub_download

    name = publish()
    hf_hub_download(name, "config.json")
    hub.requests.clear()
    with pytest.raises(HarnessError, match=rf"tokenizer of {name} is not in the cache and --offline forbids"):
        resolve(name, offline=True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HarnessError, match=rf"tokenizer of {name} is not in the cache and --offline forbids"):
        resolve(name)
    with pytest.raises(HarnessError, match=r"tests/never-seen is not in the cache \(config.json is missing\)"):
        resolve("tests/never-seen")
    assert not hub.requests
