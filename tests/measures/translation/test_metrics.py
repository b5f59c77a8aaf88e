"""BLEU, chrF and TER equal sacreBLEU's command line; statistics and errors are what they should be."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.translation.metrics import METRICS, corpus_metric, scored
from harness.specs.translation import TRANSLATION_METRICS

SENTENCES = {
    "en": [
        'The committee\'s "final" report (2019) cost $3,000.50 - not 10% more.', "Don't wait & see: 3.5-inch disks, e.g. A&amp;B.",
        "A small dog is running through the tall grass.", "He said: what now?", "Yes.",
        "There are 1,234,567 well-known state-of-the-art methods; some work!",
    ],
    "de": [
        "Der Ausschuss legte am 3. Oktober 2019 seinen „Abschlussbericht“ vor.", "Übergrößenträger kosten 3.000,50 € – nicht 10 % mehr.",
        "Ein kleiner Hund läuft durch das hohe Gras.", "Er fragte: Was nun?", "Ja.",
        "Es gibt 1.234.567 wohlbekannte Verfahren; manche funktionieren!",
    ],
    "zh": [
        "委员会于2019年10月3日发布了“最终”报告。", "价格是3,000.50美元,不超过10%。", "一只小狗正在穿过高高的草丛。",
        "他说:现在怎么办?", "是。", "有1,234,567种众所周知的state-of-the-art方法;有些有效!",
    ],
}  # fmt: skip


def corpus(language: str, count: int = 60, seed: int = 0) -> tuple[list[str], list[str]]:
    """Translations with words (in Chinese characters) left out, doubled, moved and put in capitals, and references."""
    generator = np.random.default_rng(seed)
    joint = "" if language == "zh" else " "
    written, wanted = [], []
    for number in range(count):
        reference = SENTENCES[language][number % len(SENTENCES[language])]
        pieces = list(reference) if language == "zh" else reference.split()
        for _ in range(generator.integers(0, 4)):
            at = int(generator.integers(len(pieces) or 1))
            change = generator.integers(4)
            if change == 0:
                pieces[at : at + 1] = []
            elif change == 1:
                pieces[at:at] = pieces[at : at + 2]
            elif change == 2:
                pieces = pieces[at:] + pieces[:at]
            else:
                pieces[at : at + 1] = [piece.upper() for piece in pieces[at : at + 1]]
        written.append(joint.join(pieces))
        wanted.append(reference)
    return written, wanted


def command_line(tmp_path, written, wanted, *options):
    (tmp_path / "out.txt").write_text("".join(f"{line}\n" for line in written), encoding="utf-8")
    (tmp_path / "ref.txt").write_text("".join(f"{line}\n" for line in wanted), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sacrebleu", "ref.txt", "-i", "out.txt", "-m", "bleu", "chrf", "ter", "-w", "12", *options],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {found["name"].lower().rstrip("2"): found for found in json.loads(done.stdout)}


@pytest.mark.parametrize(("language", "code", "options"), [
    ("en", "en", []), ("de", "de-AT", []), ("zh", "zho_Hans", ["-tok", "zh", "--ter-normalized", "--ter-asian-support"]),
])  # fmt: skip
def test_values_and_signatures_are_those_of_the_command_line(tmp_path, language, code, options):
    written, wanted = corpus(language, 24)
    theirs = command_line(tmp_path, [*written, ""], [*wanted, wanted[0]], *options)
    for name in TRANSLATION_METRICS:
        ours = scored(name, [*written, ""], [*wanted, wanted[0]], code)
        assert f"{ours.value:.12f}" == f"{theirs[name]['score']:.12f}", name
        assert ours.signature == theirs[name]["signature"]
        assert 0 < ours.value < 100


@pytest.mark.parametrize("name", TRANSLATION_METRICS)
def test_values_of_any_sums_are_sacrebleus(name):
    metric = METRICS[name]
    counter = metric.counter("en")
    generator = np.random.default_rng(1)
    found = scored(name, *corpus("en", 40), "en")
    assert found.statistics.shape == (40, len(metric.statistic_names))
    subsets = generator.integers(0, 2, size=(200, 40)) * (generator.random((200, 1)) < generator.random((200, 40)))
    sums = np.concatenate([subsets @ found.statistics, found.statistics, 0 * found.statistics[:1]])
    # Counts of any kind: no n-gram of some order, nothing matched, nothing written.
    wild = generator.integers(0, 3, size=(300, sums.shape[1])).astype(float)
    if name == "bleu":
        wild[:, 2:6] = np.minimum(wild[:, 2:6], wild[:, 6:])
        wild[:, 0] = wild[:, 6]
    sums = np.concatenate([sums, wild])
    theirs = [counter._compute_score_from_stats([int(value) for value in row]).score for row in sums]
    np.testing.assert_allclose(metric.values(sums), theirs, rtol=1e-13, atol=1e-13)
    assert metric.values(sums[None]).shape == (1, len(sums))


def test_the_value_is_that_of_the_sums():
    for name in TRANSLATION_METRICS:
        found = scored(name, *corpus("de"), "de")
        assert corpus_metric(name).values(found.statistics.sum(axis=0)) == pytest.approx(found.value, rel=1e-14)


def test_the_standard_error_is_the_spread_over_other_segments():
    drawn = [scored("chrf", *corpus("en", 60, seed), "en") for seed in range(20)]
    spread = np.std([found.value for found in drawn], ddof=1)
    told = np.mean([found.stderr for found in drawn])
    # The sentences are the same in all: what differs is what was done to them, which is most of it.
    assert 0.7 * spread < told < 1.6 * spread
    assert {found.stderr_method for found in drawn} == {"bootstrap over segments, 1,000 resamples"}
    assert scored("chrf", *corpus("en", 60, 3), "en").stderr == drawn[3].stderr


def test_a_line_break_is_a_space_and_names_of_statistics_are_unique():
    whole, broken = (
        scored("bleu", [text], ["one two three four five"], "en")
        for text in ("one two three four", "one\ntwo-\nthree four")
    )
    spaced = scored("bleu", ["one two- three four"], ["one two three four five"], "en")
    assert broken.value == spaced.value != whole.value
    names = [name for metric in METRICS.values() for name in metric.statistic_names]
    assert len(set(names)) == len(names)
    assert tuple(METRICS) == TRANSLATION_METRICS


def test_bad_input():
    with pytest.raises(HarnessError, match="found 1 translations and 2 references"):
        scored("bleu", ["a"], ["a", "b"], "en")
    with pytest.raises(HarnessError, match="reference 1 and 1 more of 3 is empty"):
        scored("chrf", ["a", "b", "c"], ["a", "", " \n"], "en")
    with pytest.raises(HarnessError, match="no translations to score"):
        scored("ter", [], [], "en")
    with pytest.raises(HarnessError, match="did you mean 'bleu'"):
        scored("blue", ["a"], ["a"], "en")


PACKAGES = {"ja": "MeCab", "ko": "mecab_ko"}


@pytest.mark.parametrize("language", PACKAGES)
def test_a_tokenizer_that_is_not_installed_is_named(language, monkeypatch):
    module = importlib.import_module(f"sacrebleu.tokenizers.tokenizer_{language}_mecab")
    monkeypatch.setattr(module, "MeCab", None)
    with pytest.raises(HarnessError, match=rf"{language}-mecab.*pip install 'transfer-harness\[translation\]'"):
        scored("bleu", ["a"], ["a"], language)
    assert scored("chrf", ["a b"], ["a b"], language).value == 100


@pytest.mark.parametrize(
    ("language", "text"), [("ja", "今日はとても良い天気ですね。"), ("ko", "오늘은 날씨가 정말 좋네요.")]
)
def test_japanese_and_korean_are_those_of_the_command_line(tmp_path, language, text):
    if importlib.util.find_spec(PACKAGES[language]) is None:
        pytest.skip(f"{PACKAGES[language]} is not installed: pip install 'transfer-harness[translation]'")
    written, wanted = [text, text[:-4], text[3:]], [text, text, text]
    theirs = command_line(tmp_path, written, wanted, "-tok", f"{language}-mecab")["bleu"]
    ours = scored("bleu", written, wanted, language)
    assert (f"{ours.value:.12f}", ours.signature) == (f"{theirs['score']:.12f}", theirs["signature"])
