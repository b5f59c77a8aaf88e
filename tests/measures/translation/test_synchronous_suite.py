"""Models that learn to translate a synchronous grammar, are adapted to a far domain, and are scored in both."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evaluator import run
from harness.request import Options, from_suite
from harness.results import Record, Store

WORDS = "names: 6, nouns: 12, adjectives: 4, verbs: 5, adverbs: 3, postpositions: 3"
OPTIONS = f"{{{WORDS}, general_train: 6000, domain_train: 1000, general_test: 150, domain_test: 150}}"
PAIRS = "source: '{{ source }}', target: '{{ target }}'"
SUITE = f"""title: adapted
families:
  general:
    make:
      maker: pretrain
      objective: translation
      architecture:
        {{model_type: marian, d_model: 32, encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 2, decoder_attention_heads: 2,
         encoder_ffn_dim: 64, decoder_ffn_dim: 64, max_position_embeddings: 64, dropout: 0.0, scale_embedding: true}}
      tokenizer: {{kind: word, vocabulary: 256}}
      pairs: [{{data: {{world: synchronous, name: general, options: {OPTIONS}}}, {PAIRS}}}]
      steps: [100, 700]
      learning_rate: 4e-3
      warmup_steps: 50
      batch_tokens: 1000
      length: 32
  adapted:
    make:
      maker: pretrain
      objective: translation
      start: general/seed=1/step=700
      pairs: [{{data: {{world: synchronous, name: domain_c, options: {OPTIONS}}}, {PAIRS}}}]
      steps: [100]
      learning_rate: 2e-3
      warmup_steps: 10
      batch_tokens: 1000
      length: 32
tasks:
  upstream:
    - name: own/general
      include: synthetic/synchronous_general
      data: {{world: synchronous, name: general, options: {OPTIONS}}}
      rows: {{test: 150}}
  downstream:
    - name: own/far
      include: synthetic/synchronous_c
      data: {{world: synchronous, name: domain_c, options: {OPTIONS}}}
      rows: {{test: 150}}
"""
LEARNT, ADAPTED = "general/seed=1/step=700", "adapted/seed=1/step=100"


@pytest.mark.slow
def test_models_learn_a_language_and_are_adapted_to_a_far_domain(tmp_path: Path) -> None:
    """Above both floors and below the most probable translations; better in the new domain after, worse in the old."""
    (tmp_path / "suite.yaml").write_text(SUITE)
    done = run(from_suite(tmp_path), tmp_path, Options())
    assert (done.measured, done.failed) == (6, [])
    found = by_name(Store(tmp_path))
    bleu = {key: record.value for key, record in found.items() if key[2] == "bleu"}
    above = {key: record.value for key, record in found.items() if key[2] == "excess_nats_per_token"}
    early = "general/seed=1/step=100"
    learnt = found[LEARNT, "own/general", "bleu"]
    assert learnt.details is not None and learnt.stderr is not None
    assert learnt.details["floor"] + 20 < learnt.value < learnt.details["best"] + 3 * learnt.stderr
    assert bleu[early, "own/general", "bleu"] + 10 < learnt.value
    assert bleu[LEARNT, "own/far", "bleu"] + 5 < min(learnt.value, bleu[ADAPTED, "own/far", "bleu"])
    assert bleu[ADAPTED, "own/general", "bleu"] < learnt.value
    order = [(LEARNT, "own/general"), (ADAPTED, "own/far"), (LEARNT, "own/far")]
    nats = [0.0, *(above[*key, "excess_nats_per_token"] for key in order)]
    assert nats == sorted(nats) and nats[-1] < above[early, "own/far", "excess_nats_per_token"]
    for (name, task, metric), record in found.items():
        if metric == "excess_nats_per_token":
            assert record.details is not None
            loss = found[name, task, "nats_per_token"].value
            assert record.value + record.details["least"] == pytest.approx(loss, abs=1e-5)


def by_name(store: Store) -> dict[tuple[str, str, str], Record]:
    """Records by the checkpoint's name in its suite, task and metric."""
    names = {
        identity: next(
            name for name in (LEARNT, ADAPTED, "general/seed=1/step=100") if any(name in n for n in info.names)
        )
        for identity, info in store.checkpoints.items()
    }
    return {(names[r.checkpoint], r.task, r.metric): r for r in store.records}
