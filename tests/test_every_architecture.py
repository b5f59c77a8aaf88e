"""Every architecture of the table by the user's path, against answers written down with plain transformers."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import evaluate
from harness.checkpoints import load_classifier, load_language_model, load_tokenizer, resolve
from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.evaluator import run
from harness.measures.classifier import Example, collate
from harness.measures.flatness.fisher import draw_fisher
from harness.measures.flatness.hessian import draw_hessian
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.randomness import private_generator, rademacher
from harness.request import Options, from_arguments
from harness.results import Store
from harness.training.heads import head_off
from tests.architecture_bench import DOCUMENTS, Bench, plain_loss, plain_model
from tests.architectures import CAUSAL, ENCODERS, MASKED, TABLE
from tests.measures.flatness.small_models import gauss_newton, product_by_differences

LANGUAGE_MODELS = [*CAUSAL, *MASKED]
CLASSIFIED = [name for name in TABLE if name != "granite"]  # transformers has no classifier of it
FAST = {"gpt2-segments", "qwen3", "deberta-v3", "mpnet", "sentence-transformer"}
OTHER_SEEDS = 60


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_the_loss_is_the_cross_entropy_of_plain_logits_and_the_fisher_positive(bench: Bench, name: str) -> None:
    found = bench.values(bench.folder(name), "loss", "fisher")
    expected = plain_loss(plain_model(bench.folder(name), name), name)
    assert found["nats_per_token"] == pytest.approx(expected, rel=1e-5)
    tokens, size = sum(len(text.split()) for text in DOCUMENTS), sum(len(text.encode()) for text in DOCUMENTS)
    # The spaces between words belong to no token, so that a masked loss is over fewer bytes.
    spaces = 0 if name in CAUSAL else tokens - len(DOCUMENTS)
    assert found["bits_per_byte"] == pytest.approx(expected / math.log(2) * tokens / (size - spaces), rel=1e-5)
    assert 0 < found["fisher_trace"] < math.inf and 0 < found["row_normalised_fisher"] < math.inf


def classified() -> list[Any]:
    return [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in CLASSIFIED]


@pytest.mark.parametrize("name", classified())
def test_a_task_that_a_word_tells_is_learnt(bench: Bench, name: str) -> None:
    assert bench.values(bench.folder(name), "words")["accuracy"] > 0.9


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_without_a_head_has_no_loss_and_says_so(bench: Bench, name: str) -> None:
    tasks = [bench.task(task) for task in ("loss", "fisher", "hessian", "choice")]
    errors = [record.error for record in evaluate(str(bench.folder(name)), tasks)]
    assert len(errors) == 4 and all("without a language-model head" in error for error in errors)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
@pytest.mark.slow
def test_batches_and_the_side_of_padding_change_nothing(bench: Bench, name: str, tmp_path: Path) -> None:
    other = Path(shutil.copytree(bench.folder(name), tmp_path / name))
    tokenizer = load_tokenizer(other, name)
    tokenizer.padding_side = "right" if tokenizer.padding_side == "left" else "left"
    tokenizer.save_pretrained(other)
    tasks = ["loss", "choice"] + ([] if name in CAUSAL else ["masks"]) + (["words"] if name in CLASSIFIED else [])
    found = []
    for number, (folder, budget) in enumerate(((bench.folder(name), 4096), (bench.folder(name), 1), (other, 100))):
        request = from_arguments([str(folder)], [bench.task(task) for task in tasks], (1,))
        outcome = run(request, tmp_path / str(number), Options(token_budget=budget))
        assert not outcome.failed
        found.append({(r.task, r.metric): r.value for r in Store(tmp_path / str(number)).records})
    for other_way in found[1:]:  # a margin is a small difference of two log-likelihoods, which float32 rounds
        assert found[0] == pytest.approx(other_way, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", CLASSIFIED)
@pytest.mark.slow
def test_a_prediction_does_not_depend_on_padding(bench: Bench, name: str) -> None:
    found = resolve(str(bench.folder(name)))
    model, tokenizer = load_classifier(found, 3, 1, "cpu", "float32", 0.0)
    ids = tokenizer(DOCUMENTS, truncation=True, max_length=found.context)["input_ids"]
    examples = [Example(number, tokens, None, 0) for number, tokens in enumerate(ids)]

    def logits(chosen: list[Example]) -> torch.Tensor:
        batch = collate(chosen, model.config.pad_token_id, "cpu", regression=False)
        batch.pop("labels")
        return model(**batch).logits

    with torch.no_grad():
        together, alone = logits(examples), torch.cat([logits([example]) for example in examples])
    assert together.std() > 1e-3
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
@pytest.mark.slow
def test_eager_and_sdpa_attention_agree(bench: Bench, name: str) -> None:
    found = {}
    for attention in ("eager", "sdpa"):
        pair = load_language_model(resolve(str(bench.folder(name))), "cpu", "float32", attention)
        found[attention] = bench.values(pair, "loss", "fisher", "hessian")
    assert found["eager"] == pytest.approx(found["sdpa"], rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("name", [name for name in LANGUAGE_MODELS if TABLE[name].tied])
@pytest.mark.slow
def test_tied_weights_count_as_untied_copies_of_them(bench: Bench, name: str, tmp_path: Path) -> None:
    tied = TABLE[name].model()
    untied = type(tied)(replace(TABLE[name], tied=False).config()).eval()
    untied.load_state_dict(tied.state_dict())
    untied.save_pretrained(tmp_path)
    TABLE[name].tokenizer().save_pretrained(tmp_path)
    one, two = bench.values(bench.folder(name), "loss"), bench.values(tmp_path, "loss")
    assert one == pytest.approx(two, rel=1e-6)


def two_scored(made: Any, causal: bool) -> ScoredSequence:
    """Three words, two of them scored."""
    tokenizer = made.tokenizer()
    ids = torch.tensor(tokenizer("the king sold", add_special_tokens=False)["input_ids"])
    if causal:
        return ScoredSequence(ids, ids, 0, 0)
    hidden = torch.tensor([ids[0], tokenizer.mask_token_id, tokenizer.mask_token_id])
    return ScoredSequence(hidden, torch.tensor([-100, *ids[1:]]), 0, 0)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
@pytest.mark.slow
def test_traces_are_those_of_the_whole_matrices(bench: Bench, name: str) -> None:
    """The Fisher: the mean over sampled labels is Tr J'(diag p - pp')J. The Hessian: its probe by central differences."""
    objective = "causal" if name in CAUSAL else "masked"
    sequence = two_scored(TABLE[name], name in CAUSAL)
    loaded, _ = load_language_model(resolve(str(bench.folder(name))), "cpu", "float64")
    layout = ParameterLayout.of(loaded)
    exact = float(gauss_newton(loaded, sequence, objective).trace())
    draws = np.array(
        [draw_fisher(loaded, layout, SequenceGroup.of(sequence), objective, s).trace.sum() for s in range(OTHER_SEEDS)]
    )
    assert abs(draws.mean() - exact) < 4 * draws.std() / math.sqrt(OTHER_SEEDS)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        drawn = draw_hessian(loaded, layout, SequenceGroup.of(sequence), objective, seed=3).trace.sum()
    signs = private_generator(3, sequence.key, "hessian probe")
    probe = torch.cat([rademacher(p.shape, signs, p.dtype, p.device).flatten() for p in layout.tensors])
    step = 1e-4
    by_differences = float(probe @ product_by_differences(loaded, sequence, objective, probe, step))
    # Norms that compute in float32 whatever the model's type leave the difference a rounding of eps / step.
    assert drawn == pytest.approx(by_differences, rel=2e-2, abs=0.02 * exact)


def test_segments_go_to_models_that_have_a_table_of_them(bench: Bench, tmp_path: Path) -> None:
    """GPT-2 would add to each token the embedding of token 0."""
    plain = Path(shutil.copytree(bench.folder("gpt2-segments"), tmp_path / "plain"))
    replace(TABLE["gpt2-segments"], inputs=("input_ids", "attention_mask")).tokenizer().save_pretrained(plain)
    told, untold = resolve(str(bench.folder("gpt2-segments"))), resolve(str(plain))
    assert (told.segments, untold.segments) == (False, True)
    assert resolve(str(bench.folder("bert"))).segments and resolve(str(bench.folder("deberta-v3"))).segments
    records = [evaluate(str(folder), bench.task("words"))[0] for folder in (told.folder, untold.folder)]
    assert records[0].value == records[1].value and records[0].signature != records[1].signature


def test_a_tokenizer_of_ones_own_is_read_as_it_was_saved(bench: Bench) -> None:
    """transformers would take its own byte-level tokenizer for this architecture."""
    loaded, saved = load_tokenizer(bench.folder("qwen2"), "qwen2"), TABLE["qwen2"].tokenizer()
    assert loaded(DOCUMENTS)["input_ids"] == saved(DOCUMENTS)["input_ids"]


def test_padding_and_truncation_kept_in_a_tokenizer_are_not_applied(bench: Bench, tmp_path: Path) -> None:
    """Sentence-transformers ship them inside tokenizer.json, beside folders and files of their own."""
    folder = Path(shutil.copytree(bench.folder("sentence-transformer"), tmp_path / "made"))
    plain = evaluate(str(folder), bench.task("words"))[0].value
    path = folder / "tokenizer.json"
    rules = json.loads(path.read_text())
    rules["padding"] = {"strategy": {"Fixed": 40}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                        "pad_type_id": 0, "pad_token": "[PAD]"}  # fmt: skip
    rules["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    path.write_text(json.dumps(rules))
    (folder / "modules.json").write_text("[]")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}")
    assert evaluate(str(folder), bench.task("words"))[0].value == plain > 0.9


@pytest.mark.parametrize("cap", [3.0, 30.0])
def test_a_cap_behind_the_last_layer_is_noticed_where_it_hardly_moves_the_logits(cap: float) -> None:
    capped = replace(TABLE["gemma2"], settings={**TABLE["gemma2"].settings, "final_logit_softcapping": cap})
    ids = torch.tensor([[5, 6, 7]])
    with head_off(capped.model(), ids) as head:
        assert head is None
    with head_off(TABLE["bert"].model(), ids) as head:
        assert head is not None
