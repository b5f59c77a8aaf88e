"""Maker ``distill``: a student learns what the teacher says."""

from __future__ import annotations

import pytest
import torch
import yaml
from pydantic import ValidationError

from harness.checkpoints import load_language_model, resolve
from harness.data.parallel import Pair
from harness.errors import HarnessError
from harness.makers import distill, pretrain, teacher
from harness.makers.distill import Distilled
from harness.makers.family import FamilyFolder
from harness.makers.models import from_scratch
from harness.makers.pair_batches import tokenised, told_of
from harness.makers.registry import plan
from harness.makers.translation import Translating, translation_loss
from harness.makers.word_distillation import word_level_loss
from harness.measures.translation.encoded import encoded_for_encoder
from harness.specs import Distill, Languages
from harness.specs.chains import making_order
from tests.hub import multilingual
from tests.makers.test_pretrain import hashes
from tests.makers.test_translation import MARIAN, folder, part, recipe

__all__ = ["folder"]


def student(**changes) -> Distill:
    """A recipe of a student of the family ``t`` beside it."""
    usual = {
        "maker": "distill", "teacher": "t/seed=1/step=2", "architecture": MARIAN | {"d_model": 16}, "pairs": [part()],
        "length": 8, "batch_tokens": 128, "steps": [2], "learning_rate": 3e-3,
    }  # fmt: skip
    return Distill.model_validate(usual | changes)


@pytest.fixture
def taught(folder, monkeypatch):
    """A folder with a teacher of two steps, whose translations are planted: every source in capitals, one without an end."""
    pretrain.make(recipe(steps=[2]), folder / "t", spec_folder=folder)

    def planted(parent, loaded, pairs, recipe):
        return [teacher.Said(pair.source.upper(), finished=pair.source != "eins") for pair in pairs]

    monkeypatch.setattr(teacher, "translations", planted)
    monkeypatch.setattr(teacher, "TOGETHER", 30)
    return folder


def material(made: Distill, folder) -> Distilled:
    """What the students of a recipe share."""
    family = FamilyFolder(folder / "s", made, distill.VERSION)
    parent = family.parent(made.teacher, offline=True)
    return Distilled(made, family, None, folder, "cpu", True, teacher=parent)


def test_a_student_is_trained_on_the_translations_of_its_teacher(taught):
    found = material(student(), taught)
    (pairs,) = found.training_parallel
    assert len(pairs) == 83 and all(pair.target == pair.source.upper() for pair in pairs)  # 84, one without an end
    (both,) = material(student(with_gold=True), taught).training_parallel
    assert both[:83] == pairs and both[83:] == found.parallel[0][0]
    distill.make(student(), taught / "s", spec_folder=taught, offline=True)
    member = resolve(str(taught / "s" / "seed=1" / "step=2"))
    assert member.objective == "seq2seq"
    about = yaml.safe_load((taught / "s" / "family.yaml").read_text())
    parent = resolve(str(taught / "t" / "seed=1" / "step=2"))
    assert about["from"] == {"t/seed=1/step=2": parent.identity}
    assert member.tokenizer == parent.tokenizer


def test_translations_torn_by_a_kill_are_made_once_more_and_the_rest_is_kept(taught, monkeypatch):
    kept = taught / "s" / ".teacher" / "part0.jsonl"
    (whole,) = material(student(), taught).training_parallel
    text, asked = kept.read_text(), []
    lines = text.splitlines(keepends=True)
    kept.write_text("".join(lines[:41]) + lines[41][:9])
    planted = teacher.translations
    monkeypatch.setattr(teacher, "translations", lambda *given: asked.append(len(given[2])) or planted(*given))
    (again,) = material(student(), taught).training_parallel
    assert (again, kept.read_text(), asked) == (whole, text, [30, 14])
    asked.clear()
    material(student(decoding={"beams": 2}), taught).training_parallel  # noqa: B018
    assert sum(asked) == 84  # another search: nothing of the old one is taken


def test_a_killed_student_goes_on_to_the_same_weights(taught, monkeypatch):
    for name, level in (("sequence", {}), ("word", {"level": "word", "gold_weight": 0.3, "temperature": 2.0})):
        made, step = student(steps=[1, 3], dropout=0.1, **level), pretrain.Loop.step
        distill.make(made, taught / f"{name}-whole", spec_folder=taught)

        def killed(self, batch, step=step):
            if self.step_number == 2:
                raise KeyboardInterrupt
            return step(self, batch)

        monkeypatch.setattr(pretrain.Loop, "step", killed)
        with pytest.raises(KeyboardInterrupt):
            distill.make(made, taught / f"{name}-killed", spec_folder=taught)
        monkeypatch.setattr(pretrain.Loop, "step", step)
        distill.make(made, taught / f"{name}-killed", spec_folder=taught)
        assert hashes(taught / f"{name}-killed") == hashes(taught / f"{name}-whole")


def test_word_level_loss_of_the_teacher_itself_is_its_entropy_and_moves_nothing(taught):
    model, tokenizer = load_language_model(resolve(str(taught / "t" / "seed=1" / "step=2")), "cpu", "float32")
    tokens = tokenised([[Pair(0, "eins zwei drei", "four"), Pair(1, "eins", "two three")]], [None], tokenizer, 8)
    batch = Translating(tokens, 64, model, tokenizer, 1).batch(tokens.parts[0])
    loss = word_level_loss(model, batch, model)
    read = {name: values for name, values in batch.items() if name != "labels"}
    with torch.no_grad():
        logits = model(**read).logits[batch["labels"] != -100]
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean()
    assert loss.item() == pytest.approx(float(entropy), rel=1e-5)
    loss.backward()
    assert max(float(p.grad.abs().max()) for p in model.parameters() if p.grad is not None) < 1e-6


