"""What families of models are told, against transformers' own tokenizers."""

from __future__ import annotations

import pytest
import torch
from transformers import T5Config
from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES as MBART50
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB

from harness.data.parallel import Pair
from harness.errors import HarnessError
from harness.measures.translation.cross_entropy import reference_losses
from harness.measures.translation.decoding import decode
from harness.measures.translation.encoded import Encoded, encoded_for_encoder
from harness.measures.translation.language_codes import find_code, table
from harness.measures.translation.languages import Told, told_by
from harness.specs import Decoding, Languages
from tests.hub import multilingual, seq2seq
from tests.hub.text import sentences

TO_GERMAN = Languages(source="en", target="de")
PAIRS = [Pair(n, " ".join(sentences(1, n)), " ".join(sentences(1, 9 + n))) for n in range(3)]


@pytest.mark.parametrize(
    ("code", "nllb", "mbart50"),
    [("zh", "zho_Hans", "zh_CN"), ("de", "deu_Latn", "de_DE"), ("deu", "deu_Latn", "de_DE"), ("pt-BR", "por_Latn", "pt_XX"),
     ("lv", "lvs_Latn", "lv_LV"), ("fa", "pes_Arab", "fa_IR"), ("ja", "jpn_Jpan", "ja_XX"), ("ar", "arb_Arab", "ar_AR")],
)  # fmt: skip
def test_codes_of_large_models_follow_from_iso_codes(code, nllb, mbart50):
    assert find_code(code, NLLB) == nllb and find_code(code, MBART50) == mbart50


def test_every_code_of_mbart50_is_found_by_two_letters_and_scripts_are_kept_apart():
    found = {code for two in table() if len(two) == 2 and (code := found_or_none(two, MBART50))}
    assert found == set(MBART50)
    assert find_code("zh-Hant", NLLB) == "zho_Hant" and find_code("zh_Hant", ["zh_Hant"]) == "zh_Hant"
    assert found_or_none("zh-Hant", MBART50) is None, "Traditional is not Simplified"
    assert found_or_none("zh-TW", NLLB) is None, "a region does not say which script"
    assert find_code("no", NLLB) == "nob_Latn", "the word that YAML takes for false"


def found_or_none(code: str, known: list[str]) -> str | None:
    """What is found, if anything is."""
    try:
        return find_code(code, known)
    except HarnessError:
        return None


def test_a_language_that_is_not_there_is_one_error_with_the_nearest():
    with pytest.raises(HarnessError, match=r"no language 'sr'; valid: af_ZA, ar_AR") as caught:
        find_code("sr", MBART50)
    assert "languages.target_names" in str(caught.value) and len(str(caught.value).splitlines()) == 1
    with pytest.raises(HarnessError, match="no language 'zho_Hanns'; did you mean 'zho_Hans'"):
        find_code("zh", NLLB, ("zho_Hanns",))
    assert find_code("zh", NLLB, ("zh_TW", "zho_Hant")) == "zho_Hant"


def test_marian_of_several_languages_wants_a_token_and_t5_its_prefix():
    class Tokenizer:
        def get_vocab(self):
            return {">>cmn_Hans<<": 1, ">>jpn<<": 2, "a": 3}

    assert told_by(None, Tokenizer(), Languages(source="en", target="zh")) == Told(token=">>cmn_Hans<<")
    with pytest.raises(HarnessError, match="the tokenizer has no language 'de'; valid: cmn_Hans, jpn"):
        told_by(None, Tokenizer(), TO_GERMAN)
    prefix = {"translation_en_to_de": {"prefix": "translate English to German: "}}
    config = T5Config(task_specific_params=prefix)
    tokenizer = seq2seq.t5_tokenizer()
    assert told_by(config, tokenizer, TO_GERMAN).prefix == "translate English to German: "
    assert told_by(config, tokenizer, Languages(source="eng", target="deu")).prefix == "translate English to German: "
    assert told_by(config, tokenizer, Languages(source="de", target="en")) == Told()
    assert told_by(seq2seq.marian().config, tokenizer, TO_GERMAN).policy() == {}


def encoded(model, tokenizer) -> Encoded:
    """The pairs for one model."""
    before = getattr(tokenizer, "src_lang", None)
    found = encoded_for_encoder(model, tokenizer, PAIRS, told_by(model.config, tokenizer, TO_GERMAN), 64)
    assert getattr(tokenizer, "src_lang", None) == before
    return found


