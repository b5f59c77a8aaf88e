from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.checkpoints import load_language_model, resolve
from harness.data.corruption import sentinels
from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.makers.objectives import LOSSES
from harness.makers.restoring import Restoring
from harness.specs import Pretrain
from tests.makers.test_pretrain import CAUSAL, hashes

T5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
BART = {
    "model_type": "bart", "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 64,
}  # fmt: skip
COMMON = {k: v for k, v in CAUSAL.items() if k not in ("architecture", "tokenizer")}
BOTH = {
    name: COMMON | {"objective": name, "architecture": architecture, "seeds": [1], "steps": [2, 4], "batch_size": 4,
                    "tokenizer": {"kind": "word", "vocabulary": 200}}
    for name, architecture in (("span", T5), ("denoising", BART))
}  # fmt: skip


@pytest.mark.parametrize("name", BOTH)
def test_a_model_that_restores_text_is_made_alike_twice_and_goes_on(tmp_path, name, monkeypatch):
    recipe, step = Pretrain.model_validate(BOTH[name]), maker.Loop.step
    maker.make(recipe, tmp_path / "whole")

    def killed(self, batch):
        if self.step_number == 3:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(maker.Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        maker.make(recipe, tmp_path / "killed")
    monkeypatch.setattr(maker.Loop, "step", step)
    maker.make(recipe, tmp_path / "killed")
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
    found = resolve(str(tmp_path / "whole" / "seed=1" / "step=4"))
    assert (found.objective, found.info.objective) == ("seq2seq", name)
    assert load_language_model(found, "cpu", "float32")[0].config.decoder_start_token_id is not None


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[str, tuple]:
    folder = tmp_path_factory.mktemp("restoring")
    made = {}
    for name, recipe in BOTH.items():
        maker.make(Pretrain.model_validate(recipe | {"steps": [1]}), folder / name)
        made[name] = load_language_model(resolve(str(folder / name / "seed=1" / "step=1")), "cpu", "float32")
    return made


def test_source_and_target_of_span_corruption_put_together_are_the_text(trained):
    model, tokenizer = trained["span"]
    blocks = torch.arange(110, 150).reshape(2, 20)
    asked = Restoring("span", model, tokenizer, 1, 0.2, 2.0)
    batch, marks = asked.batch(blocks, 7), set(sentinels(tokenizer))
    for row in range(2):
        source = batch["input_ids"][row][batch["attention_mask"][row].bool()].tolist()
        target = [t for t in batch["labels"][row].tolist() if t != -100]
        assert source.pop() == target.pop() == tokenizer.eos_token_id
        spans: dict[int, list[int]] = {}
        mark = -1
        for token in target:
            mark = token if token in marks else mark
            spans.setdefault(mark, []).extend([] if token in marks else [token])
        text = [t for token in source for t in (spans[token] if token in marks else [token])]
        assert text == blocks[row].tolist() and sum(map(len, spans.values())) == 4
    start, *said = batch["decoder_input_ids"][0].tolist()
    assert start == tokenizer.pad_token_id == model.config.decoder_start_token_id
    assert said == batch["labels"][0].tolist()[:-1]


def test_denoising_asks_for_the_whole_text_and_hides_the_share_published(trained):
    model, tokenizer = trained["denoising"]
    blocks = torch.arange(10, 50).reshape(2, 20)
    asked = maker.asked_of(Pretrain.model_validate(BOTH["denoising"]), model, tokenizer, 1)
    batch = asked.batch(blocks, 3)
    for row in range(2):
        source = batch["input_ids"][row][batch["attention_mask"][row].bool()]
        assert batch["labels"][row].tolist() == [tokenizer.bos_token_id, *blocks[row].tolist(), tokenizer.eos_token_id]
        assert len(blocks[row]) - int((source[1:-1] != tokenizer.mask_token_id).sum()) == 6  # .3 of 20
    assert (batch["decoder_input_ids"][:, 0] == tokenizer.eos_token_id).all()


def test_spans_depend_on_seed_and_step_alone(trained):
    blocks = torch.arange(110, 150).reshape(2, 20)

    def sources(seed, step):
        return Restoring("span", *trained["span"], seed, 0.3, 2.0).batch(blocks, step)["input_ids"].tolist()

    assert sources(1, 5) == sources(1, 5)
    assert sources(1, 5) != sources(2, 5) and sources(1, 5) != sources(1, 6)


@pytest.mark.parametrize("name", BOTH)
def test_the_loss_is_transformers_own(trained, name):
    model, tokenizer = trained[name]
    blocks = torch.arange(len(tokenizer) - 40, len(tokenizer)).reshape(2, 20)
    batch = Restoring(name, model, tokenizer, 1, 0.3, 3.0).batch(blocks, 0)
    model.eval()
    with torch.no_grad():
        theirs = model(**{k: v for k, v in batch.items() if k != "decoder_input_ids"}).loss
        np.testing.assert_allclose(float(LOSSES[name](model, batch)), float(theirs), rtol=1e-5)


@pytest.mark.parametrize(("changes", "message"), [
    ({"objective": "denoising", "architecture": T5}, "is scored by span corruption; expected one of bart, mbart"),
    ({"objective": "span", "architecture": CAUSAL["architecture"]}, "architecture"),
])  # fmt: skip
def test_an_objective_that_an_architecture_is_not_scored_by_is_refused(tmp_path, changes, message):
    with pytest.raises(HarnessError, match=message):
        maker.make(Pretrain.model_validate(BOTH["span"] | changes), tmp_path / "f")
