"""What every test may use: a Hub on loopback, whose address is set before any library reads it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.hub.server import Hub, Misbehaviour

if TYPE_CHECKING:
    from tests.hub.content import Content

UNSET = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE",
         "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "HF_TOKEN_PATH", "HF_MODULES_CACHE")  # fmt: skip
SERVER = pytest.StashKey[Hub]()
HOME = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the Hub and point the libraries to it: they read these variables when they are imported.

    Each pytest-xdist worker has its own server; a subprocess of a test inherits the variables.
    """
    server, home = Hub(), tempfile.mkdtemp(prefix="harness-tests-")
    config.stash[SERVER], config.stash[HOME] = server, home
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ |= {
        "HF_ENDPOINT": server.url,
        "HF_HOME": f"{home}/huggingface",
        "HARNESS_CACHE": f"{home}/harness",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_XET": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the Hub and remove what the tests cached."""
    if SERVER in config.stash:
        config.stash[SERVER].close()
        shutil.rmtree(config.stash[HOME], ignore_errors=True)


@pytest.fixture(scope="session")
def hub_server(pytestconfig: pytest.Config) -> Hub:
    """The Hub, empty unless another fixture has filled it."""
    from huggingface_hub import constants

    server = pytestconfig.stash[SERVER]
    assert server.url == constants.ENDPOINT, "huggingface_hub was imported before tests/conftest.py set HF_ENDPOINT"
    return server


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """Small models, made once in a session: folders and names (tests/hub/content.py)."""
    from tests.hub.content import Content

    return Content(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def published(hub_server: Hub, content: Content) -> Hub:
    """The Hub with every model and data set published."""
    from tests.hub.datasets import publish_datasets

    content.publish(hub_server)
    publish_datasets(hub_server)
    return hub_server


@pytest.fixture
def hub(published: Hub) -> Iterator[Hub]:
    """The Hub with everything published, well-behaved and with an empty log."""
    from harness.patience import Patience

    published.requests.clear()
    published.misbehaviour = Misbehaviour()
    yield published
    published.misbehaviour = Misbehaviour()
    Patience.down = False


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nothing sleeps: seconds that something would have slept, in order; they pass on the clock of our patience."""
    from harness import patience

    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr(patience, "now", lambda: time.monotonic() + sum(slept))
    return slept