def generated(model, tokenizer, target: str) -> list[list[int]]:
    """What transformers writes when it is told the languages as its documentation says."""
    ids = [tokenizer(pair.source, return_tensors="pt") for pair in PAIRS]
    token = tokenizer.convert_tokens_to_ids(target)
    return [
        model.generate(**one, forced_bos_token_id=token, max_new_tokens=9, num_beams=1)[0, 1:].tolist() for one in ids
    ]


def losses_of(model, tokenizer) -> list[float]:
    """Summed losses of the targets' own tokens by transformers, that of the code before them left out."""
    losses = []
    for pair in PAIRS:
        batch = tokenizer(pair.source, text_target=pair.target, return_tensors="pt")
        labels = batch.pop("labels")
        with torch.no_grad():
            logits = model(**batch, labels=labels).logits[0].double().log_softmax(-1)
        each = -logits[range(labels.shape[1]), labels[0]]
        losses.append(float(each[1:].sum()))
    return losses


@pytest.mark.parametrize(("name", "source", "target", "token"), [
    ("mbart50", "en_XX", "de_DE", "de_DE"), ("nllb", "eng_Latn", "deu_Latn", "deu_Latn"), ("m2m100", "en", "de", "__de__"),
])  # fmt: skip
def test_models_with_codes_read_and_write_as_transformers_has_them(name, source, target, token, tmp_path):
    if name == "m2m100":
        pytest.importorskip("sentencepiece")
    model, tokenizer = multilingual.m2m100(tmp_path) if name == "m2m100" else getattr(multilingual, name)()
    model.eval()
    ours = encoded(model, tokenizer)
    written = decode(model, ours.sources, Decoding(maximum_length=8), start=ours.start, end=ours.ends, token_budget=500)
    tokenizer.src_lang, tokenizer.tgt_lang = source, target
    assert ours.sources == [tokenizer(pair.source)["input_ids"] for pair in PAIRS]
    end = model.config.eos_token_id
    theirs = generated(model, tokenizer, token)
    assert [h.tokens for h in written] == [ids[1:][:8] if end not in ids else ids[1 : ids.index(end)] for ids in theirs]
    assert all(ids[0] == ours.start[-1] for ids in theirs)
    assert reference_losses(model, ours, 500) == pytest.approx(losses_of(model, tokenizer), rel=1e-5)


def test_mbart_of_25_languages_begins_with_the_target_and_ends_with_the_end_of_text():
    model, tokenizer = multilingual.mbart()
    ours = encoded(model, tokenizer)
    assert tokenizer.convert_ids_to_tokens(ours.start) == ["de_DE"] and ours.ends == [tokenizer.eos_token_id]
    assert tokenizer.convert_ids_to_tokens(ours.sources[0])[-2:] == ["</s>", "en_XX"]
    assert ours.targets[0][-1] == tokenizer.eos_token_id


def test_marian_reads_the_token_before_the_source(tmp_path):
    pytest.importorskip("sentencepiece")
    model, tokenizer = multilingual.marian(tmp_path, ">>deu<<", ">>fra<<")
    ours = encoded(model, tokenizer)
    assert ours.sources == [tokenizer(f">>deu<< {pair.source}")["input_ids"] for pair in PAIRS]
    plain = multilingual.marian(tmp_path)[1]
    assert told_by(model.config, plain, TO_GERMAN) == Told()


def test_what_does_not_fit_is_cut_at_the_right_and_counted():
    model, tokenizer = seq2seq.make("marian")
    whole, short = (encoded_for_encoder(model, tokenizer, PAIRS, Told(), window) for window in (64, 8))
    assert (whole.cut_sources, whole.cut_targets, short.cut_sources, short.cut_targets) == (0, 0, 3, 3)
    assert [len(source) for source in short.sources] == [8, 8, 8]
    assert short.sources[0] == [*whole.sources[0][:7], tokenizer.eos_token_id]
    assert short.targets[0] == whole.targets[0][:7]
    assert short.target_bytes[0] == len(tokenizer.decode(short.targets[0]).encode()) < whole.target_bytes[0]
    assert whole.target_bytes[0] == len(PAIRS[0].target.encode())
