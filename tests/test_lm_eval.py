"""The causal loss is lm-eval's rolling log-likelihood on the same checkpoint and text."""

from __future__ import annotations

import math

import pytest

from harness import evaluate


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_rolling_log_likelihood(content, hub, tmp_path, name):
    pytest.importorskip("lm_eval")
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from tests.hub.text import sentences

    texts = [" ".join(sentences(count, seed=count)) for count in (1, 9, 30)]
    (tmp_path / "own.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))
    (tmp_path / "own.yaml").write_text(
        "description: d\nkind: lm_loss\ndata: {files: [own.jsonl]}\nsplits: {score: train}\ntext: {documents: row}\n"
    )
    model, tokenizer = content.make(name)
    records = {r.metric: r for r in evaluate((model.eval(), tokenizer), str(tmp_path / "own.yaml"), name="m")}
    theirs = HFLM(
        pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=1, max_length=64, softmax_dtype="float32"
    )
    requests = [Instance("loglikelihood_rolling", {}, (text,), n) for n, text in enumerate(texts)]
    total = -sum(theirs.loglikelihood_rolling(requests, disable_tqdm=True))
    tokens = sum(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)
    size = sum(len(text.encode()) for text in texts)
    assert records["nats_per_token"].value == pytest.approx(total / tokens, rel=1e-5)
    assert records["bits_per_byte"].value == pytest.approx(total / size / math.log(2), rel=1e-5)
