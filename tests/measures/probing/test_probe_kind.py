from __future__ import annotations

import json
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from harness import evaluate
from harness.checkpoints import resolve_in_memory
from harness.errors import HarnessError
from harness.evaluator import run as run_request
from harness.measures.classifier import Example, drawn
from harness.measures.kinds import has_seeds, kind_of
from harness.measures.labelled import how_read
from harness.measures.probing import run
from harness.measures.probing.heads import trained_heads
from harness.request import Options, from_arguments
from harness.results import Store
from harness.results.outcomes import read_outcomes
from harness.slopes.sensitivity.train_rows import recipe_and_rows
from harness.specs import load_task
from tests.hub import seq2seq
from tests.hub.datasets import ROWS, glue_rows
from tests.hub.text import NAMES, THINGS, VERBS


@pytest.fixture
def write(tmp_path):
    """A spec on top of a shipped one, or on rows of its own; the path of its file."""

    def spec(name: str, lines: str, rows: list[dict] | None = None) -> str:
        if rows is not None:
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
            lines = (
                f"description: d\nkind: probe\ndata: {{files: [{name}.jsonl]}}\nsplits: {{train: train, score: train}}\n"
                f'inputs: ["{{{{ text }}}}"]\n{lines}'
            )
        (tmp_path / f"{name}.yaml").write_text(lines)
        return str(tmp_path / f"{name}.yaml")

    return spec


@pytest.fixture
def texts_read(content):
    """BERT in memory, with a list that grows by the texts of every forward pass."""
    model, tokenizer = content.make("bert")
    model.eval()
    read: list[int] = []
    model.bert.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    return model, tokenizer, read


def cells(records):
    return {record.metric: record for record in records if record.stage == "selected"}


def planted(content):
    """BERT whose first layer's states hold an exclusive or of two words, which those of its embeddings can't; its second layer
    gives the embeddings again."""
    model, tokenizer = content.make("bert")
    model.eval()
    rows = [
        {"text": f"{name} {thing}", "label": (i + j) % 2}
        for (i, name), (j, thing) in product(enumerate(NAMES[:8]), enumerate(THINGS[:8]))
    ]
    answers = {tuple(tokenizer(row["text"])["input_ids"]): row["label"] for row in rows}
    seen: dict[str, torch.Tensor] = {}

    def ids_of(module, args, kwargs):
        ids, mask = kwargs["input_ids"], kwargs["attention_mask"]
        found = [answers.get(tuple(i[m == 1].tolist()), 0) for i, m in zip(ids, mask, strict=True)]
        seen["answers"] = torch.tensor(found, dtype=torch.float32)

    model.bert.register_forward_pre_hook(ids_of, with_kwargs=True)
    model.bert.embeddings.register_forward_hook(lambda module, args, output: seen.update(embeddings=output))
    first, second = model.bert.encoder.layer
    direction = torch.eye(32)[0]
    first.register_forward_hook(lambda module, args, output: output + 9 * seen["answers"][:, None, None] * direction)
    second.register_forward_hook(lambda module, args, output: seen["embeddings"])
    return model, tokenizer, rows


def test_a_probe_finds_the_layer_that_holds_the_answer(content, write):
    model, tokenizer, rows = planted(content)
    task = write("planted", 'labels: ["0", "1"]\nmetrics: [accuracy]\nprobe: {selection: {fraction: 0.25}}\n', rows)
    records = evaluate((model, tokenizer), task)
    cell = cells(records)["accuracy"]
    by_layer = cell.details["by_layer"]
    assert cell.value == 1.0 == by_layer["1"] and cell.selected["layer"] == 1 == cell.details["layer"]
    assert by_layer["0"] == by_layer["2"] < 0.8
    grid = {r.details["layer"]: r for r in records if r.stage == "grid" and r.metric == "accuracy"}
    assert {layer: r.value for layer, r in grid.items()} == {int(k): v for k, v in by_layer.items()}
    assert cell.selected["key"] == grid[1].key and cell.selected["chosen_on"] == "held-out part of train"
    assert len({r.key for r in grid.values()}) == 3 and cell.seed is None


