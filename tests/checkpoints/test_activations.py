from __future__ import annotations

import torch
from transformers.activations import FastGELUActivation, NewGELUActivation, QuickGELUActivation

from harness.checkpoints import load_language_model, resolve
from harness.checkpoints.activations import fuse_activations


def test_a_fused_model_gives_the_logits_and_gradients_of_the_one_written_out(content):
    plain, _ = content.make("gpt2")
    fused, _ = load_language_model(resolve(str(content.folder("gpt2"))), "cpu", "float32")
    plain.eval()
    ids = torch.arange(12)[None] + 5
    written_out = [m for m in plain.modules() if isinstance(m, NewGELUActivation)]
    assert written_out and all("forward" in m.__dict__ for m in fused.modules() if isinstance(m, NewGELUActivation))
    first, second = (model(input_ids=ids).logits for model in (plain, fused))
    assert torch.allclose(first, second, atol=1e-6)
    for logits in (first, second):
        logits.square().sum().backward()
    for (name, one), other in zip(plain.named_parameters(), fused.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-5), name


def test_forms_of_gelu_that_are_the_same_formula_are_fused_and_others_are_not():
    x = torch.linspace(-6, 6, 41)
    assert torch.allclose(fuse_activations(FastGELUActivation())(x), FastGELUActivation()(x), atol=1e-6)
    assert "forward" not in fuse_activations(QuickGELUActivation()).__dict__


def test_what_is_saved_is_not_changed(content, tmp_path):
    fused, _ = load_language_model(resolve(str(content.folder("gpt2"))), "cpu", "float32")
    fused.save_pretrained(tmp_path)
    assert (tmp_path / "config.json").read_text().count("gelu_new") == 1
