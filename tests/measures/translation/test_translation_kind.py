"""The kind, from the command's own entry to its records."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sacrebleu
import torch

from harness import evaluate
from harness.checkpoints import resolve_in_memory
from harness.errors import HarnessError
from harness.measures.translation import kind
from harness.results import Store
from harness.results.outcomes import read_outcomes
from harness.results.texts import read_texts, write_texts
from harness.specs import load_task
from tests.hub import multilingual, seq2seq
from tests.hub.text import sentences
from tests.measures.translation.translation_rows import SPEC, pairs, write_task

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


def test_a_causal_model_translates_by_a_prompt(content, tmp_path):
    """Greedy writing up to the end of the line, as generate has it, and the loss of what stands behind the prompt."""
    rows = pairs(4)
    model, tokenizer = content.make("gpt2")
    model.eval()
    path = write_task(tmp_path, rows, "prompt: '{{ source }} ='\ndecoding: {maximum_length: 16}\n")
    records = {r.metric: r for r in evaluate((model, tokenizer), path, name="m", output=tmp_path / "out")}
    assert list(records) == ["bleu", "chrf", "nats_per_token", "bits_per_byte"] and records["bleu"].error is None
    nats, tokens = 0.0, 0
    for line, row in zip(read_texts(tmp_path / "out", records["bleu"].key), rows, strict=True):
        prompt = tokenizer(f"{row['translation']['de']} =", return_tensors="pt")["input_ids"]
        made = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=16, do_sample=False)
        assert line["hypothesis"] == tokenizer.decode(made[0, prompt.shape[1] :]).split("\n")[0].strip()
        whole = tokenizer(f"{row['translation']['de']} = {row['translation']['en']}\n", return_tensors="pt")[
            "input_ids"
        ]
        with torch.no_grad():
            logits = model(whole).logits[0, :-1].double().log_softmax(-1)
        each = -logits[range(len(logits)), whole[0, 1:]][prompt.shape[1] - 1 :]
        nats, tokens = nats + float(each.sum()), tokens + len(each)
    assert records["nats_per_token"].value == pytest.approx(nats / tokens, rel=1e-5)


@pytest.mark.parametrize(("name", "message"), [
    ("bert", "m is a masked model (bert), which writes no text"),
    ("encoder", "m is an encoder without a language-model head (bert), which writes no text"),
])  # fmt: skip
def test_a_model_that_writes_nothing_is_refused_in_one_message(content, tmp_path, name, message):
    (failed,) = evaluate(content.make(name), write_task(tmp_path, pairs(2)), name="m")
    assert failed.error.startswith(message) and len(failed.error.splitlines()) == 1


def test_an_empty_reference_and_a_language_the_tokenizer_lacks_are_one_message_each(tmp_path):
    rows = pairs(2)
    rows[1]["translation"]["en"] = " "
    (failed,) = evaluate(seq2seq.make("marian"), write_task(tmp_path, rows), name="m")
    assert (
        failed.error.endswith("leave the row out with where:, or mend the data")
        and "row 1 has an empty target" in failed.error
    )
    spec = SPEC.replace("source: de,", "source: tlh,")
    (failed,) = evaluate(multilingual.mbart50(), write_task(tmp_path, pairs(2), spec=spec), name="m")
    assert "own.yaml:7: m: the tokenizer has no language 'tlh'; valid: tl_XX (" in failed.error


def test_the_greatest_length_fits_the_model(content, tmp_path):
    usual = kind.policy(
        load_task(write_task(tmp_path, pairs(2))), resolved := resolve_in_memory(*seq2seq.make("marian"), name="m")
    )
    assert usual["decoding"] == {"beams": 1, "length_penalty": 1.0, "maximum_length": 63} and usual["window"] == 64
    gpt2 = resolve_in_memory(*content.make("gpt2"), name="m")
    assert kind.policy(load_task(write_task(tmp_path, pairs(2))), gpt2)["decoding"]["maximum_length"] == 32
    long = load_task(write_task(tmp_path, pairs(2), "decoding: {maximum_length: 64}\n"))
    with pytest.raises(HarnessError, match=r"own.yaml:8: 64 tokens; m has 64 positions: expected 63 at most"):
        kind.policy(long, resolved)
    with pytest.raises(HarnessError, match="half of which are left to the prompt: expected 32 at most"):
        kind.policy(long, gpt2)


def test_policies_tell_what_was_decided(content, tmp_path):
    """sacreBLEU's signature by target language, the languages as the model is told them, and the prompt."""
    spec = SPEC.replace("target: en}", "target: zh}")
    found = kind.policy(
        load_task(write_task(tmp_path, pairs(2), SHORT, spec)), resolve_in_memory(*multilingual.mbart50(), name="m")
    )
    assert (found["source_language"], found["target_language"]) == ("de_DE", "zh_CN")
    assert "tok:zh|" in found["sacrebleu"]["bleu"] and "version" in found["sacrebleu"]["chrf"]
    causal = kind.policy(
        load_task(write_task(tmp_path, pairs(2), SHORT)), resolve_in_memory(*content.make("gpt2"), name="m")
    )
    assert causal["prompt"].startswith("{{ source_language }}: ") and causal["named"] == ["German", "English"]
    assert "tok:13a|" in causal["sacrebleu"]["bleu"]


