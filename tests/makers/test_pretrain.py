from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path

import pytest
import torch

from harness.checkpoints import load_classifier, load_language_model, resolve
from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.makers.corpus import corpus_texts, packed
from harness.specs import Pretrain

CAUSAL = {
    "maker": "pretrain", "objective": "causal",
    "architecture": {"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 1, "n_positions": 64},
    "tokenizer": {"kind": "word", "vocabulary": 128}, "corpus": [{"data": {"world": "hmm", "options": {"text_train": 200}}}],
    "seeds": [1, 2], "steps": [0, 3, 6], "learning_rate": 3e-3, "batch_size": 8, "length": 33,
}  # fmt: skip
MASKED = CAUSAL | {
    "objective": "masked", "seeds": [1], "steps": [4],
    "architecture": {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1,
                     "intermediate_size": 16, "max_position_embeddings": 64},
}  # fmt: skip


def recipe(**changes) -> Pretrain:
    return Pretrain.model_validate(CAUSAL | changes)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*.safetensors"))
    }


def test_the_same_seed_gives_the_same_weights_and_seeds_differ(tmp_path):
    first, again = tmp_path / "a", tmp_path / "b"
    names = maker.make(recipe(), first)
    maker.make(recipe(), again)
    assert names == [f"seed={s}/step={t}" for s in (1, 2) for t in (0, 3, 6)]
    found = hashes(first)
    assert found == hashes(again) and len(set(found.values())) == 6


