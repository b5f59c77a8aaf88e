from __future__ import annotations

import pytest

from harness.specs import load_task
from harness.specs.makers import Pretrain
from harness.specs.makers.corpus import corpora, named


def recipe(corpus) -> Pretrain:
    return Pretrain.model_validate(
        {"maker": "pretrain", "objective": "causal", "start": "a/b", "corpus": corpus, "steps": 1}
    )


def test_a_task_gives_its_data_and_documents_and_the_split_to_train_on():
    (found,) = recipe("lm_loss/wiki").corpus
    task = load_task("lm_loss/wiki")
    assert (found.data, found.text, found.split) == (task.data, task.text, "train")
    (books,) = recipe(["lm_loss/books"]).corpus
    assert books.text.characters == 20_000 and books.text.first is None


def test_a_name_and_the_mapping_it_stands_for_are_one_recipe():
    written = [{"data": {"files": ["a.txt"]}, "text": {"documents": "file"}}, {"data": {"files": ["b.jsonl"]}}]
    assert recipe(["a.txt", "b.jsonl"]).definition() == recipe(written).definition()
    assert recipe({"data": {"world": "hmm"}}).definition() == recipe([{"data": {"world": "hmm"}}]).definition()


@pytest.mark.parametrize(("name", "message"), [
    ("lm_loss/wikki", "did you mean 'lm_loss/wiki'"),
    ("lm_loss/web", "scores the split train"),
    ("glue/rte", "no text to train on"),
    ("lm_loss/text", "no text to train on"),
])  # fmt: skip
def test_what_cannot_be_trained_on_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        named(name)


def test_what_is_no_name_is_left_to_the_check_of_the_recipe():
    assert corpora(3) == 3 and corpora([3]) == [3]
