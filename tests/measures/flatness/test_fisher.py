"""The Fisher trace against label enumeration, the full Gauss-Newton matrix, and a closed form."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from small_models import VOCABULARY, Linear, bart, bert, gauss_newton, gpt2, llama, t5, texts
from torch import nn

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness import fisher, fisher_trace
from harness.measures.flatness.blocks import block_of
from harness.measures.flatness.fisher import draw_fisher, sampled_score
from harness.measures.flatness.forward import scored_logits
from harness.measures.flatness.layout import ParameterLayout, as_rows, square_rows

MODELS = [(gpt2, "causal"), (llama, "causal"), (bert, "masked"), (t5, "seq2seq"), (bart, "seq2seq")]


@pytest.mark.parametrize(("make", "objective"), MODELS)
def test_enumerated_labels_give_the_gauss_newton_trace(
    make: Callable[[], nn.Module], objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sum_y p(y) |g(y)|^2 over every labelling of two positions is Tr G, tensor by tensor, rows weighted."""
    model = make()
    sequence = texts(1, length=3, objective=objective)[0]
    layout = ParameterLayout.of(model)
    matrix = gauss_newton(model, sequence, objective)
    exact = matrix.diagonal()
    total, weighted, more = 0.0, 0.0, dict.fromkeys(("fisher_rao", "element_normalised", "relative"), 0.0)
    for labels in itertools.product(range(VOCABULARY), repeat=2):
        chances = []

        def chosen(p: torch.Tensor, _: object, labels: tuple[int, ...] = labels, seen: list = chances) -> torch.Tensor:
            seen.append(p[torch.arange(2), torch.tensor(labels)].prod().item())
            return torch.tensor(labels)

        monkeypatch.setattr(fisher, "sample_labels", chosen)
        draw = draw_fisher(model, layout, SequenceGroup.of(sequence), objective, seed=0, relative=True)
        total = total + chances[0] * draw.trace
        weighted = weighted + chances[0] * draw.row_normalised
        more = {name: value + chances[0] * draw.more[name] for name, value in more.items()}
    by_tensor = exact.split([p.numel() for p in layout.tensors])
    found, rows_found = (np.bincount(layout.tensor_of_part, values) for values in (total, weighted))
    assert found == pytest.approx([float(d.sum()) for d in by_tensor], rel=1e-10, abs=1e-14)
    rows = [
        float((as_rows(d.view_as(p), t).sum(1) * as_rows(p.detach(), t).square().mean(1)).sum())
        for d, p, t in zip(by_tensor, layout.tensors, layout.transposed, strict=True)
    ]
    assert rows_found == pytest.approx(rows, rel=1e-10, abs=1e-14)
    theta = torch.cat([p.detach().reshape(-1) for p in layout.tensors])
    assert more["fisher_rao"] == pytest.approx(float(theta @ matrix @ theta), rel=1e-10)
    assert more["element_normalised"] == pytest.approx(float((theta**2 * exact).sum()), rel=1e-10)
    assert more["relative"] == pytest.approx(relative_by_its_definition(layout, matrix), rel=1e-10)


def relative_by_its_definition(layout: ParameterLayout, matrix: torch.Tensor) -> float:
    """sum over pairs of neurons of <w_s, w_s'> tr(G_ss'), for every matrix that is no table."""
    total, start = 0.0, 0
    for name, p, transposed in zip(layout.names, layout.tensors, layout.transposed, strict=True):
        end = start + p.numel()
        if p.ndim == 2 and block_of(name, 2) != "embedding":
            rows = as_rows(p.detach(), transposed)
            places = as_rows(torch.arange(start, end).view_as(p), transposed)  # (neurons, inputs)
            for i, j in itertools.product(range(len(rows)), repeat=2):
                total += float((rows[i] @ rows[j]) * matrix[places[i], places[j]].sum())
        start = end
    return total


def test_softmax_regression_has_its_closed_form() -> None:
    """G = H there, and its trace is the mean of |x|^2 (1 - |p|^2)."""
    torch.manual_seed(0)
    model = Linear(torch.randn(30, 4, dtype=torch.float64), classes=5)
    sequences = [
        ScoredSequence(ids, torch.randint(0, 5, (20,)), n, n)
        for n in range(150)
        for ids in [torch.randint(0, 30, (20,))]
    ]
    result = fisher_trace(model, sequences, objective="masked", seed=0, precision=None)
    x = model.features[torch.cat([s.ids for s in sequences])]
    p = (x @ model.head.weight.detach().T).softmax(1)
    exact = float((x.square().sum(1) * (1 - p.square().sum(1))).mean())
    # Between-sequence noise is shared with the exact mean, so that the interval is generous.
    assert abs(result.trace - exact) < 3 * result.stderr
    assert result.stderr < 0.05 * exact
    assert result.by_block["head"].share == 1.0


