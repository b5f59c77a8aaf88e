from __future__ import annotations

import pytest

from harness.estimate import flatness_passes, make_seconds, parameters_of, sizes_of, tokens_of, work_of
from harness.makers.enlargement.embedding import enlarged
from harness.measures.session import RowCache
from harness.request import Options, from_suite
from harness.results import Store
from harness.specs import Enlarge, Pretrain, load_task

MAKE = {"maker": "pretrain", "objective": "masked", "corpus": [{"data": {"world": "hmm"}}], "steps": [1]}


def test_a_document_counts_as_far_as_it_is_read(tmp_path):
    (tmp_path / "own.jsonl").write_text('{"text": "' + "abcde " * 700 + '"}\n' + '{"text": "' + "x" * 42 + '"}\n')
    spec = tmp_path / "own.yaml"
    spec.write_text(
        "description: d\nkind: lm_loss\ndata: {files: [own.jsonl]}\nsplits: {score: train}\n"
        "text: {documents: row, characters: 420}\n"
    )
    assert tokens_of(load_task(str(spec)), RowCache(), "score") == (420 + 42) / 4.2


def test_a_family_has_the_size_of_what_it_starts_from(content, tmp_path):
    start = str(content.folder("bert"))
    model, _ = content.make("bert")
    found = parameters_of(Pretrain.model_validate(MAKE | {"start": start}), Options())
    assert found == pytest.approx(sum(p.numel() for p in model.parameters()), rel=0.02)
    missing = Pretrain.model_validate(MAKE | {"start": str(tmp_path / "nothing")})
    assert parameters_of(missing, Options(offline=True)) > 10**8


def test_a_model_that_is_to_be_enlarged_has_the_size_it_will_have(content, tmp_path):
    recipe = Enlarge.model_validate(
        {"maker": "enlarge", "start": str(content.folder("gpt2")), "hidden_size": 64, "num_hidden_layers": 3}
    )
    expected = sum(p.numel() for p in enlarged(content.make("gpt2")[0], recipe).parameters())
    assert parameters_of(recipe, Options()) == expected
    assert make_seconds(recipe, expected, Options()) == 0


def test_a_family_from_scratch_has_the_size_of_its_configuration(tmp_path):
    (tmp_path / "suite.yaml").write_text(
        "families:\n  small:\n    make:\n      maker: pretrain\n      objective: causal\n"
        "      architecture: {model_type: gpt2, n_embd: 16, n_layer: 1, n_head: 1, n_positions: 64}\n"
        "      tokenizer: {vocabulary: 100}\n      corpus: [{data: {world: hmm}}]\n      steps: [1]\n"
        "tasks: {upstream: [synthetic/hmm_loss]}\n"
    )
    block = 2 * 16 + 16 * 48 + 48 + 16 * 16 + 16 + 2 * 16 + 16 * 64 + 64 + 64 * 16 + 16
    expected = (100 + 64) * 16 + block + 2 * 16
    assert sizes_of(from_suite(tmp_path), Store(tmp_path), Options()) == {"small": expected}


def test_a_probe_reads_the_rows_it_trains_on_once_and_the_control_none(tmp_path):
    (tmp_path / "few.yaml").write_text("include: probe/hmm_state\nprobe: {train_rows: 250}\n")
    task, data = load_task(str(tmp_path / "few.yaml")), RowCache()
    assert work_of(task, data) == (32 * (1000 + 250), 32 * (1000 + 250))
    assert work_of(load_task("probe/hmm_state"), data) == (32 * 2000, 32 * 2000)
    assert work_of(load_task("probe/hmm_state_one_hot"), data) == (0, 0)


def test_pyhessian_counts_its_own_products_and_not_those_of_a_sketch():
    task = load_task("flatness/pyhessian")
    trace = flatness_passes(task)
    assert trace == flatness_passes(load_task("flatness/hessian")) * 16  # probes that every sequence meets at least
    assert flatness_passes(task.model_copy(update={"spectrum": task.spectrum})) > trace


def test_translation_reads_sources_twice_and_writes_a_token_a_step_and_beam(tmp_path):
    from tests.measures.translation.translation_rows import write_task

    row = {"translation": {"de": "a" * 420, "en": "b" * 210}}
    greedy = load_task(write_task(tmp_path, [row, row]))
    assert work_of(greedy, RowCache()) == (2 * 200 + 100 * (1 + 4), 2 * 300)
    (tmp_path / "wide").mkdir()
    beam = load_task(write_task(tmp_path / "wide", [row, row], "decoding: {beams: 4}\nfirst: 1\n"))
    assert work_of(beam, RowCache()) == (2 * 100 + 50 * (1 + 16), 2 * 150)
