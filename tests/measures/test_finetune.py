from __future__ import annotations

import pytest

from harness import evaluate
from harness.checkpoints import resolve, resolve_in_memory
from harness.errors import HarnessError
from harness.makers.registry import make
from harness.measures import classifier, finetune
from harness.measures.classifier import Trained, epochs_of_batches
from harness.measures.labelled import map_labels, target_of, without_literal_ends
from harness.specs import Protocol, Prune, load_protocol, load_task
from harness.training.pruning.matrices import matrices_of
from tests.hub import seq2seq

QUICK = """include: {task}
protocol: {{learning_rates: {rates}, epochs: {epochs}, batch_size: 8, dropout: 0.0, selection: {{fraction: 0.25, {on}}}}}
"""


@pytest.fixture
def quick(tmp_path):
    """A shipped task with a recipe that small models and data can follow."""

    def write(task: str, rates: str = "[3e-3]", epochs: int = 4, on: str = "on: held_out") -> str:
        path = tmp_path / f"{task.replace('/', '-')}.yaml"
        path.write_text(QUICK.format(task=task, rates=rates, epochs=epochs, on=on))
        return str(path)

    return write


@pytest.mark.parametrize(("task", "metric", "floor", "epochs"), [
    ("glue/sst2", "accuracy", 0.9, 8), ("glue/rte", "accuracy", 0.9, 8),
    pytest.param("glue/cola", "matthews_correlation", 0.8, 8, marks=pytest.mark.slow),
    pytest.param("glue/stsb", "pearson", 0.5, 40, marks=pytest.mark.slow),
])  # fmt: skip
def test_a_task_that_a_word_tells_is_learned_by_name_over_http(hub, quick, task, metric, floor, epochs):
    records = {r.metric: r for r in evaluate("tests/tiny-bert", quick(task, epochs=epochs))}
    record = records[metric]
    assert record.error is None and record.value > floor and record.stderr is not None
    assert record.details["chance"] < floor
    assert record.seed == 1 and record.partial.startswith("train has 64 rows")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "llama", "encoder"])
def test_causal_models_and_encoders_without_a_head_fine_tune(content, hub, quick, name):
    record = evaluate(content.make(name), quick("glue/sst2", epochs=8), name=name)[0]
    assert record.error is None and record.value > 0.8


@pytest.mark.parametrize(
    ("name", "task"),
    [
        pytest.param("bart", "glue/sst2", marks=pytest.mark.slow),
        ("marian", "glue/sst2"),
        pytest.param("t5", "glue/sst2", marks=pytest.mark.slow),
        pytest.param("bart", "glue/rte", marks=pytest.mark.slow),
        pytest.param("mbart", "glue/sst2", marks=pytest.mark.slow),
    ],
)
def test_encoder_decoder_models_fine_tune(hub, quick, name, task):
    record = evaluate(seq2seq.make(name), quick(task, epochs=8), name=name)[0]
    assert record.error is None and record.value > 0.8


def test_only_a_pooled_classifier_is_named_in_the_policy(content, hub, quick):
    task = load_task(quick("glue/sst2"))
    found = {n: finetune.policy(task, resolve_in_memory(*seq2seq.make(n))) for n in ("t5", "bart", "marian")}
    assert found["t5"] == found["bart"] == finetune.policy(task, resolve_in_memory(*content.make("bert")))
    assert found["marian"] == found["t5"] | {"classifier": "linear layer on the mean of the encoder's last states"}


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_every_example_has_as_many_ends_whatever_its_text_spells_out(name):
    """The classifiers of T5 and BART read the state of the last end, and refuse a batch where counts differ."""
    _, tokenizer = seq2seq.make(name)
    texts = ["mira </s> found </s>", "the king sold a silver bell by the river " * 9, ""]
    coded = tokenizer(texts, texts, truncation=True, max_length=24, return_special_tokens_mask=True)
    assert len({ids.count(tokenizer.eos_token_id) for ids in coded["input_ids"]}) > 1
    found = without_literal_ends(coded, tokenizer.eos_token_id)
    assert {ids.count(tokenizer.eos_token_id) for ids in found} == {2 if name == "t5" else 3}
    assert max(len(ids) for ids in found) == 24 and found[1] == coded["input_ids"][1]


