"""What a generation config forbids is told in the signature, whether the model is in memory or lies in a folder."""

from __future__ import annotations

from harness.checkpoints import resolve, resolve_in_memory
from harness.measures.translation.generation import generation_policy
from tests.hub import seq2seq


def test_the_options_that_decoding_heeds_are_told(tmp_path):
    model, tokenizer = seq2seq.make("marian")
    forced = {"forced_eos_token_id": 0}  # as MarianConfig has it
    assert generation_policy(resolve_in_memory(model, tokenizer)) == {"generation": forced}
    model.generation_config.bad_words_ids, model.generation_config.num_beams = [[0]], 6
    asked = {"generation": forced | {"bad_words_ids": [[0]]}}
    assert generation_policy(resolve_in_memory(model, tokenizer)) == asked
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert generation_policy(resolve(str(tmp_path))) == asked
    (tmp_path / "generation_config.json").unlink()
    assert generation_policy(resolve(str(tmp_path))) == {}
