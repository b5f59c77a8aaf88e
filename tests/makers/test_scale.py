from __future__ import annotations

import json

import yaml

from harness.checkpoints import load_language_model, resolve
from harness.makers import scale as maker
from harness.makers.models import non_embedding_parameters
from harness.specs import Scale

GRID = {
    "maker": "scale", "corpus": [{"data": {"world": "hmm", "options": {"text_train": 200}}}],
    "architecture": {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 64},
    "widths": [8, 16], "tokens": [500, 1000], "tokenizer": {"kind": "word", "vocabulary": 128}, "batch_size": 8, "length": 33,
}  # fmt: skip


def test_members_tell_how_many_parameters_and_tokens_they_have(tmp_path):
    names = maker.make(Scale.model_validate(GRID), tmp_path / "f")
    told = yaml.safe_load((tmp_path / "f" / "family.yaml").read_text())["members"]
    for name, width in zip(names, (8, 8, 16, 16), strict=True):
        layers = 12 * width**2 + 13 * width + 2 * width  # GPT-2: one layer, and the norm behind it
        found = json.loads((tmp_path / "f" / name / "harness.json").read_text())
        assert (found["made"]["parameters"], told[name]["parameters"]) == (layers, layers)
        assert found["made"]["tokens"] == told[name]["tokens"] == found["step"] * 8 * 33
    assert maker.make(Scale.model_validate(GRID), tmp_path / "f") == names
    assert yaml.safe_load((tmp_path / "f" / "family.yaml").read_text())["members"] == told


def test_an_output_layer_of_its_own_is_left_out_too():
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=50, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2,
                         tie_word_embeddings=False)  # fmt: skip
    assert non_embedding_parameters(LlamaForCausalLM(config)) == 4 * 8 * 8 + 3 * 8 * 12 + 3 * 8


def test_runs_per_budget_are_runs_of_their_own_that_end_at_a_learning_rate_of_nothing(tmp_path):
    recipe = Scale.model_validate(GRID | {"widths": [8], "runs": "per_budget", "schedule": "cosine"})
    first, second = (resolve(str(tmp_path / "f" / name)) for name in maker.make(recipe, tmp_path / "f"))
    assert first.info.run != second.info.run
    shared = Scale.model_validate(GRID | {"widths": [8]})
    one, other = (resolve(str(tmp_path / "g" / name)) for name in maker.make(shared, tmp_path / "g"))
    assert one.info.run == other.info.run
    assert load_language_model(first, "cpu", "float32")[0].config.n_embd == 8
