from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.checkpoints import resolve
from harness.checkpoints.ahead import fetch_ahead


def test_weights_that_were_fetched_ahead_are_not_asked_for_again(hub, content):
    from harness.checkpoints import load_language_model

    found = resolve("tests/tiny-llama")
    thread = fetch_ahead(found)
    assert thread is not None and thread.daemon
    thread.join()
    assert (Path(found.folder) / "model.safetensors").is_file()
    hub.requests.clear()
    load_language_model(found, "cpu", "float32")
    assert not [path for _, path, _ in hub.requests if "model.safetensors" in path]


def test_what_cannot_be_fetched_is_left_for_the_load_to_say(content):
    found = replace(resolve(str(content.folder("bert"))), weights=("missing.safetensors",))
    thread = fetch_ahead(found)
    assert thread is not None
    thread.join()
    assert not thread.is_alive()


def test_a_model_in_memory_has_nothing_to_fetch(content):
    found = replace(resolve(str(content.folder("bert"))), memory=(None, None))
    assert fetch_ahead(found) is None