def test_degenerate_outputs_and_cut_sources_are_counted_and_said(tmp_path):
    rows = pairs(3)
    rows[0]["translation"]["de"] = " ".join(sentences(12, 3))
    model, tokenizer = seq2seq.make("marian")
    model.generation_config.forced_eos_token_id = None
    model.final_logits_bias[0, tokenizer.convert_tokens_to_ids("a")] = 1e4  # says nothing but a
    records = {r.metric: r for r in evaluate((model, tokenizer), write_task(tmp_path, rows, SHORT), name="m")}
    details = records["bleu"].details
    assert (details["empty"], details["looping"], details["unfinished"]) == (0, 3, 3)
    assert records["bleu"].warnings == (
        "of 3 translations 3 repeat themselves, 3 did not end within 12 tokens",
        "1 of 3 sources were cut at the right: the model reads 64 tokens",
    )
    model.final_logits_bias[0, tokenizer.eos_token_id] = 1e5  # says nothing at all
    records = {r.metric: r for r in evaluate((model, tokenizer), write_task(tmp_path, rows, SHORT), name="m")}
    assert records["bleu"].details["empty"] == 3 and records["bleu"].value == records["chrf"].value == 0
    assert records["bleu"].warnings[0] == "of 3 translations 3 are empty"


def test_outputs_that_cannot_be_kept_cost_no_record(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "outputs").write_text("in the way")
    path = write_task(tmp_path, pairs(2), SHORT)
    records = evaluate(seq2seq.make("marian"), path, name="m", output=tmp_path / "out")
    assert len(records) == 4 and not [r.error for r in records if r.error]
    assert "own on m were not kept" in capsys.readouterr().err


def test_outputs_stay_out_of_version_control(tmp_path):
    write_texts(tmp_path, "k" * 64, [{"row": 0, "hypothesis": "ä\u2028"}])
    assert (tmp_path / "outputs" / ".gitignore").read_text() == "*\n"
    assert (
        read_texts(tmp_path, "k" * 64) == [{"row": 0, "hypothesis": "ä\u2028"}] and read_texts(tmp_path, "other") == []
    )


@pytest.mark.parametrize("name", ["nllb", "marian"])
def test_a_checkpoint_in_a_folder_is_told_its_languages_and_measured_once(name, tmp_path):
    """Tokenizers of transformers' own classes come back from disk as they were; a beam and TER are measured too."""
    if name == "marian":
        pytest.importorskip("sentencepiece")
        (tmp_path / "pieces").mkdir()
        model, tokenizer = multilingual.marian(tmp_path / "pieces", ">>eng<<", ">>fra<<")
    else:
        model, tokenizer = multilingual.nllb()
    model.save_pretrained(tmp_path / name)
    tokenizer.save_pretrained(tmp_path / name)
    more = "metrics: [chrf, ter]\ndecoding: {maximum_length: 8, beams: 2}\n"
    path = write_task(tmp_path, pairs(3), more)
    first = evaluate(str(tmp_path / name), path, output=tmp_path / "out")
    assert [r.metric for r in first] == ["chrf", "ter", "nats_per_token", "bits_per_byte"], first[0].error
    ter = first[1].details
    assert not first[1].higher_is_better and ter["floor"] == min(ter["copy"], ter["shuffled"])
    policy = Store(tmp_path / "out").contexts[first[0].context]["parts"]["policy"]
    told = {"source_language": "deu_Latn", "target_language": "eng_Latn"} if name == "nllb" else {"token": ">>eng<<"}
    assert {key: policy.get(key) for key in told} == told and policy["decoding"]["beams"] == 2
    again = evaluate(str(tmp_path / name), path, output=tmp_path / "out")
    assert [r.value for r in again] == [r.value for r in first] and len(Store(tmp_path / "out").records) == 4