def test_the_last_layer_named_is_the_cell_where_none_is_chosen(content, write):
    model, tokenizer, rows = planted(content)
    settings = "probe: {layers: [1, -1], select_layer: false, l2: [0.01]}\n"
    records = evaluate((model, tokenizer), write("last", f'labels: ["0", "1"]\nmetrics: [accuracy]\n{settings}', rows))
    cell = cells(records)["accuracy"]
    assert cell.selected == {"key": records[1].key, "layer": 2, "by": "the last layer named"}
    assert cell.details["by_layer"]["1"] == 1.0 > cell.value == cell.details["by_layer"]["2"]
    assert not [r for r in records if r.metric.startswith("held_out")]


def test_the_cell_has_the_outcomes_of_its_layer_even_where_a_killed_run_left_only_the_layers(content, write, tmp_path):
    model, tokenizer, rows = planted(content)
    task = write("killed", 'labels: ["0", "1"]\nmetrics: [accuracy]\nprobe: {layers: [0, 2], l2: [1.0]}\n', rows[:40])
    out = tmp_path / "out"
    cell = cells(evaluate((model, tokenizer), task, output=out))["accuracy"]
    lines = (out / "results.jsonl").read_text().splitlines(keepends=True)
    assert '"stage":"selected"' in lines[-1].replace(" ", "")
    (out / "results.jsonl").write_text("".join(lines[:-1]))
    (out / "examples" / f"{cell.key[:24]}.parquet").unlink()
    again = cells(evaluate((model, tokenizer), task, output=out))["accuracy"]
    assert (again.key, again.value, again.details) == (cell.key, cell.value, cell.details)
    kept = read_outcomes(out).to_pydict()
    right = [value for key, value in zip(kept["key"], kept["outcome"], strict=True) if key == cell.key]
    assert len(right) == 40 and sum(right) / 40 == cell.value < 1


def states(model, tokenizer, texts, layer):
    """Mean states of texts, read one by one."""
    with torch.inference_mode():
        outputs = [model.base_model(**tokenizer(t, return_tensors="pt"), output_hidden_states=True) for t in texts]
    return np.stack([output.hidden_states[layer][0].mean(0).numpy() for output in outputs])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_number_is_scikit_learn_s_on_the_same_features(content, hub, write, seed):
    model, tokenizer = content.make("bert")
    model.eval()
    spec = "include: probe/sst2\nprobe: {layers: [1], l2: [0.05], train_rows: 24}\n"
    record = evaluate((model, tokenizer), write("one", spec), seeds=[seed])[0]
    train, score = (glue_rows("sst2", split, ROWS[split]) for split in ("train", "validation"))
    chosen = [e.row for e in drawn([Example(i, [], None, 0) for i in range(64)], 24, seed)]
    x = states(model, tokenizer, [train["sentence"][i] for i in chosen], 1)
    scale = StandardScaler().fit(x)
    fitted = LogisticRegression(C=1 / (0.05 * 24), max_iter=1000)
    fitted.fit(scale.transform(x), [train["label"][i] for i in chosen])
    x = scale.transform(states(model, tokenizer, score["sentence"], 1))
    assert record.value == fitted.score(x, score["label"]) and record.n == 48
    assert record.seed == seed and record.stage == "selected" and record.details["l2"] == 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pooling"), [
    ("gpt2", "last"), ("llama", "mean"), ("bert", "cls"), ("bert", "concat"), ("encoder", "mean"), ("t5", "mean"), ("bart", "mean"),
    ("marian", "mean"),
])  # fmt: skip
def test_every_architecture_can_be_probed(content, hub, write, name, pooling):
    made = seq2seq.make(name) if name in ("t5", "bart", "marian") else content.make(name)
    record = cells(evaluate(made, write("arch", f"include: probe/sst2\nprobe: {{pooling: {pooling}}}\n")))["accuracy"]
    layers = record.details["by_layer"]
    assert list(layers) == [str(n) for n in range(len(layers))] and len(layers) >= 2
    # The states of the last token say little of a word at the start where weights are random.
    assert record.value > (0.65 if pooling in ("mean", "concat") else 0.3)


@pytest.mark.parametrize(
    ("task", "metric", "floor"),
    [("probe/rte", "accuracy", 0.65), ("probe/stsb", "pearson", 0.4), ("probe/cola", "accuracy", 0.65)],
)
def test_pairs_and_numbers_are_probed_under_the_metrics_of_fine_tuning(hub, task, metric, floor):
    found = cells(evaluate("tests/tiny-bert", task))
    assert list(found) == list(load_task(task).metrics) == list(load_task(task.replace("probe", "glue")).metrics)
    assert found[metric].value > floor and found[metric].stderr is not None and found[metric].details["chance"] < floor


