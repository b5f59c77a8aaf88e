from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from harness.checkpoints.layers import transformer_of
from harness.errors import HarnessError
from harness.training.pruning.choice import Choice, Setting
from tests.architectures import TABLE
from tests.hub import seq2seq

IDS = torch.tensor([[2, 9, 7, 12, 30, 8]])
NAMES = ("bert", "roberta", "deberta-v3", "electra", "modernbert", "gpt2", "llama", "neox", "opt", "qwen3", "gemma2")


def logits(model: Any) -> torch.Tensor:
    more = {"decoder_input_ids": IDS} if model.config.is_encoder_decoder else {}
    model.config.use_cache = False
    with torch.no_grad():
        return model.eval()(input_ids=IDS, **more).logits


def without_heads(model: Any, heads: list[tuple[int, int]]) -> torch.Tensor:
    """Logits where what a head says, ``(layer, head)``, is nothing on its way into the matrix after it."""
    hooks = []
    for layer in transformer_of(model).layers:
        (output,) = [m for m in layer.attention if m.role == "output"]
        gone = [layer.units_of_head(output, head) for number, head in heads if number == layer.number]

        def silence(_: Any, given: tuple[torch.Tensor], gone=gone) -> tuple[torch.Tensor]:
            states = given[0].clone()
            for units in gone:
                states[..., torch.from_numpy(units)] = 0
            return (states,)

        hooks.append(model.get_submodule(output.name.removesuffix(".weight")).register_forward_pre_hook(silence))
    found = logits(model)
    for hook in hooks:
        hook.remove()
    return found


