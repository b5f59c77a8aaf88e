"""The identity changes with what changes a number, and with nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.cache import cache_folder
from harness.checkpoints import resolve, resolve_in_memory
from harness.checkpoints.identity import folder_identity, sha256_of
from harness.errors import HarnessError
from tests.hub.content import Content


@pytest.fixture
def folder(content: Content, tmp_path: Path) -> Path:
    return Path(shutil.copytree(content.folder("bert"), tmp_path / "model"))


def test_order_of_files_does_not_matter(folder: Path) -> None:
    files = ["model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert folder_identity(folder, files) == folder_identity(folder, files[::-1])
    assert folder_identity(folder, files).startswith("weights:")


def test_the_same_in_another_folder_and_without_the_cache(folder: Path, tmp_path: Path) -> None:
    first = resolve(str(folder)).identity
    other = shutil.copytree(folder, tmp_path / "other")
    (cache_folder() / "hashes.json").unlink()
    assert resolve(str(other)).identity == first


@pytest.mark.parametrize("file", ["README.md", "training_args.bin", "optimizer.pt", "harness.json"])
def test_other_files_do_not_matter(folder: Path, file: str) -> None:
    before = resolve(str(folder)).identity
    (folder / file).write_text("{}")
    assert resolve(str(folder)).identity == before


def test_where_a_config_came_from_does_not_matter(folder: Path) -> None:
    before = resolve(str(folder)).identity
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"_name_or_path": "x", "transformers_version": "9"}))
    assert resolve(str(folder)).identity == before
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 0.1}))
    assert resolve(str(folder)).identity != before


def test_a_weight_matters_though_size_and_time_are_close(folder: Path) -> None:
    before, path = resolve(str(folder)).identity, folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert resolve(str(folder)).identity != before


def test_a_tokenizer_file_matters(folder: Path) -> None:
    before, path = resolve(str(folder)), folder / "tokenizer.json"
    rules = json.loads(path.read_text())
    rules["normalizer"]["lowercase"] = False
    path.write_text(json.dumps(rules))
    after = resolve(str(folder))
    assert after.identity != before.identity
    assert after.tokenizer != before.tokenizer


def test_the_hash_is_remembered(folder: Path) -> None:
    path = folder / "model.safetensors"
    before = resolve(str(folder)).identity
    times = path.stat().st_mtime_ns
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times, times))
    assert resolve(str(folder)).identity == before
    (cache_folder() / "hashes.json").write_text("{ half a file")
    assert resolve(str(folder)).identity != before


def test_an_unwritable_cache_costs_only_time(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = resolve(str(folder)).identity
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file" / "cache"))
    assert resolve(str(folder)).identity == before


def test_sha256_of_a_known_file(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_in_memory(content: Content) -> None:
    model, tokenizer = content.make("bert")
    again, _ = content.make("bert")
    found = resolve_in_memory(model, tokenizer, run="r", step=3)
    assert (found.objective, found.context, found.info.step) == ("masked", 64, 3)
    assert found.identity == resolve_in_memory(again, tokenizer).identity
    tokenizer(["a king", "a bell by the river"], padding=True)
    assert found.tokenizer == resolve_in_memory(model, tokenizer).tokenizer
    assert found.tokenizer == resolve(str(content.folder("bert"))).tokenizer
    with torch.no_grad():
        again.bert.embeddings.word_embeddings.weight[5, 5] += 1e-3
    assert found.identity != resolve_in_memory(again, tokenizer).identity
    assert resolve_in_memory(model.half(), tokenizer).identity != found.identity


def test_in_memory_needs_a_tokenizer(content: Content) -> None:
    model, tokenizer = content.make("bert")
    with pytest.raises(HarnessError, match="needs its tokenizer"):
        resolve_in_memory(model, None)
    with pytest.raises(HarnessError, match="expected a transformers model, found Linear"):
        resolve_in_memory(torch.nn.Linear(1, 1), tokenizer)


@pytest.mark.slow
def test_in_memory_the_same_in_another_process(content: Content) -> None:
    code = (
        "import sys; from transformers import AutoModelForCausalLM as M, AutoTokenizer as T;"
        "from harness.checkpoints import resolve_in_memory as r; p = sys.argv[1];"
        "print(r(M.from_pretrained(p), T.from_pretrained(p)).identity)"
    )
    folder = str(content.folder("gpt2"))
    from transformers import AutoModelForCausalLM, AutoTokenizer

    here = resolve_in_memory(AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder))
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])}
    there = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, env=environment
    )
    assert there.stdout.split()[-1] == here.identity
