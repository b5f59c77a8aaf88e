from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.specs.makers.model import number, protocols, spread
from harness.specs.makers.pretrain import Pretrain

CORPUS = [{"data": {"world": "hmm"}}]


def test_a_range_is_the_list_of_its_numbers_without_rounding_errors():
    assert spread("0.0:0.9:0.1") == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert spread("100:300:100") == [100, 200, 300] and all(isinstance(n, int) for n in spread("1:2:1"))
    assert spread([1, 2]) == [1, 2] and spread("half") == "half" and spread(True) is True


@pytest.mark.parametrize("text", ["0:1:0", "1:0:0.1", "0:1:0.00001"])
def test_a_range_without_numbers_or_with_too_many_is_refused(text):
    with pytest.raises(ValueError, match="first:last:step"):
        spread(text)


def test_steps_may_be_a_range_and_a_member_says_what_differs():
    recipe = Pretrain.model_validate(
        {"maker": "pretrain", "objective": "causal", "start": "a/b", "corpus": CORPUS, "steps": "10:30:10", "seeds": 1}
    )
    assert recipe.members() == ("seed=1/step=10", "seed=1/step=20", "seed=1/step=30")
    assert recipe.settings("seed=1/step=20") == {"seed": 1, "step": 20}
    assert recipe.training_tokens() == 30 * 32 * 128


def test_an_unknown_protocol_is_refused_by_name():
    with pytest.raises(ValidationError, match="unknown protocol 'nothing'"):
        Pretrain.model_validate({"maker": "pretrain", "protocol": "nothing"})
    assert protocols("nothing") == []


def test_values_in_names_are_numbers_where_they_are():
    assert (number("3"), number("0.25"), number("random")) == (3, 0.25, "random")
