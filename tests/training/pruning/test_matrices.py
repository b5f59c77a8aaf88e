from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from harness.checkpoints.pruned import EMBEDDINGS, matched
from harness.errors import HarnessError
from harness.training.pruning.matrices import matrices_of, names_in_body
from tests.architectures import TABLE
from tests.hub import seq2seq

IN_LAYERS = {  # of the two layers: matrices of each, by the code of transformers
    "bert": 6, "roberta": 6, "electra": 6, "modernbert": 4, "gpt2": 4, "llama": 7, "neox": 4, "opt": 6, "qwen3": 7,
    "deberta-v3": 6,
}  # fmt: skip
OUTSIDE = {"electra": 1, "opt": 2}  # projections from and to a narrower embedding


@pytest.mark.parametrize("name", IN_LAYERS)
def test_the_matrices_are_those_of_every_layer_and_the_table_of_words(name):
    model = TABLE[name].model()
    found = matrices_of(model, embeddings=True)
    assert len(found) == 2 * IN_LAYERS[name] + OUTSIDE.get(name, 0) + 1
    assert all(matrix.ndim == 2 for matrix in found.values())
    table = [n for n, matrix in found.items() if matrix is model.get_input_embeddings().weight]
    assert len(table) == 1 and set(found) - set(matrices_of(model, embeddings=False)) == set(table)
    head = model.get_output_embeddings().weight
    assert sum(matrix is head for matrix in found.values()) == TABLE[name].tied  # counted once, or not at all


def test_biases_norms_positions_and_segments_are_left_out_and_the_pooler_is_not():
    from transformers import BertModel

    model = BertModel(TABLE["bert"].config())
    names = names_in_body(model, matrices_of(model, embeddings=True))
    kinds = Counter(name.split(".")[-2] if "." in name else name for name in names)
    assert kinds == {"query": 2, "key": 2, "value": 2, "dense": 7, EMBEDDINGS: 1} and "pooler.dense.weight" in names


@pytest.mark.parametrize(
    "name", ["bert", "roberta", "gpt2", "llama", "opt", "neox", "modernbert", "deberta-v3", "electra"]
)
def test_a_classifier_finds_the_matrices_of_the_language_model_under_its_own_names(name, tmp_path):
    from harness.checkpoints import load_classifier, resolve

    model = TABLE[name].model()
    names = names_in_body(model, found := matrices_of(model, embeddings=True))
    classifier, _ = load_classifier(resolve(str(TABLE[name].save(tmp_path))), 2, 1, "cpu", "float32")
    there = matched(classifier, names)
    assert len(there) == len(names)
    of = dict(zip(names, found.values(), strict=True))
    theirs = dict(zip(names_in_body(classifier, there), there.values(), strict=True))
    assert all(torch.equal(of[ending], theirs[ending]) for ending in of)


@pytest.mark.parametrize(("name", "share"), [("t5", 1.0), ("bart", 1.0), ("marian", 0.5)])
def test_a_classifier_on_an_encoder_finds_what_it_has_of_the_matrices(name, share, tmp_path):
    from harness.checkpoints import load_classifier, resolve_in_memory

    model, tokenizer = seq2seq.make(name)
    names = names_in_body(model, matrices_of(model, embeddings=True))
    classifier, _ = load_classifier(resolve_in_memory(model, tokenizer), 2, 1, "cpu", "float32")
    there = matched(classifier, names)
    assert share * 0.7 < len(there) / len(names) <= share
    assert any(matrix is classifier.get_input_embeddings().weight for matrix in there.values())


def test_a_model_without_linear_layers_is_refused_with_what_it_has():
    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.mix = nn.Embedding(4, 2), nn.Conv1d(2, 2, 1)

        base_model = property(lambda self: self)

        def get_input_embeddings(self) -> nn.Module:
            return self.table

    with pytest.raises(HarnessError, match="Other has no linear layer .* 1 Conv1d"):
        matrices_of(Other(), embeddings=True)


def test_a_config_that_names_matrices_of_another_model_is_refused():
    with pytest.raises(
        HarnessError, match=r"names 1 pruned matrices \(h.0.nowhere.weight ...\), of which BertForMaskedLM has none"
    ):
        matched(TABLE["bert"].model(), ["h.0.nowhere.weight"])