def test_word_level_loss_by_its_formula(taught):
    model, tokenizer = load_language_model(resolve(str(taught / "t" / "seed=1" / "step=2")), "cpu", "float32")
    other = from_scratch("translation", MARIAN, tokenizer, 5).eval()
    tokens = tokenised([[Pair(0, "eins zwei drei", "four")]], [None], tokenizer, 8)
    batch = Translating(tokens, 64, model, tokenizer, 1).batch(tokens.parts[0])
    read = {name: values for name, values in batch.items() if name != "labels"}
    with torch.no_grad():
        student_logits, teacher_logits = other(**read).logits[0], model(**read).logits[0]
    tempered = -((teacher_logits / 2).softmax(-1) * (student_logits / 2).log_softmax(-1)).sum(-1).mean() * 4
    given = translation_loss(other, batch)
    found = word_level_loss(other, batch, model, gold_weight=0.25, temperature=2.0)
    assert float(found) == pytest.approx(0.75 * float(tempered) + 0.25 * float(given), rel=1e-5)


def test_what_cannot_be_distilled_is_one_message(taught):
    with pytest.raises(ValidationError, match="temperature is not for level: sequence"):
        student(temperature=2.0)
    with pytest.raises(ValidationError, match="with_gold is not for level: word"):
        student(level="word", with_gold=True)
    made = student(level="word", tokenizer={"kind": "word", "vocabulary": 12})
    with pytest.raises(HarnessError, match="expected the teacher's own"):
        distill.make(made, taught / "s", spec_folder=taught)
    (taught / "text.txt").write_text("eins zwei drei vier\n" * 40)
    causal = {"maker": "pretrain", "objective": "causal", "architecture": {"model_type": "gpt2", "n_embd": 8, "n_head": 1,
              "n_layer": 1, "n_positions": 16}, "corpus": ["text.txt"], "length": 16, "batch_size": 2, "steps": [1],
              "tokenizer": {"kind": "word", "vocabulary": 10}}  # fmt: skip
    pretrain.make(pretrain.Pretrain.model_validate(causal), taught / "c", spec_folder=taught)
    with pytest.raises(HarnessError, match=r"teacher c/seed=1/step=1 is a causal model .*expected one with an encoder"):
        distill.make(student(teacher="c/seed=1/step=1"), taught / "other", spec_folder=taught)


def test_a_mark_that_ends_a_line_in_a_translation_costs_no_resumed_run_its_work(taught, monkeypatch):
    marks = "\u2028 \x85 \x0b"
    monkeypatch.setattr(
        teacher, "translations", lambda *given: [teacher.Said(pair.source + marks, finished=True) for pair in given[2]]
    )
    (whole,) = material(student(), taught).training_parallel
    monkeypatch.setattr(teacher, "translations", lambda *given: pytest.fail("made again"))
    (again,) = material(student(), taught).training_parallel
    assert again == whole and again[0].target.endswith(marks)


def test_a_student_has_the_size_of_what_it_goes_on_from_and_a_new_one_that_of_its_own_architecture(taught):
    pretrain.make(recipe(steps=[1], architecture=MARIAN | {"d_model": 16}), taught / "small", spec_folder=taught)
    on = student(start="small/seed=1/step=1", architecture={})
    sizes = [plan(one, taught / "s").parameters for one in (on, student())]
    teachers = resolve(str(taught / "t" / "seed=1" / "step=2")).info.parameters
    assert sizes[0] == resolve(str(taught / "small" / "seed=1" / "step=1")).info.parameters
    assert teachers is not None and sizes[0] < teachers and sizes[1] != teachers


def test_a_student_may_have_the_tokenizer_of_a_member_of_another_family(taught):
    made = student(tokenizer="t/seed=1/step=2")
    assert made.needs() == ("t/seed=1/step=2",) * 2
    alone = recipe(steps=[1], tokenizer="t/seed=1/step=2")
    assert alone.parents() == () and making_order({"alone": alone, "t": recipe(steps=[2])}) == ["t", "alone"]
    pretrain.make(alone, taught / "alone", spec_folder=taught, offline=True)
    assert resolve(str(taught / "alone/seed=1/step=1")).tokenizer == resolve(str(taught / "t/seed=1/step=2")).tokenizer


def test_models_that_know_languages_are_told_them_in_training_as_in_scoring(tmp_path):
    model, tokenizer = multilingual.nllb()
    tokenizer.save_pretrained(tmp_path / "nllb")
    model.save_pretrained(tmp_path / "nllb")
    found, pairs = resolve(str(tmp_path / "nllb")), [Pair(0, "one", "two")]
    spoken = told_of(Languages(source="fr", target="de"), found, tokenizer)
    before = tokenizer.src_lang, tokenizer.tgt_lang
    tokens = tokenised([pairs], [None], tokenizer, 16, spoken)
    codes = tokenizer.convert_tokens_to_ids(["fra_Latn", "deu_Latn"])
    assert [tokens.sources[0][0], tokens.targets[0][0]] == codes
    assert (tokenizer.src_lang, tokenizer.tgt_lang) == before
    scored = encoded_for_encoder(model, tokenizer, pairs, spoken, 16)
    assert (scored.sources, [scored.start[1:] + scored.targets[0]]) == (tokens.sources, tokens.targets)
    with pytest.raises(HarnessError, match="the recipe names none; say which the pairs are of"):
        told_of(None, found, tokenizer)
