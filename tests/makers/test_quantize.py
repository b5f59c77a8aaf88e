from __future__ import annotations

import json

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from harness.checkpoints import load_language_model, resolve
from harness.makers.quantize import on_grid
from harness.makers.registry import make
from harness.specs import Quantize
from harness.training.pruning.matrices import matrices_of


def recipe(start, **changes) -> Quantize:
    return Quantize.model_validate({"maker": "quantize", "start": str(start), "bits": [8, 4, 2]} | changes)


@pytest.mark.parametrize(("bits", "levels"), [(8, 255), (4, 15), (3, 7), (2, 3)])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_no_weight_moves_by_more_than_half_a_step_and_levels_are_as_many_as_bits_tell(bits, levels, axis):
    values = torch.randn(5, 4000, generator=torch.Generator().manual_seed(bits))
    found = on_grid(values, bits, axis)
    largest = values.abs().max() if axis is None else values.abs().amax(axis, keepdim=True)
    step = largest / (levels // 2)
    assert bool(((found - values).abs() <= step * (0.5 + 1e-5)).all())
    numbers = (found / step).round()
    torch.testing.assert_close(numbers * step, found)
    assert numbers.abs().max() == levels // 2 and len(numbers.unique()) <= levels
    assert torch.equal(on_grid(found, bits, axis), found)  # what is on the grid stays


def test_a_row_of_zeros_stays_and_a_row_keeps_its_largest():
    values = torch.tensor([[0.0, 0.0], [3.0, -1.4]])
    assert on_grid(values, 2, 1).tolist() == [[0.0, 0.0], [3.0, 0.0]]


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_eight_bits_are_close_and_fewer_are_farther_and_only_matrices_are_rounded(content, tmp_path, name):
    start = content.folder(name)
    assert make(recipe(start), tmp_path / "f") == ["bits=8", "bits=4", "bits=2"]
    before, _ = load_language_model(resolve(str(start)), "cpu", "float32")
    rounded, ids, moved, errors = set(matrices_of(before, embeddings=True)), torch.arange(20)[None], [], []
    for bits in (8, 4, 2):
        model, _ = load_language_model(found := resolve(str(tmp_path / "f" / f"bits={bits}")), "cpu", "float32")
        changed = {
            n for (n, a), b in zip(before.named_parameters(), model.parameters(), strict=True) if not torch.equal(a, b)
        }
        assert changed == rounded
        with torch.no_grad():
            whole = before(input_ids=ids).logits
            moved.append(float((model(input_ids=ids).logits - whole).abs().max() / whole.abs().max()))
        errors.append(found.info.made["relative_error"])
        assert found.info.run == resolve(str(start)).info.run
    assert moved[0] < 0.05 and moved == sorted(moved)
    assert errors[0] < 0.01 and errors == sorted(errors)


def test_rows_of_gpt2_are_its_outputs_and_embeddings_may_stay(content, tmp_path):
    make(recipe(content.folder("gpt2"), bits=2, embeddings=False), tmp_path / "f")
    before, found = (load_file(f / "model.safetensors") for f in (content.folder("gpt2"), tmp_path / "f/bits=2"))
    name = next(n for n in found if n.endswith("h.0.mlp.c_fc.weight"))  # (inputs, outputs)
    assert all(len(column.abs().unique()) <= 2 for column in found[name].T)
    table = next(n for n in found if n.endswith("wte.weight"))
    assert torch.equal(before[table], found[table])


def test_a_pruned_start_has_its_masks_no_longer(content, tmp_path):
    from harness.specs import Prune

    pruned = {"maker": "prune", "start": str(content.folder("bert")), "sparsity": [0.5]}
    make(Prune.model_validate(pruned), tmp_path / "p")
    make(recipe(tmp_path / "p/sparsity=0.5", bits=3), tmp_path / "f")
    assert "harness_pruning" not in json.loads((tmp_path / "f/bits=3/config.json").read_text())


@pytest.mark.parametrize(("changes", "message"), [
    ({"bits": [8, 1]}, "bits 1 is out of range; expected 2 to 16"), ({"bits": 32}, "bits 32 is out of range"),
    ({"bits": [4, 4]}, "2 members have the name bits=4; expected a name for each"),
])  # fmt: skip
def test_bits_that_make_no_grid_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        recipe("a/b", **changes)