def test_a_world_is_probed_beside_its_words_alone(content):
    found = evaluate(content.make("bert"), ["probe/hmm_state", "probe/hmm_state_one_hot"], limit=200)
    by_task = {r.task: r for r in found if r.stage == "selected" and r.error is None}
    assert set(by_task) == {"probe/hmm_state", "probe/hmm_state_one_hot"}
    assert by_task["probe/hmm_state_one_hot"].cost.tokens == 0
    assert all(0.5 < r.details["bayes"] < 1 for r in by_task.values())


def test_texts_are_read_once_for_all_probes_of_a_checkpoint(hub, write, texts_read):
    model, tokenizer, read = texts_read
    tasks = [
        write("all", "include: probe/sst2\n"),
        write("few", "include: probe/sst2\nprobe: {train_rows: 20, layers: [1]}\n"),
        write("net", "include: probe/sst2\nprobe: {head: mlp, hidden: 8, epochs: 2, layers: [0, 1]}\n"),
    ]
    records = evaluate((model, tokenizer), tasks, seeds=2)
    assert not [r.error for r in records if r.error]
    assert sum(read) == 64 + 48 + 1  # one text more tells how many layers there are
    assert sum({r.key: r.cost.tokens for r in records}.values()) == sum(
        len(ids)
        for split in ("train", "validation")
        for ids in tokenizer(glue_rows("sst2", split, ROWS[split])["sentence"])["input_ids"]
    )


def test_a_draw_reads_its_own_rows_alone_and_a_larger_one_the_rest(hub, write, texts_read):
    model, tokenizer, read = texts_read
    some = [
        write(f"n{n}", f"include: probe/sst2\nprobe: {{train_rows: {n}, layers: [1], l2: [0.1]}}\n") for n in (10, 30)
    ]
    evaluate((model, tokenizer), some)
    assert sum(read) == 1 + 48 + 10 + 20


def test_a_seed_chooses_rows_and_nothing_else(hub, write):
    whole = [write("a", "include: probe/sst2\nprobe: {train_rows: 64, l2: [0.1], layers: [1]}\n")]
    assert len({r.value for r in evaluate("tests/tiny-bert", whole, seeds=3)}) == 1
    few = [write("b", "include: probe/stsb\nprobe: {train_rows: 12, l2: [0.1], layers: [1]}\n")]
    found = evaluate("tests/tiny-bert", few, seeds=3)
    assert len({r.value for r in found if r.metric == "pearson"}) == 3
    assert not has_seeds(load_task("probe/cola")) and has_seeds(load_task(few[0]))


def test_more_than_memory_holds_is_refused_before_it_is_read(hub, write, texts_read, monkeypatch):
    monkeypatch.setattr("harness.measures.probing.states.free_memory", lambda device: 50_000)
    model, tokenizer, read = texts_read
    record = evaluate((model, tokenizer), write("big", "include: probe/sst2\nprobe: {pooling: concat}\n"))[0]
    assert "64 texts x 3 layers x" in record.error and "lower train_rows or layers, or max_length" in record.error
    assert sum(read) == 1
    small = write("small", "include: probe/sst2\nprobe: {layers: [1], train_rows: 16, l2: [0.1]}\n")
    assert evaluate((model, tokenizer), small)[0].error is None  # 16 x (1 + 3) x 32 numbers of 4 bytes


def test_what_another_task_read_makes_room(hub, write, texts_read, monkeypatch):
    model, tokenizer, read = texts_read
    small = "probe: {layers: [1], train_rows: 16, l2: [0.1]}\n"
    tasks = [write("one", f"include: probe/sst2\n{small}"), write("two", f"include: probe/cola\n{small}")]
    monkeypatch.setattr("harness.measures.probing.states.free_memory", lambda device: 50_000 - 128 * sum(read))
    records = evaluate((model, tokenizer), tasks)
    assert not [r.error for r in records if r.error] and 50_000 - 128 * 65 < 128 * (48 + 1) * 48


