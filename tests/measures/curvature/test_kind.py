"""The kind from text to record: names, units, what may be compared with what, and one order for all checkpoints."""

from __future__ import annotations

import math

import pytest

from harness import evaluate
from harness.checkpoints import resolve_in_memory
from harness.errors import HarnessError
from harness.measures.curvature import kind
from harness.specs import load_task
from tests.hub import seq2seq
from tests.hub.text import sentences

LIMITS = "flatness: {minimum: 8, maximum: 16, length: 16}\n"


@pytest.fixture
def task(tmp_path):
    """A flatness task on documents of a text file."""
    (tmp_path / "own.txt").write_text("\n".join(" ".join(sentences(2, seed)) for seed in range(14)))

    def write(more: str, limits: str = LIMITS) -> str:
        spec = "description: d\nkind: flatness\ndata: {files: [own.txt]}\nsplits: {score: train}\n"
        (tmp_path / "own.yaml").write_text(spec + more + limits)
        return str(tmp_path / "own.yaml")

    return write


@pytest.fixture
def models(content):
    """A causal, a masked and an encoder-decoder model."""
    return {"gpt2": content.make("gpt2"), "bert": content.make("bert"), "t5": seq2seq.make("t5")}


def test_a_version_of_one_estimator_leaves_the_signatures_of_the_others(task, models):
    found = resolve_in_memory(*models["gpt2"])
    policies = {name: kind.policy(load_task(task(f'estimator: "{name}"\n')), found) for name in kind.ESTIMATORS}
    assert policies.pop("xtrace") == {"window": 16, "stride": 16, "bos": "auto", "estimator_version": 2}
    assert kind.VERSION == 2 and all(p == {"window": 16, "stride": 16, "bos": "auto"} for p in policies.values())


@pytest.mark.parametrize("name", ["gpt2", "bert", "t5"])
def test_the_fisher_brings_what_a_rescaling_leaves_alone(task, models, name):
    found = {r.metric: r for r in evaluate(models[name], task("estimator: fisher\nrelative: true\n"), name=name)}
    assert next(iter(found)) == "fisher_trace"
    assert set(found) == {
        "fisher_trace", "row_normalised_fisher", "layer_normalised_fisher", "element_normalised_fisher", "fisher_rao_norm",
        "relative_flatness", "fisher_trace_per_byte", "row_normalised_fisher_per_byte", "noise_for_0.1_nat",
    }  # fmt: skip
    for record in found.values():
        assert record.error is None and record.value > 0 and record.stderr > 0
        low, high = record.details["interval"]
        assert low < record.value < high
    noise, rows = found["noise_for_0.1_nat"], found["row_normalised_fisher"]
    assert noise.value == pytest.approx(math.sqrt(0.2 / rows.value)) and noise.higher_is_better
    headline = found["fisher_trace"].details
    for shares in (headline["by_block"], headline["by_layer"]):
        assert sum(shares.values()) == pytest.approx(1)
    places = [share for blocks in headline["by_place"].values() for share in blocks.values()]
    assert sum(places) == pytest.approx(1)
    assert set(headline["by_block"]) == set(headline["by_block_stderr"])
    assert headline["memory_estimate"] > 4 * headline["parameters"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "bert", "t5"])
