"""PyHessian's wheel on language models: the numbers are ours at equal probes, and nothing is left behind."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from small_models import (
    VOCABULARY,
    Linear,
    bart,
    bert,
    gpt2,
    hessian_by_differences,
    llama,
    product_by_differences,
    shaken,
    t5,
    texts,
)
from test_hessian import Quadratic
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, MarianConfig, MarianMTModel

from harness.data.sequences import UNSCORED, ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.forward import scored_logits
from harness.measures.flatness.hessian import hessian_vector_product
from harness.measures.flatness.pyhessian import PURPOSE, PyhessianTrace, _grow, pyhessian_trace
from harness.measures.flatness.pyhessian_spectrum import pyhessian_density, pyhessian_eigenvalues
from harness.measures.flatness.pyhessian_wheel import seed_global
from harness.measures.flatness.stopping import StoppingRule
from harness.measures.flatness.tensors_in_out import TensorsInOut, batch_of, pack, unpack
from harness.measures.flatness.two_way import TwoWayEstimate, two_way_estimate

pytest.importorskip("pyhessian")
Make = Callable[[torch.dtype], nn.Module]


def pooled_bert(dtype: torch.dtype = torch.float64) -> BertForMaskedLM:
    """A masked model with a pooler, which its loss never uses."""
    torch.manual_seed(0)
    config = BertConfig(vocab_size=VOCABULARY, hidden_size=4, intermediate_size=6, num_hidden_layers=1,
                        num_attention_heads=2, max_position_embeddings=8)  # fmt: skip
    model = BertForMaskedLM(config)
    model.bert.pooler = nn.Linear(4, 4)
    return shaken(model.to(dtype))


def marian(dtype: torch.dtype = torch.float64) -> MarianMTModel:
    """A model whose position tables are frozen parameters."""
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=VOCABULARY, d_model=4, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=6, decoder_ffn_dim=6, max_position_embeddings=8, bos_token_id=1,
        pad_token_id=0, eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip
    return shaken(MarianMTModel(config).to(dtype))


MODELS = [(gpt2, "causal"), (llama, "causal"), (pooled_bert, "masked"), (t5, "seq2seq"), (bart, "seq2seq"),
          (marian, "seq2seq")]  # fmt: skip


def signs(model: nn.Module, seed: int, number: int) -> list[Tensor]:
    """The probe that the wheel draws."""
    with torch.random.fork_rng():
        seed_global(seed, number, PURPOSE)
        return [torch.randint_like(p, high=2) * 2 - 1 for p in model.parameters() if p.requires_grad]


def ours(model: nn.Module, sequence: ScoredSequence, objective: str, probe: list[Tensor]) -> float:
    """``v' H v`` of a sequence's summed loss by the package's own product."""
    tensors = [p for p in model.parameters() if p.requires_grad]
    with sdpa_kernel(SDPBackend.MATH):
        loss = cross_entropy(*scored_logits(model, sequence, objective), reduction="sum")
        product, _ = hessian_vector_product(loss, tensors, probe)
    return sum(float((v * h).double().sum()) for v, h in zip(probe, product, strict=True) if h is not None)


