from __future__ import annotations

import json
from itertools import islice, product

import numpy as np
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from harness.checkpoints import load_language_model, resolve
from harness.data.parallel import Pair
from harness.data.tokenizer import train_tokenizer
from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.makers.models import from_scratch
from harness.makers.pair_batches import PairBatches, PairTokens, tokenised
from harness.makers.registry import plan
from harness.makers.translation import Translating, translation_loss
from harness.specs import Pretrain
from tests.makers.test_pretrain import hashes

WORDS = ["eins", "zwei", "drei", "vier"]
ENGLISH = dict(zip(WORDS, ["one", "two", "three", "four"], strict=True))
MARIAN = {
    "model_type": "marian", "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 16,
    "scale_embedding": True, "activation_function": "relu",
}  # fmt: skip
T5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
BART = MARIAN | {"model_type": "bart"}


@pytest.fixture
def folder(tmp_path):
    """A folder with every sentence of one to three words, and its translation word by word."""
    sentences = [sentence for n in (1, 2, 3) for sentence in product(WORDS, repeat=n)]
    rows = [{"de": " ".join(s), "en": " ".join(ENGLISH[word] for word in s), "n": len(s)} for s in sentences]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def part(**changes) -> dict:
    return {"data": {"files": ["pairs.jsonl"]}, "source": "{{ de }}", "target": "{{ en }}"} | changes


def recipe(**changes) -> Pretrain:
    usual = {
        "maker": "pretrain", "objective": "translation", "architecture": MARIAN, "pairs": [part()], "length": 8,
        "tokenizer": {"kind": "sentencepiece", "vocabulary": 60}, "batch_tokens": 128, "steps": [2, 4], "learning_rate": 3e-3,
        "dropout": 0.1, "label_smoothing": 0.1,
    }  # fmt: skip
    return Pretrain.model_validate(usual | changes)


@pytest.mark.parametrize("architecture", [MARIAN, T5, BART], ids=lambda one: one["model_type"])
def test_a_killed_run_goes_on_to_the_same_weights_and_members_load_as_translators(folder, architecture, monkeypatch):
    made, step = recipe(architecture=architecture, steps=[1, 3]), maker.Loop.step
    maker.make(made, folder / "whole", spec_folder=folder)

    def killed(self, batch):
        if self.step_number == 2:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(maker.Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        maker.make(made, folder / "killed", spec_folder=folder)
    monkeypatch.setattr(maker.Loop, "step", step)
    maker.make(made, folder / "killed", spec_folder=folder)
    assert hashes(folder / "killed") == hashes(folder / "whole")
    found = resolve(str(folder / "whole" / "seed=1" / "step=3"))
    assert (found.objective, found.info.objective) == ("seq2seq", "translation")
    model, tokenizer = load_language_model(found, "cpu", "float32")
    start = tokenizer.eos_token_id if architecture is BART else tokenizer.pad_token_id
    for config in (model.config, model.generation_config):
        assert config.decoder_start_token_id == start
        assert (config.eos_token_id, config.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert (
        AutoTokenizer.from_pretrained(found.folder)("drei eins zwei").input_ids == tokenizer("drei eins zwei").input_ids
    )
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.slow
def test_a_small_model_learns_to_translate_word_by_word(folder):
    made = recipe(steps=[250], dropout=0.0, label_smoothing=0.0, batch_tokens=512, pairs=[part(where={"n": 3})])
    maker.make(made, folder / "f", spec_folder=folder)
    member = folder / "f" / "seed=1" / "step=250"
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(member).eval(), AutoTokenizer.from_pretrained(member)
    sentences = list(product(WORDS, repeat=3))
    read = tokenizer([" ".join(s) for s in sentences], return_tensors="pt", padding=True)
    said = tokenizer.batch_decode(model.generate(**read, max_new_tokens=16), skip_special_tokens=True)
    assert said == [" ".join(ENGLISH[word] for word in s) for s in sentences]


def test_the_loss_is_transformers_own_and_counts_no_padding(folder):
    tokenizer = train_tokenizer(WORDS * 2, kind="word", vocabulary=20, objective="translation")
    pairs = [Pair(0, "eins zwei drei", "vier"), Pair(1, "eins", "zwei drei vier eins")]
    for architecture in (MARIAN, T5, BART):
        model = from_scratch("translation", architecture, tokenizer, 1).eval()
        both = Translating(tokenised([pairs], [None], tokenizer, 8), 64, model, tokenizer, 1).batch(np.array([0, 1]))
        theirs = [model(input_ids=torch.tensor([tokenizer(p.source).input_ids]),
                              labels=torch.tensor([tokenizer(p.target).input_ids])).loss.item() for p in pairs]  # fmt: skip
        expected = (2 * theirs[0] + 5 * theirs[1]) / 7
        assert translation_loss(model, both).item() == pytest.approx(expected, rel=1e-5)
        with torch.no_grad():
            logits = model(**{k: v for k, v in both.items() if k != "decoder_input_ids"}).logits.flatten(0, 1)
        smoothed = torch.nn.functional.cross_entropy(logits, both["labels"].flatten(), label_smoothing=0.1)
        assert translation_loss(model, both, 0.1).item() == pytest.approx(float(smoothed), rel=1e-5)


def of_lengths(*lengths: tuple[int, int], parts=None, weights=(1.0,)) -> PairTokens:
    sources, targets = [[1] * s for s, _ in lengths], [[1] * t for _, t in lengths]
    return PairTokens(sources, targets, parts or (np.arange(len(lengths)),), weights)


def random_pairs(count: int) -> PairTokens:
    return of_lengths(*np.random.default_rng(1).integers(1, 30, (count, 2)).tolist())


def test_batches_keep_to_the_budget_and_meet_every_pair_once_an_epoch():
    pairs = random_pairs(500)
    drawn = PairBatches(pairs, 200, seed=3)
    lengths = drawn.lengths
    one_epoch = list(next(drawn.pools()))
    assert sorted(np.concatenate(one_epoch).tolist()) == list(range(500))
    assert all(len(batch) * lengths[batch].max(0).sum() <= 200 for batch in one_epoch)
    full = lengths.sum() / sum(len(batch) * lengths[batch].max(0).sum() for batch in one_epoch)
    assert full > 0.8  # in a random order: below .6


def test_batches_depend_on_seed_and_step_alone():
    def batches(seed, start, stop):
        return [batch.tolist() for batch in PairBatches(random_pairs(60), 200, seed).of_steps(start, stop)]

    whole = batches(1, 0, 40)
    assert len(whole) == 40 and batches(1, 17, 23) == whole[17:23] and batches(2, 0, 40) != whole
    drawn = PairBatches(random_pairs(60), 200, 1)
    assert drawn.tokens_until(5) == sum(int(drawn.lengths[batch].sum()) for batch in whole[:5])


def test_parts_with_weights_are_drawn_in_their_shares():
    pairs = of_lengths(*[(5, 5)] * 40, parts=(np.arange(10), np.arange(10, 40)), weights=(3.0, 1.0))
    drawn = PairBatches(pairs, 100, 1)
    met = np.concatenate(list(islice(drawn.of_steps(0, 400), 400)))
    assert (met < 10).mean() == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / len(met)) ** 0.5)
    counts = np.bincount(met)
    assert counts[:10].max() - counts[:10].min() <= 1 and counts[10:].max() - counts[10:].min() <= 1


