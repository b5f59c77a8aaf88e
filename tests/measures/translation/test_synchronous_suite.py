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
        {{model_type: marian, d_model: 64, encoder_layers: 2, decoder_layers: 2, encoder_attention_heads: 4, decoder_attention_heads: 4,
         encoder_ffn_dim: 128, decoder_ffn_dim: 128, max_position_embeddings: 64, dropout: 0.0, scale_embedding: true}}
      tokenizer: {{kind: word, vocabulary: 256}}
      pairs: [{{data: {{world: synchronous, name: general, options: {OPTIONS}}}, {PAIRS}}}]
      steps: [100, 800]
      learning_rate: 3e-3
      warmup_steps: 50
      batch_tokens: 1500
      length: 32
  adapted:
    make:
      maker: pretrain
      objective: translation
      start: general/seed=1/step=800
      pairs: [{{data: {{world: synchronous, name: domain_c, options: {OPTIONS}}}, {PAIRS}}}]
      steps: [100]
      learning_rate: 1e-3
      warmup_steps: 10
      batch_tokens: 1500
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
    - name: own/adapt
      include: synthetic/synchronous_c
      data: {{world: synchronous, name: domain_c, options: {OPTIONS}}}
      splits: {{train: train, score: test}}
      rows: {{train: 1000, test: 150}}
      adapt:
        steps: 100
        learning_rate: 1e-3
        warmup_steps: 10
        batch_tokens: 1500
        length: 32
        general: {{data: {{world: synchronous, name: general, options: {OPTIONS}}}, {PAIRS}}}
only: [{{tasks: [own/adapt], families: [general]}}]
"""
Found = dict[tuple[str, str, str], Record]
EARLY, LEARNT, ADAPTED = "general/seed=1/step=100", "general/seed=1/step=800", "adapted/seed=1/step=100"


@pytest.mark.slow
def test_models_learn_a_language_and_are_adapted_to_a_far_domain(tmp_path: Path) -> None:
    """Above both floors and below the most probable translations; better in the new domain after, worse in the old."""
    (tmp_path / "suite.yaml").write_text(SUITE)
    done = run(from_suite(tmp_path), tmp_path, Options())
    assert (done.measured, done.failed) == (8, [])
    found = by_name(Store(tmp_path))
    learns_the_language(found)
    is_adapted_by_the_maker(found)
    is_adapted_by_the_kind(found)


def learns_the_language(found: Found) -> None:
    """Between its floor and the best there is, better with more steps and at home; losses stand above the true ones."""
    learnt = found[LEARNT, "own/general", "bleu"]
    assert learnt.details is not None and learnt.stderr is not None
    assert learnt.details["floor"] + 20 < learnt.value < learnt.details["best"] + 3 * learnt.stderr
    assert found[EARLY, "own/general", "bleu"].value + 10 < learnt.value
    assert found[LEARNT, "own/far", "bleu"].value + 5 < learnt.value
    nats = [found[name, "own/general", "excess_nats_per_token"].value for name in (LEARNT, EARLY)]
    assert 0 < nats[0] < nats[1]
    for (name, task, metric), record in found.items():
        if metric == "excess_nats_per_token":
            assert record.details is not None
            loss = found[name, task, "nats_per_token"].value
            assert record.value + record.details["least"] == pytest.approx(loss, abs=1e-5)


def is_adapted_by_the_maker(found: Found) -> None:
    """Better in the new domain, worse in the old."""
    for metric, sign in (("bleu", 1), ("excess_nats_per_token", -1)):
        new, old = (
            sign * (found[ADAPTED, task, metric].value - found[LEARNT, task, metric].value)
            for task in ("own/far", "own/general")
        )
        assert old < 0 < new
    assert found[LEARNT, "own/far", "bleu"].value + 5 < found[ADAPTED, "own/far", "bleu"].value


def is_adapted_by_the_kind(found: Found) -> None:
    """What it has before is what plain tasks find; what it gains is well above its error, and the old domain loses."""
    for prefix, plain in (("", "own/far"), ("general_", "own/general")):
        for metric in ("bleu", "nats_per_token", "excess_nats_per_token"):
            before = found[LEARNT, "own/adapt", f"{prefix}{metric}_before"].value
            assert before == found[LEARNT, plain, metric].value
    gain, lost = (found[LEARNT, "own/adapt", f"{prefix}bleu_gain"] for prefix in ("", "general_"))
    assert gain.stderr is not None and gain.value > 5 + 2 * gain.stderr and lost.value < 0
    assert found[LEARNT, "own/adapt", "excess_nats_per_token_gain"].value > 0


def by_name(store: Store) -> Found:
    """Records by the checkpoint's name in its suite, task and metric."""
    names = {
        identity: next(name for name in (EARLY, LEARNT, ADAPTED) if any(name in n for n in info.names))
        for identity, info in store.checkpoints.items()
    }
    return {(names[r.checkpoint], r.task, r.metric): r for r in store.records}
