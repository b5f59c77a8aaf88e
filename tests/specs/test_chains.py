from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.specs import load_suite
from harness.specs.chains import check_chains, check_made, family_of, making_order
from harness.specs.makers import recipe_of
from harness.specs.source import Source

CORPUS = [{"data": {"world": "hmm"}}]


def made(**starts: str):
    return {
        name: recipe_of({"maker": "pretrain", "objective": "causal", "start": start, "corpus": CORPUS, "steps": [1]})
        for name, start in starts.items()
    }


def test_a_family_is_made_after_those_it_starts_from():
    chain = made(c="b/seed=1/step=1", a="org/model", b="a/seed=1/step=1", d="c/seed=1/step=1")
    assert making_order(chain) == ["a", "b", "c", "d"]
    assert making_order(made(y="org/model", x="org/model")) == ["y", "x"]
    assert [family_of(name, chain) for name in ("b/seed=1/step=1", "b/seed=2/step=1", "org/model")] == ["b", None, None]


def test_a_ring_is_refused():
    with pytest.raises(HarnessError, match="in a ring: a from b from a; expected a start that is not made of them"):
        making_order(made(a="b/seed=1/step=1", b="a/seed=1/step=1"))
    with pytest.raises(HarnessError, match="in a ring: a from a"):
        making_order(made(a="a/seed=1/step=1"))


@pytest.mark.parametrize(("start", "message"), [
    ("first/seed=1/step=2", r"suite.yaml:4: family 'first' has no member 'first/seed=1/step=2'; did you mean 'first/seed=1/step=1'"),
    ("second/enlarged", r"suite.yaml:1: families made from one another in a ring: second from second"),
])  # fmt: skip
def test_a_suite_names_the_line(tmp_path, start, message):
    corpus, small = "[{data: {world: hmm}}]", "{model_type: gpt2, n_embd: 8, n_layer: 1, n_head: 1}"
    (tmp_path / "suite.yaml").write_text(
        "families:\n"
        f"  first: {{make: {{maker: pretrain, objective: causal, architecture: {small}, corpus: {corpus}, steps: [1]}}}}\n"
        "  second:\n"
        f"    make: {{maker: enlarge, start: {start}, hidden_size: 16}}\n"
        "tasks: {upstream: [synthetic/hmm_loss]}\n"
    )
    with pytest.raises(HarnessError, match=message):
        load_suite(tmp_path)


def test_starts_from_elsewhere_are_not_looked_at():
    check_chains(made(a="org/model", b="./families/other/seed=1"), Source(Path("suite.yaml"), {}))


@pytest.mark.parametrize(("name", "more", "message"), [
    ("../elsewhere", {}, "suite.yaml:1: '../elsewhere' is no name of a folder"),
    ("a", {"corpus": ["../notes.txt"]}, "'../notes.txt' leaves the folder of the spec"),
    ("a", {"evaluate": {"data": {"files": ["/etc/hostname"]}}}, "'/etc/hostname' leaves the folder of the spec"),
])  # fmt: skip
def test_what_a_suite_makes_stays_in_its_folders(name, more, message):
    recipe = {"maker": "pretrain", "objective": "causal", "start": "org/model", "corpus": CORPUS, "steps": [1]}
    with pytest.raises(HarnessError, match=message):
        check_made({name: recipe_of(recipe | more)}, Source(Path("suite.yaml"), {}))
    check_made({"a family": recipe_of(recipe | {"corpus": ["notes/a.txt"]})}, Source(Path("suite.yaml"), {}))