@pytest.mark.slow
def test_mean_over_draws_is_the_full_matrix_trace() -> None:
    model, sequence = gpt2(), texts(1)[0]
    layout = ParameterLayout.of(model)
    exact = float(gauss_newton(model, sequence, "causal").trace())
    draws = np.array(
        [draw_fisher(model, layout, SequenceGroup.of(sequence), "causal", seed).trace.sum() for seed in range(120)]
    )
    assert abs(draws.mean() - exact) < 4 * draws.std() / np.sqrt(len(draws))


def test_rescaling_that_keeps_the_function_keeps_s_row() -> None:
    """Norm gain x4 with the next weights /4, value x3 with output /3, query x2 with key /2: same logits."""
    model, sequences = gpt2(), texts(8)
    before = fisher_trace(model, sequences, objective="causal", seed=0, precision=None, minimum=2, relative=True)
    block = model.transformer.h[0]
    d = model.config.n_embd
    with torch.no_grad():
        for norm, nearest in ((block.ln_1, block.attn.c_attn), (block.ln_2, block.mlp.c_fc)):
            norm.weight *= 4
            norm.bias *= 4
            nearest.weight /= 4
        for part, factor in ((slice(0, d), 2), (slice(d, 2 * d), 0.5), (slice(2 * d, 3 * d), 3)):
            block.attn.c_attn.weight[:, part] *= factor
            block.attn.c_attn.bias[part] *= factor
        block.attn.c_proj.weight /= 3
    after = fisher_trace(model, sequences, objective="causal", seed=0, precision=None, minimum=2, relative=True)
    assert after.nats_per_token == pytest.approx(before.nats_per_token, rel=1e-12)
    assert after.row_normalised == pytest.approx(before.row_normalised, rel=1e-10)
    assert set(before.more) >= {"layer_normalised", "element_normalised", "fisher_rao", "row_normalised_per_byte"}
    for name in set(before.more) - {"trace_per_byte"}:
        assert after.more[name].value == pytest.approx(before.more[name].value, rel=1e-10), name
    assert after.trace / before.trace > 1.2


def test_the_encoder_of_a_pair_has_its_share_whatever_the_order() -> None:
    options = {"objective": "seq2seq", "seed": 0, "precision": None, "minimum": 2}
    pairs = [*texts(2, length=4, objective="seq2seq"), *texts(2, length=5, objective="seq2seq")]
    result = fisher_trace(bart(), pairs, **options)
    again = fisher_trace(bart(), pairs[::-1], **options)
    assert (result.terms.trace == again.terms.trace[::-1]).all()
    assert result.by_layer["encoder layer 0"].trace > 0 and result.by_layer["decoder layer 0"].trace > 0
    assert result.tokens == 2 * 3 + 2 * 4 and not result.unused


@pytest.mark.parametrize(("make", "objective"), MODELS)
def test_a_group_has_the_gradient_of_its_sequences_together(make: Callable[[], nn.Module], objective: str) -> None:
    """Labels are each sequence's own, whatever the group; padding changes nothing."""
    model = make()
    layout = ParameterLayout.of(model)
    pair = (texts(1, length=3, objective=objective)[0], texts(2, length=5, objective=objective)[1])
    gradients = []
    for sequence in pair:
        logits, labels = scored_logits(model, sequence, objective)
        _, score = sampled_score(logits.detach(), labels, [sequence], objective, seed=3)
        gradients.append(torch.autograd.grad(logits, layout.tensors, score, allow_unused=True))
    both = [None if a is None else a + b for a, b in zip(*gradients, strict=True)]
    rows = [None if g is None else square_rows(g, t) for g, t in zip(both, layout.transposed, strict=True)]
    expected, _ = layout.sums(rows)
    found = draw_fisher(model, layout, SequenceGroup(pair, 0), objective, seed=3)
    assert found.trace == pytest.approx(expected, rel=1e-9, abs=1e-13)


def test_order_of_sequences_changes_nothing() -> None:
    model, sequences = gpt2(), texts(6)
    options = {"objective": "causal", "seed": 5, "precision": None, "minimum": 2}
    forth, back = fisher_trace(model, sequences, **options), fisher_trace(model, sequences[::-1], **options)
    assert (forth.terms.trace == back.terms.trace[::-1]).all()
    assert forth.trace == pytest.approx(back.trace, rel=1e-14)
    assert fisher_trace(model, sequences, **{**options, "seed": 6}).trace != forth.trace


def test_tied_weights_count_once_and_untied_ones_twice() -> None:
    tied, untied = gpt2(tied=True), gpt2(tied=False)
    untied.load_state_dict(tied.state_dict())
    options = {"objective": "causal", "seed": 0, "precision": None, "minimum": 2}
    one, two = (fisher_trace(model, texts(3), **options) for model in (tied, untied))
    assert one.tied == ("lm_head.weight",) and two.tied == ()
    assert two.parameters - one.parameters == tied.lm_head.weight.numel()
    assert one.nats_per_token == pytest.approx(two.nats_per_token, rel=1e-12)
    assert "head" in two.by_block and "head" not in one.by_block