def test_the_same_seed_gives_the_same_numbers_and_another_another(hub, quick):
    task = quick("glue/stsb", epochs=1)
    first, again = (evaluate("tests/tiny-bert", task, seeds=[1])[0].value for _ in range(2))
    assert first == again != evaluate("tests/tiny-bert", task, seeds=[2])[0].value


def test_every_run_of_a_grid_is_kept_and_the_cell_names_its_choice(hub, quick, tmp_path):
    records = evaluate("tests/tiny-bert", quick("glue/sst2", rates="[1e-5, 3e-3]", epochs=16), output=tmp_path / "out")
    grid = {r.key: r for r in records if r.stage == "grid" and r.metric == "accuracy"}
    held_out = {r.key: r for r in records if r.metric == "held_out_accuracy"}
    (cell,) = [r for r in records if r.stage == "selected"]
    assert len(grid) == 2 and set(held_out) == set(grid)
    best = max(held_out.values(), key=lambda r: r.value)
    assert cell.selected["key"] == best.key and cell.selected["chosen_on"] == "held-out part of train"
    assert cell.value == grid[best.key].value and cell.selected["learning_rate"] == 3e-3
    assert held_out[best.key].n == 16


def test_selection_on_the_scored_split_is_stated(hub, quick):
    records = evaluate("tests/tiny-bert", quick("glue/sst2", rates="[1e-5, 3e-3]", epochs=2, on="on: score"))
    (cell,) = [r for r in records if r.stage == "selected"]
    assert cell.selected["chosen_on"] == "validation"
    assert cell.value == max(r.value for r in records if r.stage == "grid" and r.metric == "accuracy")


def test_divergence_is_recorded_and_the_other_rates_go_on(hub, quick):
    records = evaluate("tests/tiny-bert", quick("glue/sst2", rates="[1e38, 3e-3]", epochs=3))
    failed = [r for r in records if r.error]
    (cell,) = [r for r in records if r.stage == "selected" and r.error is None]
    assert len(failed) == 1 and "diverged at step" in failed[0].error and failed[0].stage == "grid"
    assert cell.selected["learning_rate"] == 3e-3 and cell.warnings == ("1 of 2 learning rates failed",)


def test_every_rate_diverging_is_a_failure(hub, quick):
    records = evaluate("tests/tiny-bert", quick("glue/sst2", rates="[1e38, 2e38]", epochs=3))
    assert [r.error for r in records if r.stage == "selected"] == [
        "every learning rate of the grid failed: [1e+38, 2e+38]"
    ]


@pytest.mark.slow
def test_a_task_may_score_another_tasks_model(hub, quick, tmp_path):
    parent = quick("glue/rte", epochs=12)
    child = tmp_path / "child.yaml"
    child.write_text(
        f"include: glue/rte\nsplits: {{score: train}}\ntrained_on: {parent.split('/')[-1]}\ndescription: d\n"
        "labels: [not_entailment, entailment]\nlabel_map: {entailment: not_entailment, not_entailment: entailment}\n"
    )
    together = {r.task: r for r in evaluate("tests/tiny-bert", [parent, str(child)])}
    alone = evaluate("tests/tiny-bert", str(child))[0]
    parent_record, child_record = together.values()
    # The names of the classes are swapped and mapped back: without the map every answer would be wrong.
    assert child_record.value == alone.value > 0.9 and parent_record.value > 0.9


@pytest.fixture
def pruned(content, tmp_path):
    """Members of sparsity .6, one a regime, by regime."""

    def prune(**more) -> dict[str, str]:
        regimes = ["pruned", "information_deletion", "after_downstream"]
        given = {"maker": "prune", "start": str(content.folder("bert")), "sparsity": [0.6], "regime": regimes} | more
        names = make(Prune.model_validate(given), tmp_path / "family")
        return {regime: str(tmp_path / "family" / name) for regime, name in zip(regimes, names, strict=False)}

    return prune


def trained_by(monkeypatch) -> list:
    """Models as fine-tuning leaves them, in order."""
    found, train = [], finetune.train

    def kept(*given):
        found.append(train(*given).model)
        return Trained(found[-1], 1)

    monkeypatch.setattr(finetune, "train", kept)
    return found


