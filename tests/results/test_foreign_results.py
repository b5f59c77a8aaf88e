"""Result files of lm-eval and records of Every Eval Ever that others wrote."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.results.exchange.content import Content, Reading
from harness.results.exchange.formats import READERS, format_of

SHA = "9" * 40
CONFIG = {
    "task": "arc_easy", "doc_to_text": "{{q}}", "process_docs": "<function f at 0x7f1>",
    "metadata": {"version": 1.0, "pretrained": "a"},
}  # fmt: skip
LM_EVAL: dict[str, Any] = {
    "results": {
        "arc": {"alias": "arc", " ": " "},
        "arc_easy": {
            "alias": "arc_easy", "sample_len": 200, "acc,none": 0.61, "acc_stderr,none": 0.0345, "acc_norm,none": 0.58,
            "acc_norm_stderr,none": "N/A",
        },
        "wikitext": {"bits_per_byte,none": 1.1, "bits_per_byte_stderr,none": "N/A", "word_perplexity,none": 40.5},
        "gsm8k": {
            "exact_match,strict-match": 0.02, "exact_match_stderr,strict-match": 0.004,
            "exact_match,flexible-extract": 0.03,
        },
    },
    "group_subtasks": {"arc": ["arc_easy"], "arc_easy": []},
    "configs": {"arc_easy": CONFIG},
    "versions": {"arc_easy": 1.0, "wikitext": 2.0, "gsm8k": 3.0},
    "n-shot": {"arc_easy": 0, "wikitext": 0, "gsm8k": 5},
    "higher_is_better": {
        "arc_easy": {"acc": True, "acc_norm": True}, "wikitext": {"bits_per_byte": False, "word_perplexity": False},
        "gsm8k": {"exact_match": True},
    },
    "n-samples": {
        "arc_easy": {"original": 200, "effective": 200}, "wikitext": {"original": 62, "effective": 62},
        "gsm8k": {"original": 1319, "effective": 100},
    },
    "config": {
        "model": "hf", "model_args": "pretrained=EleutherAI/pythia-70m,revision=step1000,dtype=float32",
        "model_num_parameters": 70_426_624, "model_dtype": "torch.float32", "model_revision": "step1000",
        "model_sha": SHA, "use_cache": None, "limit": None,
    },
    "date": 1_760_000_000.0, "lm_eval_version": "0.4.13",
}  # fmt: skip


def put(folder: Path, line: dict[str, Any], name: str = "m/results_2026.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(line))
    return path


def changed(**config: Any) -> dict[str, Any]:
    line = deepcopy(LM_EVAL)
    line["config"] |= config
    return line


def read(folder: Path, **how: Any) -> Content:
    assert format_of(folder, None) == "lm-eval"
    return READERS["lm-eval"].read(folder, Reading(**how))


def values(content: Content) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    return {(r.task, r.metric): (r.value, r.stderr) for r in content.records}


def test_columns_are_task_shots_metric_and_filter_with_errors_as_numbers(tmp_path):
    put(tmp_path, LM_EVAL)
    found = read(tmp_path)
    assert values(found) == {
        ("lm_eval/arc_easy/0-shot", "acc"): (0.61, 0.0345), ("lm_eval/arc_easy/0-shot", "acc_norm"): (0.58, None),
        ("lm_eval/wikitext/0-shot", "bits_per_byte"): (1.1, None), ("lm_eval/wikitext/0-shot", "word_perplexity"): (40.5, None),
    }  # fmt: skip
    assert found.roles.upstream == ("lm_eval/wikitext/0-shot",) and found.roles.downstream == (
        "lm_eval/arc_easy/0-shot",
    )
    assert found.roles.families == {"EleutherAI/pythia-70m": ("EleutherAI/pythia-70m@step1000",)}
    (info,) = found.checkpoints.values()
    assert (info.identity, info.commit, info.run, info.parameters) == (SHA, SHA, "EleutherAI/pythia-70m", 70_426_624)
    accuracy = found.records[0]
    assert (accuracy.n, accuracy.unit, accuracy.higher_is_better, accuracy.task_version) == (200, "fraction", True, 1)
    assert not found.records[2].higher_is_better and found.records[2].unit == "bits per byte"
    assert found.notes == (
        "left out 2 results: measured on a part of the data (--limit); take them too with --partial",
    )


def test_a_part_of_the_data_is_taken_when_asked_and_marked(tmp_path):
    put(tmp_path, LM_EVAL)
    found = [r for r in read(tmp_path, partial=True).records if "gsm8k" in r.task]
    assert {r.metric: r.value for r in found} == {
        "exact_match,strict-match": 0.02,
        "exact_match,flexible-extract": 0.03,
    }
    assert {r.partial for r in found} == {"limited to 100 of 1319 rows"} and found[0].task == "lm_eval/gsm8k/5-shot"


def test_the_newest_file_wins_for_a_task_and_shots(tmp_path):
    newer = changed()
    newer["date"] += 60
    newer["results"] = {"arc_easy": {"acc,none": 0.7}}
    put(tmp_path, newer, "a/results_0.json")
    put(tmp_path, LM_EVAL, "b/results_1.json")
    found = values(read(tmp_path))
    assert (
        found["lm_eval/arc_easy/0-shot", "acc"] == (0.7, None) and ("lm_eval/arc_easy/0-shot", "acc_norm") not in found
    )
    assert ("lm_eval/wikitext/0-shot", "bits_per_byte") in found


def test_signatures_tell_settings_apart_and_ignore_addresses_and_arguments_of_the_model(tmp_path):
    def signatures(line: dict[str, Any], name: str) -> set[str]:
        return {
            r.signature
            for r in READERS["lm-eval"].read(put(tmp_path, line, name), Reading()).records
            if "arc" in r.task
        }

    plain = signatures(LM_EVAL, "1.json")
    same = deepcopy(LM_EVAL)
    same["configs"]["arc_easy"] |= {"process_docs": "<function f at 0x9999>", "metadata": {"pretrained": "b"}}
    assert signatures(same, "2.json") == plain
    other = deepcopy(LM_EVAL)
    other["configs"]["arc_easy"]["doc_to_text"] = "{{question}}"
    assert signatures(other, "3.json") != plain
    assert (
        signatures(
            changed(model_args="pretrained=EleutherAI/pythia-70m,revision=step1000,dtype=float32,add_bos_token=True"),
            "4.json",
        )
        != plain
    )
    on_gpu = changed(
        model_args="pretrained=EleutherAI/pythia-70m,revision=step1000,dtype=float32,device=cuda,batch_size=8"
    )
    assert signatures(on_gpu, "5.json") == plain


def test_a_local_model_is_what_the_user_says_it_is(tmp_path):
    put(tmp_path, changed(model_args={"pretrained": "runs/mine"}, model_sha="", model_revision="main"))
    unknown = read(tmp_path)
    (info,) = unknown.checkpoints.values()
    assert info.identity.startswith("lm_eval:") and info.commit is None and "--identity" in unknown.notes[-1]
    (known,) = read(tmp_path, identities={"runs/mine": "weights:12"}).checkpoints
    assert known == "weights:12"


def test_an_adapter_is_not_its_base(tmp_path):
    put(tmp_path, changed(model_args="pretrained=EleutherAI/pythia-70m,revision=step1000,peft=me/adapter"))
    (info,) = read(tmp_path).checkpoints.values()
    assert info.identity != SHA and info.commit is None


def test_placeholders_are_left_out_and_a_cache_is_told(tmp_path):
    line = changed(use_cache="cache.db")
    line["results"]["arc_easy"] = {"bypass,none": 999, "acc,none": 0.5}
    put(tmp_path, line)
    found = read(tmp_path)
    assert ("lm_eval/arc_easy/0-shot", "bypass") not in values(found) and all(
        "cache" in r.warnings[0] for r in found.records
    )
    assert "left out 1 result: no scores but a placeholder (--predict_only)" in found.notes


def test_bare_names_of_old_files_and_groups_are_read(tmp_path):
    line = changed()
    line["results"] = {"copa": {"acc": 0.6, "acc_stderr": 0.05}, "mmlu": {"acc,none": 0.1}}
    line |= {"groups": {"mmlu": {"acc,none": 0.3}}, "group_subtasks": {"mmlu": ["mmlu_a"]}, "higher_is_better": {}}
    put(tmp_path, line)
    found = values(read(tmp_path))
    assert found == {("lm_eval/copa/0-shot", "acc"): (0.6, 0.05), ("lm_eval/mmlu/0-shot", "acc"): (0.3, None)}


def test_a_direction_that_is_unknown_or_contradicts_the_name_is_asked_for(tmp_path):
    line = changed()
    line["results"] = {"mt": {"ter,none": 61.0, "oddness,none": 2.0}}
    line["higher_is_better"] = {"mt": {"ter": True}}
    put(tmp_path, line)
    with pytest.raises(HarnessError, match="says that higher is better for 'ter'.*--lower-is-better ter"):
        read(tmp_path)
    with pytest.raises(HarnessError, match="nothing says whether higher is better for 'oddness'"):
        read(tmp_path, lower_is_better=["ter"])
    found = read(tmp_path, lower_is_better=["ter", "oddness"])
    assert not any(record.higher_is_better for record in found.records)


def test_what_is_no_result_file_is_one_clear_error(tmp_path):
    with pytest.raises(HarnessError, match="no table 'results'"):
        READERS["lm-eval"].read(put(tmp_path, {"a": 1}), Reading())
    with pytest.raises(HarnessError, match="names no model"):
        READERS["lm-eval"].read(put(tmp_path, {"results": {}, "config": {}}), Reading())


def a_log(score: float, **details: str) -> dict[str, Any]:
    """A record of Every Eval Ever as a converter writes it."""
    return {
        "schema_version": "0.2.1", "evaluation_id": "e", "retrieved_timestamp": "1",
        "source_metadata": {"source_type": "documentation", "source_organization_name": "Acme", "source_name": "Board", "evaluator_relationship": "other"},
        "eval_library": {"name": "helm", "version": "0.5"},
        "model_info": {"name": "M", "id": "acme/m", "additional_details": {"deployment_type": "unknown", "model_availability": "unknown", **details}},
        "evaluation_results": [{
            "evaluation_name": "boolq", "source_data": {"dataset_name": "boolq", "source_type": "other"},
            "metric_config": {"metric_name": "accuracy", "lower_is_better": False},
            "score_details": {"score": score, "uncertainty": {"standard_error": {"value": 0.01}, "num_samples": 3270}},
        }],
    }  # fmt: skip


def test_the_records_of_others_are_published_numbers_with_their_source(tmp_path):
    put(tmp_path, a_log(0.8), "data/a.json")
    put(tmp_path, a_log(0.6, revision="step5"), "data/b.json")
    assert format_of(tmp_path, None) == "every-eval-ever"
    found = READERS["every-eval-ever"].read(tmp_path, Reading())
    assert [(r.task, r.metric, r.value, r.stderr, r.n, r.unit) for r in found.records] == [
        ("boolq", "accuracy", 0.8, 0.01, 3270, "fraction"), ("boolq", "accuracy", 0.6, 0.01, 3270, "fraction")]  # fmt: skip
    assert found.roles.families == {"acme/m": ("acme/m", "acme/m@step5")} and found.roles.description == "Acme: Board"
    assert all(context["source"] == "Acme: Board" for context in found.contexts.values())
    assert len({record.signature for record in found.records}) == 1


def test_two_scores_of_one_measurement_name_both_files(tmp_path):
    put(tmp_path, a_log(0.8), "a.json")
    put(tmp_path, a_log(0.7), "b.json")
    with pytest.raises(HarnessError, match=r"b\.json: .* is 0\.7 and in .*a\.json: .* 0\.8"):
        READERS["every-eval-ever"].read(tmp_path, Reading())


def test_another_schema_is_refused(tmp_path):
    path = put(tmp_path, a_log(0.8) | {"schema_version": "9.0"})
    with pytest.raises(HarnessError, match=r"schema_version is '9\.0'; this version reads 0\.2, 0\.3"):
        READERS["every-eval-ever"].read(path, Reading())


@pytest.mark.parametrize("field", ["model_info", "metric_config", "score_details"])
def test_a_record_that_lacks_what_the_schema_requires_names_the_file(tmp_path, field):
    line = a_log(0.8)
    (line if field in line else line["evaluation_results"][0])[field] = {}
    with pytest.raises(HarnessError, match=r"x\.json: not as the schema has it \(KeyError"):
        READERS["every-eval-ever"].read(put(tmp_path, line, "x.json"), Reading())


def test_what_is_no_number_is_left_out_and_said(tmp_path):
    line = a_log(0.8)
    line["evaluation_results"].append(
        json.loads(json.dumps(line["evaluation_results"][0])) | {"evaluation_name": "other"}
    )
    line["evaluation_results"][1]["score_details"]["score"] = float("inf")
    found = READERS["every-eval-ever"].read(put(tmp_path, line, "x.json"), Reading())
    assert [r.task for r in found.records] == ["boolq"] and found.notes == ("left out 1 result: no finite number",)
    theirs = changed()
    theirs["results"]["wikitext"]["word_perplexity,none"] = float("inf")
    put(tmp_path / "r", theirs)
    assert ("lm_eval/wikitext/0-shot", "word_perplexity") not in values(read(tmp_path / "r"))


@pytest.mark.slow
def test_a_file_that_lm_eval_itself_wrote(tmp_path, content):
    lm_eval = pytest.importorskip("lm_eval")
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"q": f"number {n}", "y": n % 2}) + "\n" for n in range(12))
    )
    (tmp_path / "toy.yaml").write_text(
        f"task: toy\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {tmp_path}/rows.jsonl}}}}\ntest_split: test\n"
        "output_type: multiple_choice\ndoc_to_text: '{{q}} is'\ndoc_to_choice: [even, odd]\ndoc_to_target: y\n"
        "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\nmetadata: {version: 2.0}\n"
    )
    manager = TaskManager(include_path=str(tmp_path), include_defaults=False)
    model = f"pretrained={content.folder('gpt2')},dtype=float32"
    tracker = EvaluationTracker(output_path=str(tmp_path / "out"))
    result = lm_eval.simple_evaluate(
        model="hf", model_args=model, tasks=["toy"], task_manager=manager, device="cpu", bootstrap_iters=0, evaluation_tracker=tracker)  # fmt: skip
    assert result is not None
    tracker.save_results_aggregated(result)
    found = read(tmp_path / "out")
    (record,) = [r for r in found.records if r.metric == "acc"]
    assert (
        record.value == result["results"]["toy"]["acc,none"] and record.n == 12 and record.task == "lm_eval/toy/0-shot"
    )
    assert record.task_version == 2 and record.higher_is_better