def smallest_heads(model: Any) -> list[tuple[int, int]]:
    """Of each layer the head whose own weights have the smallest mean square, by hand."""
    found = []
    for layer in transformer_of(model).layers:
        sizes = []
        for head in range(layer.heads):
            parts = []
            for m in layer.attention:
                if m.role != "other":
                    axis = int(m.transposed) if m.role != "output" else 1 - int(m.transposed)
                    parts.append(
                        m.parameter.detach().index_select(axis, torch.tensor(layer.units_of_head(m, head))).flatten()
                    )
            sizes.append(float((torch.cat(parts) ** 2).mean()))
        found.append((layer.number, min(range(layer.heads), key=sizes.__getitem__)))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_model_without_a_head_of_each_layer_is_the_model_whose_head_says_nothing(name):
    model = TABLE[name].model()
    heads = smallest_heads(model)
    expected, before = without_heads(model, heads), logits(model)
    choice = Choice(model, Setting(structure="heads"))
    choice.prune(0.5)  # one of two
    assert choice.structure.reached(0.5) == 0.5
    torch.testing.assert_close(logits(model), expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(before, expected, atol=1e-3)


def test_keys_and_values_that_a_head_left_still_reads_stay():
    model = TABLE["llama"].model()  # two heads of queries, one of keys and values
    zeros = Choice(model, Setting(structure="heads")).prune(0.5)
    assert {name.split(".")[-2] for name in zeros} == {"q_proj", "o_proj"}
    assert all(int(z.sum()) == z.numel() // 2 for z in zeros.values())


def test_heads_are_ranked_in_each_layer_or_over_all():
    model = TABLE["bert"].model()
    for name, matrix in model.bert.encoder.layer[1].named_parameters():
        matrix.data *= 0.1 if name.startswith("attention.") else 1
    local, whole = (Choice(model, Setting(structure="heads", scope=scope)).zeros(0.5) for scope in ("local", "global"))
    assert {name.split(".")[3] for name in local} == {"0", "1"} and {name.split(".")[3] for name in whole} == {"1"}
    assert all(zeros.all() for zeros in whole.values())


@pytest.mark.parametrize(("setting", "gone"), [
    ({"layers": "top"}, {2}), ({}, {0}), ({"in_layers": [1, 2]}, {1}), ({"layers": "top", "in_layers": [0, 1]}, {1}),
])  # fmt: skip
def test_a_layer_without_weights_is_no_layer(setting, gone):
    """Llama has no biases: what stays is the model of the other layers."""
    from transformers import LlamaForCausalLM

    config = TABLE["llama"].config()
    config.num_hidden_layers = 3
    torch.manual_seed(0)
    model, fewer = LlamaForCausalLM(config), LlamaForCausalLM(copy.deepcopy(config))
    model.model.layers[1].mlp.up_proj.weight.data *= 2  # the first is the smallest, then the last
    model.model.layers[2].mlp.up_proj.weight.data *= 3
    fewer.load_state_dict(model.state_dict())
    fewer.model.layers = torch.nn.ModuleList(layer for n, layer in enumerate(fewer.model.layers) if n not in gone)
    fewer.config.num_hidden_layers = 2
    Choice(model, Setting(structure="layers", **setting)).prune(1 / len(setting.get("in_layers", range(3))))
    torch.testing.assert_close(logits(model), logits(fewer))


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_an_encoder_and_its_decoder_lose_the_same_share_of_layers_and_heads(name):
    model, _ = seq2seq.make(name)
    layers = Choice(model, Setting(structure="layers", layers="top")).prune(0.5)
    sides = {
        side: {n.split(f"{side}.")[1].split(".")[1] for n in layers if f"{side}." in n}
        for side in ("encoder", "decoder")
    }
    assert sides == {"encoder": {"1"}, "decoder": {"1"}}
    model, _ = seq2seq.make(name)
    heads = [(layer.number, 1) for layer in transformer_of(model).layers]
    choice = Choice(model, Setting(structure="heads", method="random", seed=3))
    gone = [group.index(True) for group in (choice.structure.chosen(n, 0.5) for n in range(len(heads)))]
    stacks = [(layer.stack, layer.number) for layer in transformer_of(model).layers]
    expected = seq2seq_without(model, dict(zip(stacks, gone, strict=True)))
    choice.prune(0.5)
    torch.testing.assert_close(logits(model), expected, rtol=1e-5, atol=1e-5)


def seq2seq_without(model: Any, heads: dict[tuple[str, int], int]) -> torch.Tensor:
    """Logits where one head of each layer's self-attention has no values and nothing reads it, by its weights."""
    kept = {name: p.detach().clone() for name, p in model.named_parameters()}
    with torch.no_grad():
        for layer in transformer_of(model).layers:
            (output,) = [m for m in layer.attention if m.role == "output"]
            output.parameter[:, torch.from_numpy(layer.units_of_head(output, heads[layer.stack, layer.number]))] = 0
    found = logits(model)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(kept[name])
    return found


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize("method", ["magnitude", "random"])
def test_two_of_every_four_inputs_stay_and_they_are_the_largest(name, method):
    model = TABLE[name].model()
    choice = Choice(model, Setting(method=method, structure="n:m", n_m="2:4"))
    before = {n: m.detach().clone() for n, m in choice.matrices.items()}
    for n, zeros in choice.prune(0.5).items():
        turned = name == "gpt2" and n != "transformer.wte.weight"
        mask, weight = (zeros.T, before[n].T) if turned else (zeros, before[n])
        for row_mask, row in zip(mask.tolist(), weight.abs().tolist(), strict=True):
            for first in range(0, len(row), 4):
                four, sizes = row_mask[first : first + 4], row[first : first + 4]
                assert sum(four) == 2
                if method == "magnitude":
                    assert {i for i, gone in enumerate(four) if gone} == set(
                        sorted(range(4), key=sizes.__getitem__)[:2]
                    )


@pytest.mark.parametrize(("setting", "message"), [
    ({"structure": "n:m", "n_m": "1:5"}, r"n_m: 1:5 does not divide bert.*, which has 16 inputs; expected a multiple of 5"),
    ({"structure": "layers", "in_layers": [7]}, r"there is no layer 7: BertForMaskedLM has 2 layers, 0 to 1"),
    ({"structure": "heads", "in_layers": [2]}, r"there is no layer 2"), ({"in_layers": [-1]}, r"there is no layer -1"),
])  # fmt: skip
def test_what_does_not_fit_the_model_is_one_message(setting, message):
    with pytest.raises(HarnessError, match=message):
        Choice(TABLE["bert"].model(), Setting(**setting))


@pytest.mark.parametrize("structure", ["heads", "layers"])
def test_an_architecture_whose_layers_are_not_found_is_refused_with_what_was(structure):
    from transformers import FNetConfig, FNetForMaskedLM

    model = FNetForMaskedLM(FNetConfig(vocab_size=40, hidden_size=8, num_hidden_layers=1, intermediate_size=8))
    with pytest.raises(
        HarnessError,
        match=r"layers of FNetForMaskedLM cannot be found.*found the lists fnet.encoder.layer \(1 x FNetLayer\)",
    ):
        Choice(model, Setting(structure=structure))


def test_layers_alone_may_be_pruned_and_what_is_outside_stays():
    model = TABLE["bert"].model()
    zeros = Choice(model, Setting(in_layers=[1])).zeros(0.5)
    assert len(zeros) == 6 and all(name.startswith("bert.encoder.layer.1.") for name in zeros)


def test_a_layer_used_several_times_cannot_go_alone():
    from transformers import AlbertConfig, AlbertForMaskedLM

    config = AlbertConfig(vocab_size=40, hidden_size=8, embedding_size=8, num_hidden_layers=2, intermediate_size=8,
                          num_attention_heads=2)  # fmt: skip
    with pytest.raises(HarnessError, match="none of them can be pruned alone"):
        Choice(AlbertForMaskedLM(config), Setting(structure="layers"))
    assert Choice(AlbertForMaskedLM(config), Setting(structure="heads")).structure.reached(0.5) == 0.5
