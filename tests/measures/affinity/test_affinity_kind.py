"""Specs of the kind, and scores from the command's own entry to their records."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from harness import evaluate
from harness.errors import HarnessError
from harness.evaluator import run
from harness.measures.affinity import kind
from harness.measures.session import RowCache
from harness.plan import Signatures
from harness.request import Options, from_suite
from harness.results import Store
from harness.specs import load_suite, load_task
from tests.hub.datasets import ROWS

SPEC = "description: d\nkind: affinity\nscore: {score}\nof: {of}\n"
CORPUS = "corpus: {data: {files: [corpus.jsonl]}, split: train}\n"


def spec(folder: Path, score: str, of: str = "glue/rte", more: str = "") -> str:
    path = folder / f"{score}.yaml"
    path.write_text(SPEC.format(score=score, of=of) + more)
    return str(path)


@pytest.mark.parametrize(("score", "of", "more", "told"), [
    ("logme", "glue/rte", "", r"logme\.yaml:3: unknown score 'logme'; "),
    ("h_scor", "glue/rte", "", r"h_scor\.yaml:3: unknown score 'h_scor'; did you mean 'h_score'\?"),
    ("data_size", "glue/rtee", "", r"data_size\.yaml:4: unknown task 'glue/rtee'; did you mean 'glue/rte'\?"),
    ("data_size", "lm_loss/wiki", "", r"data_size\.yaml:4: lm_loss/wiki is of kind lm_loss; expected a finetune task"),
    ("data_size", "data_size.yaml", "", r"data_size\.yaml:4: data_size\.yaml is of kind affinity; expected a finetune task"),
    ("h_score", "glue/stsb", "", r"h_score\.yaml:3: h_score needs classes; glue/stsb is a regression"),
    ("two_sample_auc", "glue/rte", "", "two_sample_auc compares with a corpus; give 'corpus'"),
    ("h_score", "glue/rte", CORPUS, "h_score reads no corpus; leave out 'corpus'"),
    ("h_score", "glue/rte", "data: {path: a/b}\n", "reads the data of 'glue/rte'"),
    ("h_score", "glue/rte", "splits: {train: train}\n", "an affinity task has score, or none"),
    ("two_sample_auc", "glue/rte", CORPUS.replace("corpus.jsonl", "../x.jsonl"), r"yaml:5: '../x.jsonl' leaves the folder"),
])  # fmt: skip
def test_a_fault_in_a_spec_is_one_message_with_its_line(tmp_path, score, of, more, told):
    with pytest.raises(HarnessError, match=told):
        load_task(spec(tmp_path, score, of, more))


def test_a_spec_reads_the_train_split_of_its_task_and_shares_equal_corpora():
    cover, auc = (load_task(f"affinity/rte/{score}") for score in ("vocabulary_cover", "two_sample_auc"))
    assert cover.splits == {"score": "train"} and cover.rows == {"train": 2490} and cover.default_role == "affinity"
    assert cover.data == load_task("glue/rte").data and cover.corpus_text.name == auc.corpus_text.name
    assert "of" not in cover.definition() and "revision" not in cover.definition()["corpus"]["data"]
    assert cover.corpus_text.data == load_task("lm_loss/wiki").data


def test_a_suite_may_name_a_task_of_its_own(tmp_path):
    (tmp_path / "suite.yaml").write_text(
        "families: {one: {checkpoints: [a/b]}}\ntasks:\n  downstream: [{name: mine, include: glue/rte, protocol: glue_quick}]\n"
        "  affinity: [{name: mine_size, include: affinity/rte/data_size, of: mine}]\n"
    )
    _, tasks = load_suite(tmp_path)
    assert tasks["affinity"]["mine_size"].downstream.name == "mine"
    request = from_suite(tmp_path)
    assert request.roles.affinity == ("mine_size",) and set(request.tasks) == {"mine", "mine_size"}


def test_scores_of_text_are_records_and_the_same_for_every_checkpoint(hub, tmp_path, monkeypatch):
    called = []
    monkeypatch.setitem(kind.COMPARE, "vocabulary_cover",
                        lambda *texts: called.append(1) or kind.vocabulary_cover(*texts))  # fmt: skip
    (tmp_path / "suite.yaml").write_text(
        "families: {one: {checkpoints: ['tests/tiny-gpt2@step{1,2}']}}\n"
        "tasks: {affinity: [affinity/rte/data_size, affinity/rte/vocabulary_cover]}\n"
    )
    run(from_suite(tmp_path), tmp_path, Options())
    records = Store(tmp_path).records
    assert not [r.error for r in records if r.error] and len({r.checkpoint for r in records}) == 2
    found = {(r.metric, r.checkpoint): r for r in records}
    assert len(found) == 2 * 5 and len(called) == 1
    values = {metric: {r.value for r in records if r.metric == metric} for metric, _ in found}
    assert all(len(both) == 1 for both in values.values())
    assert math.exp(values["log_train_rows"].pop()) == pytest.approx(ROWS["train"]) and values["label_count"] == {2.0}
    cover = next(r for r in records if r.metric == "vocabulary_cover")
    assert 0 < cover.value < 1 and cover.stderr > 0 and cover.seed is None
    assert cover.details == {
        "of": "glue/rte",
        "score": "vocabulary_cover",
        "corpus": "Salesforce/wikitext wikitext-2-raw-v1",
    }
    assert run(from_suite(tmp_path), tmp_path, Options()).already == 4
    corpus = [
        c["fingerprints"]["corpus.score"] for c in Store(tmp_path).contexts.values() if "corpus" in c["parts"]["data"]
    ]
    assert corpus and set(Signatures(Options(), RowCache(), Store(tmp_path)).known.values()) >= {corpus[0][1]}


def test_another_corpus_is_another_signature(hub, tmp_path):
    def key(text: str) -> str:
        (tmp_path / "corpus.jsonl").write_text("".join(f'{{"text": "{text} {i}"}}\n' for i in range(9)))
        return evaluate("tests/tiny-gpt2@step1", spec(tmp_path, "unigram_divergence", more=CORPUS))[0].key

    assert key("the king") == key("the king") != key("a fox")


@pytest.mark.parametrize(
    "name", ["gpt2", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bert", "encoder"))]
)
def test_scores_of_features_know_a_label_that_a_word_tells(content, hub, tmp_path, name):
    tasks = [f"affinity/sst2/{score}" for score in ("log_maximum_evidence", "n_leep", "h_score")]
    records = evaluate(content.make(name), tasks, name=name)
    assert not [r.error for r in records if r.error]
    by_metric = {r.metric: r for r in records}
    assert set(by_metric) == {"log_maximum_evidence", "n_leep", "h_score"}
    assert all(r.stderr > 0 and r.n == ROWS["train"] and r.details["of"] == "glue/sst2" for r in records)
    assert 0 < by_metric["h_score"].value <= 1 and -math.log(2) < by_metric["n_leep"].value <= 0
    assert sum(r.cost.tokens > 0 for r in records) == 1  # the features are had once


def test_features_do_not_depend_on_the_batch(content, hub):
    from harness.checkpoints import resolve_in_memory
    from harness.measures.session import Session

    found = []
    for budget in (1, 4096):
        checkpoint = resolve_in_memory(*content.make("gpt2"), name="gpt2")
        session = Session(checkpoint, RowCache(), "cpu", "float32", lambda *_: [], lambda *_: {}, budget)
        found.append(kind.features_of(session, load_task("affinity/rte/h_score"))[0])
    assert found[0].shape == (ROWS["train"], 32)
    np.testing.assert_allclose(*found, atol=1e-5)


def test_the_loss_on_the_text_is_lm_loss_on_that_text(content, hub, tmp_path):
    import json

    task = load_task("affinity/sst2/task_text_loss")
    texts = RowCache().get(task, "score").columns["sentence"]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (tmp_path / "own.yaml").write_text(
        "description: d\nkind: lm_loss\ndata: {files: [own.jsonl]}\nsplits: {score: train}\n"
    )
    records = evaluate(content.make("gpt2"), ["affinity/sst2/task_text_loss", str(tmp_path / "own.yaml")], name="m")
    found = {r.metric: (r.value, r.stderr, r.unit) for r in records}
    for metric in ("nats_per_token", "bits_per_byte"):
        assert found[f"task_text_{metric}"] == found[metric]


@pytest.mark.parametrize(("score", "more", "told"), [
    ("task_text_loss", "", r"task_text_loss\.yaml:3: .* is an encoder without a language-model head"),
    ("h_score", "splits: {score: test}\n", "the Hub hides the labels of this split"),
    ("data_size", "splits: {score: none}\n", r"data_size\.yaml:5: no split 'none'"),
    ("two_sample_auc", CORPUS, r"two_sample_auc\.yaml:5: the column 'text' has no text"),
])  # fmt: skip
def test_what_cannot_be_measured_is_a_failure_with_one_message(content, hub, tmp_path, score, more, told):
    import re

    (tmp_path / "corpus.jsonl").write_text('{"text": " "}\n' * 9)
    record = evaluate(content.make("encoder"), spec(tmp_path, score, more=more), name="e")[0]
    assert record.error and re.search(told, record.error)


def test_a_task_without_words_is_a_failure(content, hub, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"a": "", "label": 0}\n{"a": " ", "label": 1}\n' * 4)
    (tmp_path / "empty.yaml").write_text(
        "description: d\nkind: finetune\ndata: {files: [rows.jsonl]}\nsplits: {train: train, score: train}\n"
        "inputs: ['{{ a }}']\nlabels: [x, y]\nmetrics: [accuracy]\n"
    )
    for score in ("data_size", "task_text_loss", "h_score"):
        record = evaluate(content.make("gpt2"), spec(tmp_path, score, "empty.yaml"), name="m")[0]
        assert record.error and f"{score}.yaml:3: " in record.error and "has no words: 8 texts" in record.error