def test_longer_pairs_are_left_out_and_counted(folder):
    found = maker.make(
        recipe(length=3, steps=[1], tokenizer={"kind": "word", "vocabulary": 60}), folder / "f", spec_folder=folder
    )
    assert found == ["seed=1/step=1"]
    assert "pairs:\n  trained_on: 20\n  left_out: 64" in (folder / "f" / "family.yaml").read_text()
    told = json.loads((folder / "f" / "seed=1" / "step=1" / "harness.json").read_text())
    assert 0 < told["made"]["tokens"] <= 128


def test_sizes_are_members_and_the_plan_counts_budgets(folder):
    sizes = [{"name": "small"}, {"name": "wide", "architecture": {"d_model": 64}}]
    made = recipe(sizes=sizes, steps=[1, 2], seeds=[1, 2])
    assert made.members()[:3] == ("size=small/seed=1/step=1", "size=small/seed=1/step=2", "size=small/seed=2/step=1")
    assert made.training_tokens() == 4 * 2 * 128 and plan(made, folder / "f").tokens == 1024
    assert plan(made, folder / "f").parameters > 60 * 64


def test_members_tell_their_loss_on_held_out_pairs(folder):
    held = part(where={"n": 3}, first=5)
    maker.make(recipe(steps=[1], evaluate_pairs=held), folder / "f", spec_folder=folder)
    member = folder / "f" / "seed=1" / "step=1"
    found = json.loads((member / "harness.json").read_text())["made"]["held_out"]
    model, tokenizer = load_language_model(resolve(str(member)), "cpu", "float32")
    rows = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    pairs = [(tokenizer(row["de"]).input_ids, tokenizer(row["en"]).input_ids) for row in rows if row["n"] == 3][:5]
    with torch.no_grad():
        nats = [model(input_ids=torch.tensor([s]), labels=torch.tensor([t])).loss.item() * len(t) for s, t in pairs]
    counted = sum(len(target) for _, target in pairs)
    assert found["loss"] == pytest.approx(sum(nats) / counted, rel=1e-5)
    assert (found["tokens"], found["documents"]) == (counted, 5)


@pytest.mark.parametrize(("changes", "message"), [
    ({"evaluate": {"data": {"world": "hmm"}}}, "give evaluate_pairs in place of evaluate"),
    ({"pairs": []}, "learns from pairs: give them"),
    ({"corpus": [{"data": {"world": "hmm"}}]}, "corpus and select are for text"),
    ({"objective": "causal", "architecture": {"model_type": "gpt2"}}, "pairs are for translation"),
    ({"pairs": [part(weight=1.0), part()]}, "every part of the pairs a weight"),
])  # fmt: skip
def test_a_recipe_of_text_and_pairs_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        recipe(**changes)


@pytest.mark.parametrize(("changes", "message"), [
    ({"length": 1}, "none of the 84 pairs of part 1 has at most 1 tokens a side"),
    ({"batch_tokens": 5}, "batch_tokens: 5 holds no pair of"),
    ({"architecture": MARIAN | {"max_position_embeddings": 2}}, "the model has 2 positions and a side of a pair"),
])  # fmt: skip
def test_pairs_that_do_not_fit_are_one_message(folder, changes, message):
    with pytest.raises(HarnessError, match=message):
        maker.make(recipe(**changes), folder / "f", spec_folder=folder)


def test_a_decoder_alone_does_not_translate(folder):
    tokenizer = train_tokenizer(WORDS * 2, kind="word", vocabulary=20, objective="causal")
    gpt = from_scratch("causal", {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1}, tokenizer, 1)
    with pytest.raises(HarnessError, match="type gpt2, which has no encoder and decoder"):
        Translating(of_lengths((1, 1)), 10, gpt, tokenizer, 1)
