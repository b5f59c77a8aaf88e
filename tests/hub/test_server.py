"""The Hub of the tests serves models and data sets to the libraries by name and revision, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hub.datasets import GLUE_REVISION, LABELS, WIKITEXT_REVISION
from tests.hub.server import Hub, byte_range

if TYPE_CHECKING:
    from tests.hub.content import Content


@pytest.mark.parametrize("config", ["cola", "mrpc", "stsb"])
def test_glue_loads_by_name_and_revision(hub: Hub, config: str) -> None:
    from datasets import load_dataset

    rows = load_dataset("nyu-mll/glue", config, split="validation", revision=GLUE_REVISION)
    assert len(rows) == 48
    assert "idx" in rows.column_names
    assert {"sentence", "sentence1"} & set(rows.column_names)
    names = getattr(rows.features["label"], "names", ())
    assert tuple(names) == LABELS[config]
    assert any(path.startswith("/datasets/nyu-mll/glue/resolve/") for path in hub.paths())


def test_test_labels_are_hidden_except_for_mrpc(hub: Hub) -> None:
    from datasets import load_dataset

    assert set(load_dataset("nyu-mll/glue", "rte", split="test")["label"]) == {-1}
    assert set(load_dataset("nyu-mll/glue", "mrpc", split="test")["label"]) == {0, 1}


def test_wikitext_is_rows_of_lines(hub: Hub) -> None:
    from datasets import load_dataset

    rows = load_dataset("Salesforce/wikitext", "wikitext-2-raw-v1", split="test", revision=WIKITEXT_REVISION)["text"]
    assert sum(row.startswith(" = ") and not row.startswith(" = = ") for row in rows) == 6
    assert "" in rows


@pytest.mark.parametrize(("revision", "name"), [("step1", "gpt2"), ("step2", "gpt2-later"), ("v1.0", "gpt2-later")])
def test_models_load_by_name_and_revision(hub: Hub, content: Content, revision: str, name: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained("tests/tiny-gpt2", revision=revision).eval()
    tokenizer = AutoTokenizer.from_pretrained("tests/tiny-gpt2", revision=revision)
    local, _ = content.make(name)
    batch = tokenizer("the king found a silver bell", return_tensors="pt")
    with torch.no_grad():
        assert torch.equal(loaded(**batch).logits, local.eval()(**batch).logits)


def test_byte_ranges() -> None:
    assert byte_range("bytes=2-4", 10) == (2, 4)
    assert byte_range("bytes=8-", 10) == (8, 9)
    assert byte_range("bytes=-3", 10) == (7, 9)
    assert byte_range(None, 10) == (0, 9)
