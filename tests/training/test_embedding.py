from __future__ import annotations

import copy

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
)

from harness.measures.classifier import classification_loss
from harness.training.embedding import PartialEmbedding, only_rows
from harness.training.loop import Loop, Recipe

RECIPE = Recipe(steps=6, learning_rate=0.05, warmup_steps=2, weight_decay=0.3)
BERT = BertConfig(vocab_size=200, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
                  hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)  # fmt: skip
GPT2 = GPT2Config(vocab_size=200, n_embd=16, n_layer=1, n_head=2, n_positions=16, pad_token_id=0, resid_pdrop=0.0,
                  embd_pdrop=0.0, attn_pdrop=0.0)  # fmt: skip


def trained(model, ids, rows) -> dict[str, torch.Tensor]:
    with only_rows(model, rows, RECIPE.decay):
        loop = Loop(model, RECIPE, classification_loss)
        for step in range(RECIPE.steps):
            loop.step(
                {"input_ids": ids[step], "attention_mask": (ids[step] != 0).long(), "labels": ids[step, :, 1] % 2}
            )
    return model.state_dict()


@pytest.mark.parametrize(
    "build", [lambda: BertForSequenceClassification(BERT), lambda: GPT2ForSequenceClassification(GPT2)]
)
def test_a_table_cut_down_is_trained_to_the_same_weights(build):
    torch.manual_seed(0)
    model, ids = build(), torch.randint(1, 40, (RECIPE.steps, 8, 6))
    ids[:, :, 5] = 0
    whole = trained(copy.deepcopy(model), ids, range(200))
    cut = trained(model, ids, ids.unique().tolist())
    assert list(cut) == list(whole)
    for name, weight in whole.items():
        assert torch.allclose(cut[name], weight, rtol=1e-5, atol=1e-6), name


def test_within_it_the_model_reads_the_same_and_has_fewer_parameters():
    torch.manual_seed(0)
    model, ids = BertForSequenceClassification(BERT).eval(), torch.tensor([[3, 7, 0], [9, 3, 3]])
    before, size = model(input_ids=ids).logits, sum(p.numel() for p in model.parameters())
    with torch.no_grad(), only_rows(model, [3, 7, 9], 1.0):
        assert isinstance(model.get_input_embeddings(), PartialEmbedding)
        assert torch.equal(model(input_ids=ids).logits, before)
        assert sum(p.numel() for p in model.parameters()) == size - 16 * (200 - 4)


def test_a_table_that_is_tied_or_read_whole_stays():
    tied, full = BertForMaskedLM(BERT), BertForSequenceClassification(BERT)
    for model, rows in ((tied, [1, 2]), (full, range(190))):
        with only_rows(model, rows, 0.5):
            assert not isinstance(model.get_input_embeddings(), PartialEmbedding)


def test_the_table_is_whole_again_after_an_error():
    model = BertForSequenceClassification(BERT)
    table = model.get_input_embeddings()
    with pytest.raises(KeyboardInterrupt), only_rows(model, [1], 1.0):
        raise KeyboardInterrupt
    assert model.get_input_embeddings() is table