def test_probes_at_two_sizes_are_one_choice_of_train_rows(hub, write, tmp_path):
    """What ``harness fit`` compares slopes by."""
    tasks = [write(f"n{n}", f"include: probe/sst2\nprobe: {{train_rows: {n}, layers: [1]}}\n") for n in (20, 40)]
    evaluate("tests/tiny-bert", tasks, output=tmp_path / "out")
    found = [recipe_and_rows(context["parts"]) for context in Store(tmp_path / "out").contexts.values()]
    assert {rows for _, rows in found} == {20, 40} and len({recipe for recipe, _ in found}) == 1


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(hub, write):
    record = evaluate("tests/tiny-bert", write("deep", "include: probe/sst2\nprobe: {layers: [7]}\n"))[0]
    assert "layer 7; tests/tiny-bert has layers 0 (embeddings) to 2" in record.error and "deep.yaml:2" in record.error


def test_the_first_token_of_a_causal_model_is_refused(content, write):
    task = load_task(write("cls", "include: probe/sst2\nprobe: {pooling: cls}\n"))
    with pytest.raises(HarnessError, match="use last, mean or concat"):
        kind_of(task).policy(task, resolve_in_memory(*content.make("gpt2")))
    assert kind_of(task).policy(task, resolve_in_memory(*content.make("bert"))) == {"protocol": {"pooling": "cls"}}


COUNTS = {"mira": (3, 1), "found": (2, 5), "the": (4, 0), "silver": (1, 2)}


def test_the_one_hot_control_is_the_commonest_label_of_each_word(content, write):
    rows = [{"text": w, "label": k} for w, pair in COUNTS.items() for k, n in enumerate(pair) for _ in range(n)]
    rest = "probe: {features: one_hot, l2: [1.0e-6], pooling: concat}\n"
    task = write("words", f'labels: ["0", "1"]\nmetrics: [accuracy]\n{rest}', rows)
    record = evaluate(content.make("bert"), task)[0]
    assert record.value == sum(map(max, COUNTS.values())) / len(rows)
    other = evaluate(content.make("gpt2"), task)[0]
    assert other.value == record.value and other.cost.tokens == record.cost.tokens == 0


def test_the_one_hot_control_of_numbers_is_the_mean_of_each_word(content, write):
    rows = [{"text": w, "label": float(k)} for w, pair in COUNTS.items() for k, n in enumerate(pair) for _ in range(n)]
    rest = "probe: {features: one_hot, l2: [1.0e-8], pooling: concat}\n"
    record = evaluate(content.make("bert"), write("means", f"range: [0, 1]\nmetrics: [pearson]\n{rest}", rows))[0]
    means = {word: second / (first + second) for word, (first, second) in COUNTS.items()}
    expected = np.corrcoef([means[row["text"]] for row in rows], [row["label"] for row in rows])[0, 1]
    assert record.value == pytest.approx(expected, abs=1e-5)


def test_the_control_is_worked_out_once_for_checkpoints_of_one_tokenizer(hub, write, monkeypatch, tmp_path):
    trained = []
    monkeypatch.setattr(run, "trained_heads", lambda *given: trained.append(1) or trained_heads(*given))
    task = write("control", "include: probe/sst2\nprobe: {features: one_hot}\n")
    names = ["tests/tiny-gpt2@step1", "tests/tiny-gpt2@step2"]
    outcome = run_request(from_arguments(names, [task], (1,)), tmp_path / "out", Options())
    assert outcome.measured == 2 and len(trained) == 1


def test_capitals_that_a_tokenizer_takes_away_are_told(content, hub, write):
    text = "include: skills/capital_marking\ndata: {files: [t.txt], skill: {name: capital_marking, shortest: 3}}\n"
    task = write("capitals", text + "probe: {layers: [0], l2: [0.1]}\n")
    lines = [f"The {name} {verb} a {thing} there." for name, verb, thing in product(NAMES, VERBS, THINGS)]
    (load_task(task).folder / "t.txt").write_text("\n".join(lines).lower())
    lower, kept = (evaluate(content.make(name), task)[0] for name in ("bert", "gpt2"))
    assert "at chance" in lower.warnings[0] and not kept.warnings
    assert lower.value < 0.75 < kept.value


def test_a_tokenizer_that_cuts_at_the_other_end_reads_otherwise():
    def session(side: str) -> Any:
        checkpoint = SimpleNamespace(context=9, segments=False, objective="masked")
        return SimpleNamespace(checkpoint=checkpoint, tokenizer=lambda: SimpleNamespace(truncation_side=side))

    assert how_read(session("left"), 5) == how_read(session("left"), 5) != how_read(session("right"), 5)
    assert how_read(session("left"), 99) == how_read(session("left"), 9)
