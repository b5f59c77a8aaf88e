from __future__ import annotations

from itertools import islice

import pytest
import torch
from pydantic import ValidationError

from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.makers.training_text import Mixture
from harness.specs import Pretrain
from tests.makers.test_pretrain import CAUSAL, hashes

PARTS = torch.arange(6).reshape(6, 1), torch.arange(100, 140).reshape(40, 1)
HMM = {"data": {"world": "hmm", "options": {"text_train": 200}}}
TWO = [
    HMM | {"weight": 3},
    {"data": {"world": "hmm", "name": "text_control", "options": {"text_train": 200}}, "weight": 1},
]


def test_parts_are_drawn_by_weight_and_wherever_a_run_goes_on_alike():
    mixture = Mixture(PARTS, (3.0, 1.0))
    whole = torch.stack(list(mixture.batches(8, 1, 0, 500))).flatten()
    assert float((whole < 100).double().mean()) == pytest.approx(0.75, abs=0.03)  # 4,000 draws: sd .007
    went_on = torch.stack(list(mixture.batches(8, 1, 123, 500))).flatten()
    assert torch.equal(whole[123 * 8 :], went_on)
    assert torch.equal(whole[:80], torch.stack(list(islice(mixture.batches(8, 1, 0, 10), 10))).flatten())
    assert not torch.equal(whole, torch.stack(list(mixture.batches(8, 2, 0, 500))).flatten())


def test_within_a_part_every_sequence_comes_once_before_any_comes_again():
    drawn = torch.stack(list(Mixture(PARTS, (1.0, 1.0)).batches(4, 1, 0, 100))).flatten()
    small = drawn[drawn < 100].numpy()
    for first in range(0, len(small) - 6, 6):
        assert sorted(small[first : first + 6]) == list(range(6))
    assert len({tuple(small[first : first + 6]) for first in range(0, 60, 6)}) > 1


def test_a_mixture_is_made_alike_twice_and_other_weights_are_other_weights(tmp_path):
    base = CAUSAL | {"seeds": [1], "steps": [2, 4], "corpus": TWO}
    for name in ("a", "b"):
        maker.make(Pretrain.model_validate(base), tmp_path / name)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    maker.make(Pretrain.model_validate(base | {"corpus": [TWO[0] | {"weight": 1}, TWO[1]]}), tmp_path / "c")
    assert set(hashes(tmp_path / "a").values()).isdisjoint(hashes(tmp_path / "c").values())


def test_so_many_tokens_are_the_first_whole_documents_that_have_them(tmp_path):
    few = CAUSAL | {"seeds": [1], "steps": [1], "corpus": [HMM | {"tokens": 32 * 40}]}
    first = CAUSAL | {"seeds": [1], "steps": [1], "corpus": [HMM | {"text": {"first": 40}}]}
    material = maker.Material(Pretrain.model_validate(few), None, None, tmp_path, "cpu", False)
    other = maker.Material(Pretrain.model_validate(first), None, None, tmp_path, "cpu", False)
    ours, theirs = (m.tokenizer.batch_decode(m.blocks) for m in (material, other))
    assert ours == theirs  # the same words; a tokenizer sees the whole corpus that is named, so that numbers differ
    with pytest.raises(HarnessError, match="has 6,400 tokens; expected 10,000"):
        maker.make(Pretrain.model_validate(few | {"corpus": [HMM | {"tokens": 10000}]}), tmp_path / "f")


def test_one_weight_alone_is_refused():
    with pytest.raises(ValidationError, match="every part of the corpus a weight, or none"):
        Pretrain.model_validate(CAUSAL | {"corpus": [TWO[0], HMM]})
