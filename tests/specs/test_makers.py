from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.data.worlds import open_world
from harness.specs.makers import MAKERS, recipe_of
from harness.specs.makers.model import number, protocols, spread
from harness.specs.makers.pretrain import Pretrain
from harness.specs.makers.scale import Scale

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


LADDER = {
    "maker": "pretrain", "objective": "causal", "corpus": CORPUS, "steps": [5, 10], "seeds": [1, 2], "learning_rate": 1e-3,
    "architecture": {"model_type": "gpt2", "n_embd": 64, "n_head": 2, "n_inner": 128, "n_layer": 2},
}  # fmt: skip


def test_each_size_and_seed_is_a_run_and_keeps_heads_and_proportions():
    recipe = Pretrain.model_validate(LADDER | {"widths": [32, 128], "learning_rate_rule": "inverse_width"})
    assert recipe.members()[:3] == ("size=d32/seed=1/step=5", "size=d32/seed=1/step=10", "size=d32/seed=2/step=5")
    assert recipe.settings("size=d32/seed=1/step=5") == {"size": "d32", "seed": 1, "step": 5}
    small, large = recipe.ladder()
    assert (small.learning_rate, large.learning_rate) == (2e-3, 5e-4)
    assert large.architecture == LADDER["architecture"] | {"n_embd": 128, "n_head": 4, "n_inner": 256}
    assert recipe.training_tokens() == 4 * 10 * 32 * 128
    both = Pretrain.model_validate(LADDER | {"widths": [32, 64], "depths": [1, 3]})
    assert [size.name for size in both.ladder()] == ["d32l1", "d32l3", "d64l1", "d64l3"]
    assert both.ladder()[1].architecture["n_layer"] == 3 and both.ladder()[1].learning_rate == 1e-3


def test_named_sizes_change_what_they_name_and_a_single_size_stands_in_no_name():
    sizes = [{"name": "thin", "architecture": {"n_embd": 32, "n_head": 1}, "learning_rate": 4e-3}, {"name": "base"}]
    thin, base = Pretrain.model_validate(LADDER | {"sizes": sizes}).ladder()
    assert (thin.learning_rate, thin.architecture["n_layer"]) == (4e-3, 2)
    assert base.architecture == LADDER["architecture"] and base.learning_rate == 1e-3
    alone = Pretrain.model_validate(LADDER)
    assert alone.members()[0] == "seed=1/step=5"
    assert set(alone.definition()) == {"maker", "objective", "corpus", "steps", "seeds", "architecture"}


@pytest.mark.parametrize(("changes", "message"), [
    ({"widths": [48]}, "makes n_head 1.5, and it must be whole"),
    ({"widths": [64], "sizes": [{"name": "a"}]}, "either sizes or widths"),
    ({"sizes": [{"name": "a"}, {"name": "a"}]}, "repeats a name"),
    ({"widths": [64], "architecture": {"model_type": "gpt2"}}, "names no width"),
    ({"depths": [2], "architecture": {"model_type": "gpt2"}}, "names no number of layers"),
    ({"sizes": [{"name": "a/b"}]}, "should match pattern"),
])  # fmt: skip
def test_a_ladder_that_cannot_be_climbed_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Pretrain.model_validate(LADDER | changes)


GRID = {k: v for k, v in LADDER.items() if k != "steps"} | {
    "maker": "scale", "widths": [32, 64], "seeds": [1], "tokens": [1000, 3000], "batch_size": 4, "length": 100,
}  # fmt: skip


def test_a_grid_has_one_run_a_size_or_one_a_budget():
    shared = Scale.model_validate(GRID)
    assert [run.name for run in shared.training_runs()] == ["size=d32/seed=1", "size=d64/seed=1"]
    assert shared.training_runs()[0].members == {2: "size=d32/seed=1/tokens=1000", 8: "size=d32/seed=1/tokens=3000"}
    assert shared.settings("size=d32/seed=1/tokens=3000") == {"size": "d32", "seed": 1, "tokens": 3200}
    assert shared.training_tokens() == 2 * 8 * 400
    apart = Scale.model_validate(GRID | {"runs": "per_budget", "schedule": "cosine"})
    assert [run.steps for run in apart.training_runs()] == [2, 8, 2, 8] and apart.members() == shared.members()
    assert len({run.name for run in apart.training_runs()}) == 4