def test_fine_tuning_holds_masks_where_the_checkpoint_says_so_and_deletion_frees_them(hub, quick, pruned, monkeypatch):
    members, trained, task = pruned(), trained_by(monkeypatch), quick("glue/rte", epochs=1)
    records = [evaluate(members[regime], task)[0] for regime in members]
    assert [record.error for record in records] == [None] * 3 and len({record.key for record in records}) == 3
    for regime, model in zip(members, trained, strict=True):
        table = model.get_input_embeddings().weight
        for name, matrix in matrices_of(model, embeddings=True).items():
            zeros, wanted = int((matrix == 0).sum()), round(0.6 * matrix.numel())
            if name == "bert.pooler.dense.weight" and regime == "pruned":  # new in the classifier: the start has none
                assert zeros == 0
            elif regime == "information_deletion":
                # rows of words that the task lacks are decayed alone
                assert zeros < 0.1 * wanted or (matrix is table and zeros < wanted)
            else:
                assert zeros == wanted, (regime, name)


def test_pruning_half_way_is_an_epoch_dense_and_epochs_under_masks(hub, quick, pruned, monkeypatch):
    recipes, loop = [], classifier.Loop

    def seen(model, recipe, loss):
        found = loop(model, recipe, loss)
        recipes.append((recipe.steps, sum(int(zeros.sum()) for zeros in found.held.values())))
        return found

    monkeypatch.setattr(classifier, "Loop", seen)
    task = quick("glue/rte", epochs=4)
    evaluate(pruned(epochs_before=1)["after_downstream"], task)
    (first, nothing), (second, held) = recipes
    assert second == 4 * first and nothing == 0 and held > 0  # the protocol's four epochs, since none are given


def test_the_signature_names_the_regime_and_is_otherwise_as_it_was(content, pruned):
    task, members = load_task("glue/rte"), pruned(epochs_after=5)
    dense = finetune.policy(task, resolve(str(content.folder("bert"))))
    found = {regime: finetune.policy(task, resolve(member)) for regime, member in members.items()}
    assert found["information_deletion"] == dense and "pruning" not in dense
    assert found["pruned"] == dense | {"pruning": {"regime": "pruned"}}
    assert found["after_downstream"] == dense | {"pruning": {"regime": "after_downstream", "epochs": [None, 5]}}


def test_members_of_a_line_have_one_signature_whatever_their_sparsity(pruned, tmp_path):
    pruned(sparsity=[0.0, 0.6])
    task, names = load_task("glue/rte"), [f"sparsity={s}/regime=pruned" for s in (0.0, 0.6)]
    dense, sparse = (finetune.policy(task, resolve(str(tmp_path / "family" / name))) for name in names)
    assert dense == sparse != {}


@pytest.mark.parametrize(("value", "message"), [
    (-1, "the Hub hides the labels"), ("", "the Hub hides the labels"), (2, "outside"), ("entailmnt", "did you mean 'entailment'"),
    (None, "outside"), (0.5, "outside"),
])  # fmt: skip
def test_a_label_that_cannot_be_scored_is_refused_with_the_reason(value, message):
    with pytest.raises(HarnessError, match=message):
        target_of(load_task("glue/rte"), value, "score", 3)


@pytest.mark.parametrize("value", [5.1, -0.1, "2", None])
def test_a_number_outside_the_range_is_refused(value):
    with pytest.raises(HarnessError, match="expected a number from 0.0 to 5.0"):
        target_of(load_task("glue/stsb"), value, "score", 3)


def test_hidden_test_labels_are_a_failure_with_file_and_line(hub, tmp_path):
    (tmp_path / "t.yaml").write_text("include: glue/rte\nsplits: {train: train, score: test}\nprotocol: glue_quick\n")
    record = evaluate("tests/tiny-bert", str(tmp_path / "t.yaml"))[0]
    assert "the Hub hides the labels of this split" in record.error and "t.yaml:1" in record.error


def test_classes_of_the_diagnostics_map_to_two():
    assert map_labels(load_task("super_glue/axb"), load_task("glue/mnli")) == [0, 1, 1]
    assert map_labels(load_task("glue/mnli_mismatched"), load_task("glue/mnli")) == [0, 1, 2]


def test_epochs_need_not_be_whole():
    assert len(epochs_of_batches([5] * 80, Protocol(epochs=2.5, batch_size=8), seed=1)) == 25
    assert load_protocol("glue").learning_rates == (2e-5, 3e-5, 4e-5, 5e-5)