def traced(model: nn.Module, sequences: list[ScoredSequence], objective: str = "causal", **more) -> PyhessianTrace:
    options = {"seed": 3, "precision": None, "minimum": 2, "probes": 2} | more
    return pyhessian_trace(model, sequences, objective=objective, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "relative"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
@pytest.mark.parametrize(("make", "objective"), MODELS)
def test_equal_probes_give_equal_numbers(make: Make, objective: str, dtype: torch.dtype, relative: float) -> None:
    model, sequences = make(dtype), texts(2, length=4, objective=objective)
    result = traced(model, sequences, objective)
    expected = [[ours(model, s, objective, signs(model, 3, k)) for k in range(2)] for s in sequences]
    scale = np.abs(expected).max()
    assert result.products == pytest.approx(np.array(expected), rel=relative, abs=relative * scale)
    assert result.trace == pytest.approx(np.sum(expected) / 2 / result.tokens, rel=10 * relative)
    assert result.parameters == sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_twice_gives_the_same_and_leaves_everything_as_it_was() -> None:
    """The wheel alone doubles its answer the second time, keeps evaluation mode and moves the global generator."""
    model, sequences = gpt2().train(), texts(2)
    model.transformer.ln_f.eval()
    weight = model.transformer.wte.weight
    weight.grad = torch.ones_like(weight)
    state = torch.get_rng_state()
    first, second = traced(model, sequences), traced(model, sequences)
    values = pyhessian_eigenvalues(model, sequences, objective="causal", seed=0, iterations=2)
    assert first == second and (first.products == second.products).all()
    assert values == pyhessian_eigenvalues(model, sequences, objective="causal", seed=0, iterations=2)
    assert model.training and not model.transformer.ln_f.training
    assert torch.equal(weight.grad, torch.ones_like(weight)) and weight.grad.grad_fn is None
    assert all(p.grad is None for p in model.parameters() if p is not weight)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.slow
def test_no_graph_outlives_a_measurement() -> None:
    """Without the collector's help: a cycle through ``.grad`` would keep the second-order graph."""
    model, sequences = gpt2(), texts(2)
    traced(model, sequences)
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(thing, Tensor) for thing in gc.get_objects())
        traced(model, sequences)
        pyhessian_density(model, sequences, objective="causal", seed=0, steps=2)
        after = sum(isinstance(thing, Tensor) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert after <= before


def test_a_negative_trace_does_not_stop_early() -> None:
    """The wheel's own rule ends at the second probe of a negative trace, whatever its tolerance."""
    torch.manual_seed(0)
    root = torch.randn(6, 6, dtype=torch.float64)
    matrix, one = -root @ root.T, torch.zeros(1, dtype=torch.int64)
    sequences = [ScoredSequence(one, one, n, n) for n in range(10)]
    result = traced(Quadratic(matrix), sequences, "masked", precision=0.12, minimum=8)
    assert result.probes > 16 and result.reached <= 0.12 and result.sequences == 8
    assert result.trace < 0 and abs(result.trace - float(matrix.trace())) < 4 * result.stderr
    assert result.data_stderr == pytest.approx(0, abs=1e-9)  # all documents are the same
    assert result.stderr == pytest.approx(result.probe_stderr)


def unequal() -> list[ScoredSequence]:
    """Three masked texts of different lengths with one, two and four scored positions."""
    sequences = []
    for number, (length, count) in enumerate([(4, 1), (6, 2), (5, 4)]):
        labels = torch.randint(1, VOCABULARY, (length,), generator=torch.Generator().manual_seed(number))
        ids = labels.clone()
        labels[count:], ids[:count] = UNSCORED, VOCABULARY - 1
        sequences.append(ScoredSequence(ids, labels, number, number))
    return sequences


@pytest.fixture(scope="module")
def full_hessian() -> Tensor:
    """Of the loss per token of ``unequal`` texts, by differences of gradients."""
    model = bert()
    return sum(hessian_by_differences(model, s, "masked") for s in unequal()) / 7


def test_unequal_label_counts_are_weighted_by_tokens() -> None:
    """Against differences of gradients, summed and divided by the seven tokens; padded batches weight alike."""
    model = bert()
    result = traced(model, unequal(), "masked")
    probes = [torch.cat([v.reshape(-1) for v in signs(model, 3, k)]) for k in range(2)]
    products = [float(v @ product_by_differences(model, s, "masked", v)) for v in probes for s in unequal()]
    assert result.trace == pytest.approx(sum(products) / 2 / 7, rel=1e-5)
    assert result.tokens == 7
    densities = [
        pyhessian_density(model, unequal(), objective="masked", seed=0, steps=3, group=group) for group in (1, 2, 3)
    ]
    for density in densities:
        assert density.moment(1) == pytest.approx(densities[0].moment(1), rel=1e-5)
        assert density.nats_per_token == pytest.approx(result.nats_per_token, rel=1e-12)


@pytest.mark.slow
def test_eigenvalues_are_those_of_the_full_matrix(full_hessian: Tensor) -> None:
    exact = torch.linalg.eigvalsh((full_hessian + full_hessian.T) / 2)
    exact = exact[exact.abs().argsort(descending=True)][:2]
    found = pyhessian_eigenvalues(
        bert(), unequal(), objective="masked", seed=0, top=2, tolerance=1e-7, iterations=400, group=2
    )
    assert found.values == pytest.approx(exact.tolist(), rel=1e-4)
    assert max(found.residuals) < 0.02 * float(exact[0].abs())
    assert found.products <= 802 and found.sequences == 3


@pytest.mark.slow
def test_density_has_the_moments_of_the_full_matrix(full_hessian: Tensor) -> None:
    """Lanczos of m steps is exact for the powers below 2 m of the probe's own quadratic form."""
    model = bert()
    density = pyhessian_density(model, unequal(), objective="masked", seed=5, steps=4, probes=2, group=3)
    with torch.random.fork_rng():
        seed_global(5, 0, "pyhessian density")
        rows = [
            torch.cat([(torch.randint_like(p, high=2) * 2 - 1).reshape(-1) for p in model.parameters()])
            for _ in range(2)
        ]
    for power in range(1, 7):
        exact = [float(v @ torch.linalg.matrix_power(full_hessian, power) @ v / (v @ v)) for v in rows]
        assert density.moment(power) == pytest.approx(np.mean(exact), rel=1e-3, abs=1e-4 * np.abs(exact).max())
    assert density.weights.sum(1) == pytest.approx([1, 1], abs=1e-6)
    assert density.products == 8 and density.parameters == len(full_hessian)


@pytest.mark.parametrize(("make", "objective"), [(gpt2, "causal"), (bert, "masked"), (bart, "seq2seq")])
def test_dict_batches_are_packed_and_padding_changes_nothing(make: Make, objective: str) -> None:
    model = make(torch.float64)
    short, long = texts(1, length=3, objective=objective)[0], texts(1, length=6, objective=objective)[0]
    inputs, targets = batch_of([short, long], objective, padding=0)
    together = TensorsInOut(model)(inputs)
    batch = unpack(inputs)
    assert torch.equal(together, model(**batch).logits) and torch.equal(pack(batch), inputs)
    for row, sequence in enumerate([short, long]):
        logits, labels = scored_logits(model, sequence, objective)
        kept = targets[row, : together.shape[1]] != UNSCORED
        assert torch.equal(targets[row][targets[row] != UNSCORED], labels)
        assert together[row][kept].detach().numpy() == pytest.approx(logits.detach().numpy(), abs=1e-12)


def test_precision_is_reached_by_more_of_what_errs_more_or_said() -> None:
    """On softmax regression, whose trace is known: mean |x|^2 (1 - |p|^2)."""
    torch.manual_seed(0)
    model = Linear(torch.randn(30, 4, dtype=torch.float64), classes=5)
    sequences = [ScoredSequence(torch.randint(0, 30, (9,)), torch.randint(0, 5, (9,)), n, n) for n in range(64)]
    seen: list[tuple[int, float | None]] = []
    rough = traced(model, sequences, "masked", precision=0.14, minimum=8, progress=lambda n, r: seen.append((n, r)))
    x = model.features[torch.cat([s.ids for s in sequences])]
    exact = float((x.square().sum(1) * (1 - (x @ model.head.weight.detach().T).softmax(1).square().sum(1))).mean())
    assert rough.reached <= 0.14 and not rough.warnings and abs(rough.trace - exact) < 4 * rough.stderr
    assert rough.probes > 16 and seen[0] == (1, None) and max(n for n, _ in seen) == rough.sequences
    fine = traced(model, sequences, "masked", precision=0.01, minimum=8, maximum=8)
    assert fine.sequences == 8
    assert "precision not reached: asked 1.0%" in fine.warnings[0]


class Drawn:
    """A table whose products are drawn around 5: what ``_grow`` sees of the wheel."""

    def __init__(self, random: np.random.Generator) -> None:
        effects = 2 * random.normal(size=(400, 1)) + 1.5 * random.normal(size=(1, 256))
        self.all = 5 + effects + random.normal(size=(400, 256))
        self.sequences: list[int] = []
        self.probes, self.reached = 16, None

    @property
    def clusters(self) -> set[int]:
        return set(self.sequences)

    def take_next(self, stream: Iterator[int], rule: StoppingRule) -> bool:
        self.sequences.extend(taken := list(islice(stream, 1)))
        return bool(taken)

    def add_probes(self, count: int) -> None:
        self.probes = min(self.probes + count, 256)

    def estimate(self) -> TwoWayEstimate:
        count = len(self.sequences)
        return two_way_estimate(self.all[:count, : self.probes], np.ones(count, dtype=np.int64), np.arange(count))


@pytest.mark.slow
def test_the_interval_covers_under_its_own_stopping_rule() -> None:
    random, covered, sizes = np.random.default_rng(0), [], []
    for _ in range(400):
        table = Drawn(random)
        estimate = _grow(table, iter(range(400)), StoppingRule(0.1, 32, None))
        assert estimate.relative_half_width <= 0.1
        covered.append(estimate.low <= 5 <= estimate.high)
        sizes.append((len(table.sequences), table.probes))
    assert 0.92 < np.mean(covered) < 0.98
    assert np.min(sizes, 0).tolist() >= [32, 16] and np.max(sizes, 0)[1] > 16


@pytest.mark.slow
def test_too_few_documents_of_a_limit_ask_for_a_higher_limit() -> None:
    same = [replace(sequence, cluster=number // 3) for number, sequence in enumerate(texts(9))]
    with pytest.raises(HarnessError, match=r"6 sequences from 2 documents.*raise maximum \(now 6 sequences\)"):
        pyhessian_trace(gpt2(), same, objective="causal", seed=0, minimum=3, maximum=6)
    with pytest.raises(HarnessError, match="from 3 documents.*give more or longer text"):
        pyhessian_trace(gpt2(), same, objective="causal", seed=0, minimum=4)


def test_bad_input_is_refused() -> None:
    with pytest.raises(HarnessError, match="needs at least 32 sequences from as many documents: give more"):
        pyhessian_trace(gpt2(), texts(3), objective="causal", seed=0)
    with pytest.raises(HarnessError, match="no sequence has a scored token"):
        traced(gpt2(), [])
    with pytest.raises(HarnessError, match="probes is 1"):
        traced(gpt2(), texts(3), probes=1)
    with pytest.raises(HarnessError, match="bfloat16: second derivatives"):
        traced(gpt2(torch.bfloat16), texts(3))
    with pytest.raises(HarnessError, match="no parameter that requires"):
        traced(gpt2().requires_grad_(False), texts(3))
    with pytest.raises(HarnessError, match="top is 0"):
        pyhessian_eigenvalues(gpt2(), texts(3), objective="causal", seed=0, top=0)
    with pytest.raises(HarnessError, match="steps is 0"):
        pyhessian_density(gpt2(), texts(3), objective="causal", seed=0, steps=0)
    broken = gpt2()
    with torch.no_grad():
        broken.transformer.ln_f.weight.fill_(float("inf"))
    for measure in (pyhessian_trace, pyhessian_eigenvalues):
        with pytest.raises(HarnessError, match="loss of sequence 0 is nan"):
            measure(broken, texts(3), objective="causal", seed=0)