@pytest.mark.parametrize(("changes", "message"), [
    ({"schedule": "cosine"}, "checkpoints of one run belong to a constant schedule"),
    ({"runs": "per_budget"}, "runs: per_budget with schedule: constant"),
    ({"tokens": [1001, 1002]}, "must rise by at least a step of 400 tokens"),
])  # fmt: skip
def test_a_grid_that_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Scale.model_validate(GRID | changes)


def test_the_shipped_grid_asks_for_corpus_and_tokens_alone():
    recipe = Scale.model_validate({"maker": "scale", "protocol": "kaplan", "corpus": CORPUS, "tokens": [10**6]})
    assert [size.learning_rate for size in recipe.ladder()] == [4e-3, 2e-3, 1e-3, 5e-4]


START = {"start": "a/b"}


@pytest.mark.parametrize(("recipe", "name"), [
    (START | {"maker": "rescale", "factors": [0.1234567, 0.1234568]}, "factor=0.123457"),
    (START | {"maker": "prune", "sparsity": [0.5], "method": ["random", "random"]}, "sparsity=0.5/method=random"),
    (START | {"maker": "reinitialize", "mode": "single", "layers": [0, 1, 1]}, "layer=1/seed=1"),
    (START | {"maker": "permute", "seeds": [3, 3]}, "seed=3"),
    (LADDER | {"seeds": [1, 1]}, "seed=1/step=5"),
    (LADDER | {"widths": [32, 32]}, "size=d32/seed=1/step=5"),
])  # fmt: skip
def test_members_of_every_maker_have_a_name_each(recipe, name):
    for build in (recipe_of, MAKERS[recipe["maker"]].model_validate):
        with pytest.raises(ValidationError, match=f"2 members have the name {name}; expected a name for each"):
            build(recipe)


def test_the_protocol_of_liu_et_al_leaves_the_architecture_to_the_user():
    given = {"maker": "pretrain", "protocol": "liu_pcfg"}
    architecture = {"model_type": "bert", "hidden_size": 64, "num_attention_heads": 4}
    recipe = Pretrain.model_validate(given | {"architecture": architecture})
    assert (recipe.batch_size, recipe.learning_rate, recipe.warmup_steps) == (4096, 1e-3, 0.06 * 30_000)
    assert open_world("pcfg", recipe.corpus[0].data.options).options.longest == 32
    with pytest.raises(ValidationError, match="architecture needs model_type"):
        Pretrain.model_validate(given)


PAIRS = [{"data": {"files": ["a.jsonl"]}, "source": "{{ de }}", "target": "{{ en }}"}]


def test_the_published_sizes_of_distill_adapt_distill():
    found = {}
    for size in ("teacher", "medium", "small", "tiny"):
        made = Pretrain.model_validate(
            {"maker": "pretrain", "protocol": f"gordon_duh_{size}", "pairs": PAIRS, "seeds": 1}
        )
        shape = made.architecture
        found[size] = (shape["encoder_layers"], shape["decoder_layers"], shape["d_model"], shape["decoder_ffn_dim"])
        assert made.members()[-1] == "seed=1/step=300000" and made.training_tokens() == 300_000 * 8192
    assert found == {"teacher": (6, 6, 512, 2048), "medium": (3, 3, 512, 2048), "small": (3, 3, 256, 1024),
                     "tiny": (1, 1, 256, 1024)}  # fmt: skip


def test_the_protocols_of_adaptation():
    assert protocols("adapt") == ["fine_tuning", "mixed_fine_tuning"]
    given = {"maker": "adapt", "start": "a/b", "domains": {"emea": {"pairs": PAIRS}}}
    alone = recipe_of(given | {"protocol": "fine_tuning"})
    assert alone.members()[0] == "domain=emea/seed=1/step=1000"
    both = recipe_of(given | {"protocol": "mixed_fine_tuning", "general": {"pairs": PAIRS}})
    assert both.general_share == 0.5 and both.members() == alone.members()