def test_sharpness_brings_a_curve_and_the_worst_direction(task, models, name):
    more = "estimator: sharpness\nsharpness: {noise: [0.1, 0.3, 1.0], radii: [0.01], steps: 2}\n"
    found = {r.metric: r for r in evaluate(models[name], task(more), name=name)}
    assert next(iter(found)) == "loss_rise_noise_0.3"
    assert {"loss_rise_noise_0.1", "loss_rise_noise_1", "loss_rise_ascent_0.01"} <= set(found)
    assert all(r.error is None and r.unit == "nats per token" for r in found.values() if "rise" in r.metric)
    assert found["loss_rise_ascent_0.01"].value > found["loss_rise_noise_0.1"].value / 100
    alone = evaluate(models[name], task("estimator: sharpness\nsharpness: {noise: [0.3], radii: []}\n"), name=name)
    assert {r.metric for r in alone} <= {"loss_rise_noise_0.3"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["gpt2", pytest.param("bert", marks=pytest.mark.slow), pytest.param("t5", marks=pytest.mark.slow)]
)
def test_the_spectrum_brings_its_ends_and_its_density(task, models, name):
    more = "estimator: spectrum\nspectrum: {eigenvalues: 2, steps: 6, probes: 2}\n"
    limits = "flatness: {minimum: 8, maximum: 16, length: 12}\n"
    found = {r.metric: r for r in evaluate(models[name], task(more, limits), name=name)}
    assert set(found) == {
        "largest_eigenvalue", "smallest_eigenvalue", "negative_curvature_share", "trace_by_probes",
        "squared_frobenius_norm", "effective_rank",
    }  # fmt: skip
    assert found["largest_eigenvalue"].value > 0 > found["smallest_eigenvalue"].value
    assert 0 < found["negative_curvature_share"].value < 1
    top = found["largest_eigenvalue"].details
    assert [len(top[name]) for name in ("largest", "smallest")] == [2, 2]
    assert sum(top["largest"][0]["by_block"].values()) == pytest.approx(1)
    grid = top["density"]
    area = sum(grid["density"]) * (grid["eigenvalue"][1] - grid["eigenvalue"][0])
    assert area == pytest.approx(1, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("matrix", ["hessian", "gauss_newton"])
def test_all_estimators_of_a_trace_agree(task, content, matrix):
    """Every sequence is taken: they differ by their probes alone, which stand in their errors."""
    limits = "flatness: {minimum: 8, maximum: 14, length: 16}\n"
    drawn = limits.replace("}", ", precision: 0.001}")
    names = {"hessian": ["hessian", "hutch++", "xtrace", "pyhessian"], "gauss_newton": ["fisher", "hutch++", "xtrace"]}
    found = []
    for estimator in names[matrix]:
        more = f"sketch: {{matrix: {matrix}, products: 30}}\n" if estimator in ("hutch++", "xtrace") else ""
        spec = task(f"estimator: {estimator}\n{more}", limits if more else drawn)
        record = evaluate(content.make("gpt2"), spec, name="m")[0]
        assert record.error is None and record.metric == ("hessian_trace" if matrix == "hessian" else "fisher_trace")
        assert record.details["comparable_across"] == "one architecture"
        found.append(record)
    for record in found[1:]:
        assert abs(record.value - found[0].value) < 4 * math.hypot(record.stderr, found[0].stderr)


def test_what_may_be_compared_with_what(task, content):
    """Llama and GPT-2 share a tokenizer, and with it the groups of scale-free measures; raw traces they do not share."""
    groups = []
    for name in ("gpt2", "gpt2-later", "llama"):
        found = {r.metric: r.details for r in evaluate(content.make(name), task("estimator: fisher\n"), name="m")}
        groups.append({metric: d["comparable_group"] for metric, d in found.items()})
        assert found["fisher_trace"]["comparable_across"] == "one architecture"
        assert found["row_normalised_fisher"]["comparable_across"] == "one tokenizer"
        assert found["row_normalised_fisher_per_byte"]["comparable_across"] == "any"
    gpt2, later, llama = groups
    assert gpt2 == later
    assert {metric for metric in gpt2 if gpt2[metric] != llama[metric]} == {"fisher_trace", "fisher_trace_per_byte"}


def test_a_group_is_another_measurement_and_every_sequence_is_drawn(task, content):
    model = content.make("gpt2")
    one = evaluate(model, task("estimator: fisher\n"), name="m")[0]
    limits = "flatness: {minimum: 8, maximum: 64, length: 16, group: 3, precision: 0.001}\n"
    several = evaluate(model, task("estimator: fisher\n", limits), name="m")[0]
    assert one.signature != several.signature
    assert "clusters of 3 documents" in several.error


def test_memory_that_is_not_there_is_one_message(task, content, monkeypatch):
    monkeypatch.setattr(kind, "free_memory", lambda device: 1000)
    (record,) = evaluate(content.make("gpt2"), task("estimator: hessian\n"), name="m")
    assert "a draw needs about" in record.error and "lower 'length' (now" in record.error


def test_an_encoder_without_a_head_has_no_flatness(task, content):
    (record,) = evaluate(content.make("encoder"), task("estimator: fisher\n"), name="m")
    assert "without a language-model head" in record.error


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("estimator: fischer\n", "unknown estimator 'fischer'; did you mean 'fisher'"),
        ("estimator: hessian\nrelative: true\n", "'relative' is a setting of fisher; the estimator is hessian"),
        ("estimator: fisher\nsharpness: {noise: [0.1]}\n", "'sharpness' is a setting of sharpness"),
        ("estimator: sharpness\nsharpness: {noise: [-0.1]}\n", "greater than 0"),
        ("estimator: sharpness\nsharpness: {nosie: [0.1]}\n", "did you mean 'noise'"),
        ("estimator: spectrum\nspectrum: {steps: 4}\n", "steps is 4; 10 eigenvalues at both ends"),
        (
            "estimator: pyhessian\nspectrum: {matrix: gauss_newton}\n",
            "spectrum.matrix is gauss_newton; pyhessian takes",
        ),
        ("estimator: xtrace\n" + LIMITS.replace("}", ", group: 2}"), "flatness.group is of no use to xtrace"),
        ("estimator: fisher\n" + LIMITS.replace("maximum: 16", "maximum: 6"), "fewer than the minimum of 8"),
    ],
)
def test_faults_of_a_spec_are_told(task, more, message):
    limits = "" if "flatness:" in more else LIMITS
    with pytest.raises(HarnessError, match=message.replace("(", r"\(")) as caught:
        load_task(task(more, limits))
    assert "own.yaml:" in str(caught.value)


def test_new_settings_leave_old_definitions_as_they_were(task):
    old = load_task(task("estimator: fisher\n", "flatness: {maximum: 64}\n")).definition()
    assert set(old["flatness"]) == {"maximum"}
    assert not set(old) & {"relative", "sharpness", "spectrum", "sketch"}
