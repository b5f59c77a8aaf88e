from __future__ import annotations

import pytest

from harness import evaluate


@pytest.fixture
def spec(tmp_path) -> str:
    (tmp_path / "own.jsonl").write_text(
        "".join(f'{{"text": "the cat sat by {word} and then it ran home"}}\n' for word in ["the", "a", "one"])
    )
    (tmp_path / "own.yaml").write_text(
        "description: d\nkind: lm_loss\ndata: {files: [own.jsonl]}\nsplits: {score: train}\ntext: {documents: row}\n"
    )
    return str(tmp_path / "own.yaml")


def test_what_bfloat16_does_to_the_loss_is_said_and_kept(content, spec, capsys):
    name = str(content.folder("gpt2"))
    whole = evaluate(name, spec)[0]
    rounded = evaluate(name, spec, dtype="bfloat16")[0]
    assert whole.details is None and rounded.metric == "nats_per_token"
    assert rounded.details["float32"] == pytest.approx(whole.value, rel=1e-6)
    assert rounded.details["dtype_effect"] == pytest.approx(rounded.value - whole.value, abs=1e-7)
    assert 0 < abs(rounded.details["dtype_effect"]) < 0.05
    assert rounded.details["dtype_effect_tokens"] == whole.n
    assert "bfloat16 moves the loss by" in capsys.readouterr().err
    assert rounded.key != whole.key