def test_a_run_killed_in_the_middle_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    maker.make(recipe(seeds=[1]), tmp_path / "whole")
    step = maker.Loop.step

    def killed(self, batch):
        if self.step_number == 5:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(maker.Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        maker.make(recipe(seeds=[1]), tmp_path / "killed")
    monkeypatch.setattr(maker.Loop, "step", step)
    steps_made = []
    monkeypatch.setattr(
        maker.Loop, "step", lambda self, batch: steps_made.append(self.step_number) or step(self, batch)
    )
    maker.make(recipe(seeds=[1]), tmp_path / "killed")
    assert steps_made == [3, 4, 5]
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
    maker.make(recipe(seeds=[1]), tmp_path / "killed")
    assert steps_made == [3, 4, 5]


def test_a_member_is_a_checkpoint_that_knows_its_run_and_step(tmp_path):
    maker.make(recipe(), tmp_path / "f")
    one, two = (resolve(str(tmp_path / "f" / f"seed={seed}" / "step=3")) for seed in (1, 2))
    assert (one.objective, one.info.step, one.info.training_seed) == ("causal", 3, 1)
    assert one.info.run != two.info.run and one.info.corpus == two.info.corpus and one.tokenizer == two.tokenizer
    model, tokenizer = load_language_model(one, "cpu", "float32")
    assert model.config.vocab_size == len(tokenizer)
    assert not list((tmp_path / "f").rglob("training.state"))


def test_a_masked_model_from_scratch_and_one_that_goes_on(tmp_path):
    maker.make(Pretrain.model_validate(MASKED), tmp_path / "first")
    start = str(tmp_path / "first" / "seed=1" / "step=4")
    went_on = {k: v for k, v in MASKED.items() if k not in ("architecture", "tokenizer")} | {
        "start": start,
        "steps": [0, 2],
    }
    maker.make(Pretrain.model_validate(went_on), tmp_path / "second")
    found, parent = hashes(tmp_path / "second"), hashes(tmp_path / "first")
    assert found["seed=1/step=0/model.safetensors"] in parent.values()
    assert found["seed=1/step=2/model.safetensors"] not in parent.values()
    assert resolve(str(tmp_path / "second" / "seed=1" / "step=2")).objective == "masked"
    assert json.loads((tmp_path / "second/seed=1/step=2/harness.json").read_text())["parent"] == start


@pytest.fixture
def encoder(tmp_path) -> str:
    """A BERT body saved without a head, beside its tokenizer."""
    from transformers import AutoTokenizer, BertModel

    maker.make(Pretrain.model_validate(MASKED), tmp_path / "first")
    member = tmp_path / "first" / "seed=1" / "step=4"
    BertModel.from_pretrained(member).save_pretrained(tmp_path / "encoder")
    AutoTokenizer.from_pretrained(member).save_pretrained(tmp_path / "encoder")
    return str(tmp_path / "encoder")


def headed(encoder: str, **changes) -> Pretrain:
    """The encoder trained on under a new head."""
    kept = {k: v for k, v in MASKED.items() if k not in ("architecture", "tokenizer")}
    return Pretrain.model_validate(
        kept | {"start": encoder, "head": "tied", "seeds": [1, 2], "steps": [0, 2]} | changes
    )


def test_an_encoder_goes_on_under_a_new_head_tied_to_its_embeddings(tmp_path, encoder):
    assert resolve(encoder).objective == "encoder"
    maker.make(headed(encoder), tmp_path / "second")
    models = [load_language_model(resolve(str(tmp_path / "second" / f"seed={seed}" / "step=0")), "cpu", "float32")[0]
              for seed in (1, 2)]  # fmt: skip
    body, _ = load_classifier(resolve(encoder), 2, 1, "cpu", "float32")
    first, second = (dict(model.named_parameters()) for model in models)
    for name, weight in body.bert.encoder.named_parameters():
        assert torch.equal(first[f"bert.encoder.{name}"], weight)
    assert models[0].get_output_embeddings().weight is models[0].get_input_embeddings().weight
    new = "cls.predictions.transform.dense.weight"
    assert not torch.equal(first[new], second[new])


def test_a_model_with_a_head_keeps_it_unless_told(tmp_path, encoder):
    with pytest.raises(HarnessError, match="no LM head"):
        maker.make(headed(encoder, head="own"), tmp_path / "second")
    with pytest.raises(ValueError, match="head: tied is for an encoder"):
        headed(encoder, objective="causal")


def test_a_block_is_a_sentence_where_all_have_one_length():
    data = {"world": "pcfg", "options": {"depth": 2, "text_train": 64}}
    words = {"kind": "word", "vocabulary": 64}
    made = recipe(objective="masked", tokenizer=words, corpus=[{"data": data}], batch_size=8, length=6)
    texts, _ = corpus_texts(made.corpus, Path(), offline=True)
    tokenizer = maker.the_tokenizer(made, None, texts)
    blocks = packed(tokenizer, texts, made, made.objective)
    assert [" ".join(tokenizer.convert_ids_to_tokens(block[1:-1].tolist())) for block in blocks] == texts


def test_a_masked_objective_with_a_tokenizer_of_a_causal_model_is_one_message(content, tmp_path):
    message = "objective: masked with the tokenizer .* has no cls_token, sep_token, mask_token; expected"
    with pytest.raises(HarnessError, match=message):
        maker.make(recipe(**(MASKED | {"tokenizer": str(content.folder("gpt2"))})), tmp_path / "f")
    tokenizer = copy.deepcopy(content.make("bert")[1])
    tokenizer.sep_token = None
    with pytest.raises(
        HarnessError, match="has no sep_token; expected cls_token, sep_token, mask_token: take a tokenizer"
    ):
        packed(tokenizer, ["a text"], recipe(**MASKED), "masked")


@pytest.mark.parametrize(("objective", "length", "least"), [("masked", 2, 3), ("causal", 1, 2)])
def test_sequences_without_a_token_to_predict_are_refused(tmp_path, objective, length, least):
    with pytest.raises(HarnessError, match=f"length: {length} leaves no token to predict; expected at least {least}"):
        maker.make(recipe(**(MASKED if objective == "masked" else {}) | {"length": length}), tmp_path / "f")


def test_a_folder_made_otherwise_is_refused(tmp_path):
    maker.make(recipe(seeds=[1], steps=[1]), tmp_path / "f")
    with pytest.raises(HarnessError, match=r"made with other settings \(learning_rate\)"):
        maker.make(recipe(seeds=[1], steps=[1], learning_rate=1e-4), tmp_path / "f")


@pytest.mark.parametrize(("changes", "message"), [
    ({"architecture": {"model_type": "gpt5000"}}, "architecture"),
    ({"batch_size": 4096}, "less than one batch"),
    ({"corpus": [{"data": {"world": "hmm", "options": {"text_trian": 1}}}]}, "did you mean 'text_train'"),
])  # fmt: skip
def test_a_recipe_that_cannot_work_is_one_message(tmp_path, changes, message):
    with pytest.raises(HarnessError, match=message):
        maker.make(recipe(**changes), tmp_path / "f")
