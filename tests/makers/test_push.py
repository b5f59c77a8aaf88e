"""A family goes to the Hub over HTTP and comes back by name and revision, with its run, step and parent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from harness.checkpoints import load_language_model, resolve
from harness.errors import HarnessError
from harness.makers import pretrain
from harness.makers.card import card, metadata
from harness.makers.push import push, revision_of, revisions_of
from harness.specs import Pretrain
from tests.hub.server import STALE
from tests.test_cli import harness, one_message

TOKEN = "hf_token_that_may_write"
MAKE = {
    "maker": "pretrain", "objective": "causal", "corpus": {"data": {"world": "hmm", "options": {"text_train": 200}}},
    "architecture": {"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 1, "n_positions": 64},
    "tokenizer": {"kind": "word", "vocabulary": 128}, "steps": [1, 2], "batch_size": 8, "length": 33,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("family") / "small"
    pretrain.make(Pretrain.model_validate(MAKE), folder)
    return folder


@pytest.fixture
def family(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "small"))


@pytest.fixture
def writer(hub, monkeypatch):
    """The Hub, where a token may write to ``ours``."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setitem(hub.writers, "ours", TOKEN)
    yield hub
    for name in [key for key in hub.repositories if key[1].startswith("ours/")]:
        del hub.repositories[name]
    hub.objects.clear()


def uploads(hub) -> list[str]:
    return [path for method, path, _ in hub.requests if method == "PUT" or "/commit/" in path]


def test_members_are_revisions_that_load_as_they_were(writer, family):
    done = push(family, "ours/small")
    assert dict(done.revisions) == {f"seed=1/step={step}": f"seed-1-step-{step}" for step in (1, 2)}
    assert writer.repositories[("models", "ours/small")].private
    here, there = resolve(str(family / "seed=1/step=2")), resolve("ours/small@seed-1-step-2")
    assert there.identity == writer.repositories[("models", "ours/small")].branches["seed-1-step-2"]
    for part in ("run", "step", "training_seed", "corpus", "objective", "parent", "made"):
        assert getattr(there.info, part) == getattr(here.info, part)
    models = [load_language_model(found, "cpu", "float32")[0].state_dict() for found in (here, there)]
    assert all((models[0][name] == models[1][name]).all() for name in models[0])
    about = yaml.safe_load((family / "family.yaml").read_text())
    assert about["pushed"]["ours/small"]["seed=1/step=2"] == {"revision": "seed-1-step-2", "commit": there.identity}


def test_main_holds_the_card_and_the_family_alone(writer, family):
    push(family, "ours/small", public=True)
    repository = writer.repositories[("models", "ours/small")]
    main = repository.commits[repository.branches["main"]]
    assert set(main) == {".gitattributes", "README.md", "family.yaml"} and not repository.private
    assert yaml.safe_load(main["family.yaml"]) == yaml.safe_load((family / "family.yaml").read_text())
    text = main["README.md"].decode()
    assert "| `seed-1-step-2` | 1 | 2 |" in text and "what varies: step" in text and "learning_rate" not in text
    recipe = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    assert Pretrain.model_validate(recipe) == Pretrain.model_validate(MAKE)


def test_what_stands_there_is_not_sent_again(writer, family):
    push(family, "ours/small")
    writer.requests.clear()
    assert push(family, "ours/small").sent == () and uploads(writer) == []
    (family / "seed=1/step=1/harness.json").write_text(
        json.dumps(json.loads((family / "seed=1/step=1/harness.json").read_text()) | {"corpus": "another"})
    )
    assert push(family, "ours/small").sent == ("seed=1/step=1",)
    assert not [path for path in uploads(writer) if path.startswith("/lfs/")], "the weights stood there"


def test_a_push_that_breaks_off_goes_on(writer, family):
    fault = writer.fault("commit/seed-1-step-2", method="POST", status=400)
    with pytest.raises(HarnessError, match="push again: what was sent is kept"):
        push(family, "ours/small")
    fault.times = 0
    assert push(family, "ours/small").sent == ("seed=1/step=2",)


