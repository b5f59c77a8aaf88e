"""The kind, from the command's own entry to its records."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sacrebleu
import torch

from harness import evaluate
from harness.results.outcomes import read_outcomes
from harness.results.texts import read_texts
from tests.hub import seq2seq
from tests.measures.translation.translation_rows import pairs, write_task

SHORT = "decoding: {maximum_length: 12}\n"


def test_a_marian_model_from_text_to_records(tmp_path):
    """Outputs are those of generate, scores those of sacreBLEU, cross-entropy that of transformers."""
    rows = pairs(6)
    model, tokenizer = seq2seq.make("marian")
    path = write_task(tmp_path, rows, SHORT)
    records = {r.metric: r for r in evaluate((model, tokenizer), path, name="m", output=tmp_path / "out")}
    assert not [r.error for r in records.values() if r.error]
    assert list(records) == ["bleu", "chrf", "nats_per_token", "bits_per_byte"]
    sources, references = ([row["translation"][side] for row in rows] for side in ("de", "en"))
    written = []
    for source in sources:
        ids = tokenizer(source, return_tensors="pt")
        made = model.generate(**ids, max_new_tokens=12, num_beams=1, do_sample=False)[0, 1:]
        written.append(tokenizer.decode(made, skip_special_tokens=True).strip())
    kept = read_texts(tmp_path / "out", records["bleu"].key)
    assert [line["hypothesis"] for line in kept] == written and [line["row"] for line in kept] == list(range(6))
    assert "hypothesis" not in (tmp_path / "out" / "results.jsonl").read_text()
    chrf = records["chrf"]
    assert chrf.value == sacrebleu.corpus_chrf(written, [references]).score and chrf.unit == "points"
    assert records["bleu"].value == sacrebleu.corpus_bleu(written, [references]).score and chrf.higher_is_better
    assert chrf.details["copy"] == sacrebleu.corpus_chrf(sources, [references]).score == chrf.details["chance"]
    assert "version" in chrf.details["sacrebleu"] and chrf.n == 6 and chrf.stderr > 0 and chrf.seed is None
    nats, tokens = nats_by_transformers(model, tokenizer, sources, references)
    assert records["nats_per_token"].value == pytest.approx(nats / tokens, rel=1e-6)
    size = sum(len(reference.encode()) for reference in references)
    assert records["bits_per_byte"].value == pytest.approx(nats / math.log(2) / size, rel=1e-6)
    assert records["nats_per_token"].n == tokens and "6 segments" in records["nats_per_token"].stderr_method


def nats_by_transformers(model, tokenizer, sources, references) -> tuple[float, int]:
    """The summed loss of references, and their tokens."""
    nats, tokens = 0.0, 0
    for source, reference in zip(sources, references, strict=True):
        labels = tokenizer(text_target=reference, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            loss = model(**tokenizer(source, return_tensors="pt"), labels=labels).loss
        nats, tokens = nats + loss.item() * labels.numel(), tokens + labels.numel()
    return nats, tokens


def test_outcomes_are_the_statistics_that_give_the_score(tmp_path):
    from harness.measures.translation.metrics import corpus_metric

    path = write_task(tmp_path, pairs(5), SHORT)
    records = {r.metric: r for r in evaluate(seq2seq.make("t5"), path, name="m", output=tmp_path / "out")}
    kept = read_outcomes(tmp_path / "out").to_pandas()
    chrf = corpus_metric("chrf")
    sums = np.array([kept[kept.metric == name].outcome.sum() for name in chrf.statistic_names])
    assert float(chrf.values(sums)) == pytest.approx(records["chrf"].value, abs=1e-9)
    nats = kept[kept.metric == "nats_per_token"]
    assert nats.outcome.sum() / nats.weight.sum() == pytest.approx(records["nats_per_token"].value)