def test_frozen_parameters_are_left_out_and_unused_ones_are_listed() -> None:
    model = gpt2()
    options = {"objective": "causal", "seed": 0, "precision": None, "minimum": 2}
    whole = fisher_trace(model, texts(3), **options)
    model.transformer.wpe.weight.requires_grad_(False)
    model.spare = nn.Linear(3, 2, dtype=torch.float64)
    part = fisher_trace(model, texts(3), **options)
    assert part.frozen == model.transformer.wpe.weight.numel()
    assert part.unused == ("spare.weight", "spare.bias")
    assert part.trace < whole.trace
    assert part.by_block["mlp"].trace == pytest.approx(whole.by_block["mlp"].trace, rel=1e-12)


def test_mode_and_gradients_are_left_as_they_were() -> None:
    """Dropout of the training mode does not leak in, and an accumulated .grad stays."""
    model = gpt2(dropout=0.5)
    calm = fisher_trace(model, texts(2), objective="causal", seed=0, precision=None, minimum=2)
    model.train()
    model.transformer.ln_f.eval()
    model.lm_head.weight.grad = torch.ones_like(model.lm_head.weight)
    with torch.no_grad():
        again = fisher_trace(model, texts(2), objective="causal", seed=0, precision=None, minimum=2)
    assert again == calm
    assert model.training and not model.transformer.ln_f.training
    assert bool((model.lm_head.weight.grad == 1).all()) and model.transformer.wpe.weight.grad is None


def test_shares_add_up_and_layers_are_named() -> None:
    result = fisher_trace(gpt2(), texts(4), objective="causal", seed=0, precision=None, minimum=2)
    for parts in (result.by_block, result.by_layer):
        assert sum(part.share for part in parts.values()) == pytest.approx(1)
        assert sum(part.trace for part in parts.values()) == pytest.approx(result.trace)
    assert list(result.by_layer) == ["embedding", "layer 0", "outside"]
    assert (result.tokens, result.sequences, result.bytes) == (16, 4, 60)


def test_bfloat16_is_near_float32_and_says_so() -> None:
    options = {"objective": "causal", "seed": 0, "precision": None, "minimum": 2}
    exact, short = (fisher_trace(gpt2(dtype), texts(3), **options) for dtype in (torch.float32, torch.bfloat16))
    assert short.dtype == "bfloat16" and "bfloat16" in " ".join(short.warnings)
    assert short.nats_per_token == pytest.approx(exact.nats_per_token, rel=0.05)


def test_bad_input_is_one_clear_message() -> None:
    model = gpt2()
    with pytest.raises(HarnessError, match="found 5 sequences from 5 documents; .* at least 32"):
        fisher_trace(model, texts(5), objective="causal", seed=0)
    with pytest.raises(HarnessError, match="found 4 sequences"):
        fisher_trace(model, (s for s in texts(4)), objective="causal", seed=0)
    with pytest.raises(HarnessError, match="objective 'casual'; did you mean 'causal'"):
        fisher_trace(model, texts(5), objective="casual", seed=0)
    unscored = [ScoredSequence(s.ids, torch.full_like(s.ids, -100), s.cluster, s.key) for s in texts(3)]
    with pytest.raises(HarnessError, match="none of 3 sequences has a scored token"):
        fisher_trace(model, unscored, objective="causal", seed=0, minimum=2)
    with pytest.raises(HarnessError, match="float16"):
        fisher_trace(gpt2(torch.float16), texts(3), objective="causal", seed=0, minimum=2)
    with torch.no_grad():
        model.transformer.wte.weight[0] = float("nan")
    with pytest.raises(HarnessError, match="loss of sequence .* is nan"):
        fisher_trace(model, texts(3), objective="causal", seed=0, minimum=2)
    with pytest.raises(HarnessError, match="no parameter that requires a gradient"):
        fisher_trace(gpt2().requires_grad_(False), texts(3), objective="causal", seed=0, minimum=2)


def test_a_loss_that_changes_by_itself_is_refused() -> None:
    model = gpt2()
    model.transformer.drop.register_forward_hook(lambda _, __, output: torch.dropout(output, 0.5, True))
    with pytest.raises(HarnessError, match="not deterministic"):
        fisher_trace(model, texts(3), objective="causal", seed=0, minimum=2)


def test_encoder_without_head_is_refused() -> None:
    with pytest.raises(HarnessError, match="returns no logits"):
        fisher_trace(bert().bert, texts(3, objective="masked"), objective="masked", seed=0, minimum=2)