def test_a_family_is_made_and_pushed_by_one_command_and_measured_by_name(writer, tmp_path):
    (tmp_path / "r.yaml").write_text(json.dumps({k: v for k, v in MAKE.items() if k != "maker"}))
    done = harness("make", "pretrain", "r.yaml", "--steps", "1", "-o", "f", "--push", "ours/f", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pushed"] == {"seed=1/step=1": "ours/f@seed-1-step-1"}
    assert TOKEN not in done.stdout + done.stderr
    done = harness(
        "run", "-c", "ours/f@seed-1-step-1", "-t", "synthetic/hmm_loss", "--limit", "4", "-o", "o", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    (line,) = (tmp_path / "o/checkpoints.jsonl").read_text().splitlines()
    assert json.loads(line)["run"].endswith("/seed=1") and json.loads(line)["step"] == 1
    again = harness("push", "f", "ours/f", cwd=tmp_path)
    assert again.stdout.split() == ["ours/f@seed-1-step-1"] and "0 of 1 members sent" in again.stderr


@pytest.mark.parametrize(("token", "arguments", "parts"), [
    (None, ["ours/small"], ["no token to push to ours/small with", "/settings/tokens and set HF_TOKEN"]),
    (STALE, ["ours/small"], ["the token in HF_TOKEN is not valid (status 401"]),
    (TOKEN, ["theirs/small"], ["the token in HF_TOKEN may not write to theirs/small (status 403)", "a name of your own"]),
    (TOKEN, ["ours/small", "--offline"], ["cannot be pushed to offline"]),
    (TOKEN, ["small"], ["'small' is no name on the Hub; expected org/name"]),
])  # fmt: skip
def test_what_cannot_be_pushed_is_one_message_without_the_token(writer, family, monkeypatch, token, arguments, parts):
    monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
    done = harness("push", family, *arguments)
    one_message(done, 3, *parts)
    assert TOKEN not in done.stderr and STALE not in done.stderr and uploads(writer) == []


def test_a_hub_that_is_down_is_one_message(writer, family, waits):
    writer.fault("repos/create", status=503)
    one_message(harness("push", family, "ours/small"), 3, "answered 503", "push again: what was sent is kept")


def test_no_family_and_no_member_are_refused(writer, family, tmp_path):
    one_message(harness("push", tmp_path, "ours/small"), 3, "it holds no family.yaml")
    shutil.rmtree(family / "seed=1")
    one_message(harness("push", family, "ours/small"), 3, "none of its 2 members stands")


def test_a_member_named_outside_the_folder_is_not_sent(family):
    about = yaml.safe_load((family / "family.yaml").read_text())
    about["members"]["../elsewhere"] = {}
    (family / "family.yaml").write_text(yaml.safe_dump(about))
    with pytest.raises(HarnessError, match="'../elsewhere' lies outside the folder"):
        push(family, "ours/small")


def test_another_program_s_file_of_that_name_is_left_alone(hub, content):
    hub.publish("models", "tests/other-harness", content.files("gpt2") | {"harness.json": b'{"wire": "red"}'})
    assert resolve("tests/other-harness").info.run == "tests/other-harness"


def test_names_of_revisions():
    assert revision_of("sparsity=0.25/seed=1") == "sparsity-0.25-seed-1"
    with pytest.raises(HarnessError, match="'a/b' cannot be a revision 'a-b': a=b is that"):
        revisions_of(["a=b", "a/b"])
    with pytest.raises(HarnessError, match="cannot be a revision 'main'"):
        revisions_of(["main"])


def test_a_card_names_a_parent_on_the_hub_and_none_that_lies_here():
    about = {"made": {"maker": "prune", "start": "a/b@x", "version": 1}, "from": {"a/b@x": "0123"}, "varies": "sparsity",
             "members": {"sparsity=0.5": {"sparsity": 0.5}}}  # fmt: skip
    assert yaml.safe_load(metadata(about))["base_model"] == ["a/b"]
    assert "Made from a/b@x (`0123`)" in card(about, "o/n", {"sparsity=0.5": "sparsity-0.5"})
    assert "base_model" not in yaml.safe_load(metadata(about | {"from": {"/a/b": "0123"}}))
