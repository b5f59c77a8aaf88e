from __future__ import annotations

import random
from collections import Counter

import pytest

from harness.data import rows as rows_module
from harness.data.rows import load_rows, revision_of
from harness.data.skills import SKILLS, skill_rows, skill_version, word_content
from harness.data.skills.sentences import counts, sentences_of
from harness.errors import HarnessError
from harness.specs import Skill, load_task
from harness.specs.skill import SPLITS

NOUNS = [a + b + c for a in "bdfgklmnprst" for b in ("a", "oli", "ume") for c in ("nk", "rt", "lp")]
VERBS = ("sees", "keeps", "paints", "mends", "hides", "sold", "took", "found")


def text(count: int = 1500, seed: int = 0) -> list[str]:
    """Sentences of nouns of falling frequency, singular and plural, of all lengths from 5 to 28."""
    source, found = random.Random(seed), []
    weights = [1 / (rank + 5) for rank in range(len(NOUNS))]
    for _ in range(count):
        nouns = source.choices(NOUNS, weights, k=source.randint(1, 12))
        words = ["The", nouns[0] + source.choice(["", "s"]), source.choice(VERBS)]
        for noun in nouns[1:]:
            words += [source.choice(VERBS), noun]
        words += ["again"] * source.randint(0, 4)
        found.append(" ".join(words) + " .")
    return found


TEXT = text()
SETTINGS = {"word_content": {"words": 8, "skipped": 20}, "odd_word_out": {"skipped": 10}}


def skill(name: str, **more: object) -> Skill:
    return Skill(name=name, **(SETTINGS.get(name, {}) | more))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("name", SKILLS)
def test_classes_are_balanced_splits_disjoint_and_rows_the_same_again(name):
    made = {split: skill_rows(TEXT, skill(name), split) for split in SPLITS}
    for split, found in made.items():
        shares = Counter(found["label"])
        assert set(shares) == set(range(len(skill(name).classes))) and len(set(shares.values())) == 1, split
        assert len(set(found["text"])) == len(found["text"])
        assert found == skill_rows(list(reversed(TEXT)), skill(name), split)
        assert found != skill_rows(TEXT, skill(name, seed=1), split)
    texts = [{" ".join(sorted(row.split())) for row in found["text"]} for found in made.values()]
    assert not texts[0] & texts[1] | texts[0] & texts[2] | texts[1] & texts[2]


@pytest.mark.parametrize("name", SKILLS)
def test_more_text_leaves_the_split_of_a_sentence_as_it_was(name):
    def original(row: str) -> str:
        return " ".join(sorted(row.lower().split()))

    few = {original(row) for row in skill_rows(TEXT[:1000], skill(name), "train")["text"]}
    assert not few & {original(row) for row in skill_rows(TEXT, skill(name), "test")["text"]}


def test_no_more_rows_than_asked_for():
    assert len(skill_rows(TEXT, skill("bigram_shift", train=101), "train")["text"]) == 100


def test_length_bins_hold_their_lengths():
    wanted = skill("sentence_length")
    found = skill_rows(TEXT, wanted, "train")
    for row, label in zip(found["text"], found["label"], strict=True):
        assert wanted.edges[label] <= len(row.split()) < wanted.edges[label + 1]


def test_a_sentence_holds_the_word_of_its_class_and_no_other():
    sentences = sentences_of(tuple(TEXT), 5, 28, 0)
    ranked = [word for word, _ in counts(sentences)]
    words = [word for word in ranked[20:] if len(word) >= word_content.LETTERS][:8]
    found = skill_rows(TEXT, skill("word_content"), "train")
    for row, label in zip(found["text"], found["label"], strict=True):
        assert set(row.split()) & set(words) == {words[label]}


@pytest.fixture
def both(monkeypatch):
    """Every sentence that a skill takes, as written and as changed."""

    def made(name: str) -> list[tuple[list[str], list[str]]]:
        sentences, found = sentences_of(tuple(TEXT), 5, 28, 0), []
        for label in (0, 1):
            monkeypatch.setattr(SKILLS[name], "coin", lambda sentence, label=label: label)
            examples = list(SKILLS[name].examples(sentences, skill(name)))
            assert {example.label for example in examples} == {label}
            found.append({example.number: example.text.split() for example in examples})
        originals = {sentence.number: list(sentence.words) for sentence in sentences}
        assert found[0].keys() == found[1].keys() and all(found[0][n] == originals[n] for n in found[0])
        assert len(found[0]) > 100
        return [(found[0][number], found[1][number]) for number in found[0]]

    return made


def places(before: list[str], after: list[str]) -> list[int]:
    """Where two sentences of one length differ."""
    return [place for place, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]


def test_an_odd_word_is_of_like_frequency_and_new_to_its_sentence(both):
    ranks = {word: rank for rank, (word, _) in enumerate(counts(sentences_of(tuple(TEXT), 5, 28, 0)))}
    for original, odd in both("odd_word_out"):
        (place,) = places(original, odd)
        between = ranks[odd[place]] - ranks[original[place]]
        assert abs(between) <= 20 + len(VERBS) and odd[place] not in original and 0 < place < len(original) - 1


def test_a_capital_is_all_that_changes(both):
    for original, marked in both("capital_marking"):
        (place,) = places(original, marked)
        assert marked[place] == original[place].capitalize() and original[place].islower() and place > 0


def test_a_shift_swaps_two_neighbours(both):
    for original, shifted in both("bigram_shift"):
        first, second = places(original, shifted)
        assert second == first + 1 and shifted[first : second + 1] == original[second : first - 1 : -1]


def test_a_plural_ends_in_s_and_no_noun_is_in_two_splits():
    nouns = {}
    for split in SPLITS:
        found = skill_rows(TEXT, skill("number_marking"), split)
        after = [row.split()[1] for row in found["text"]]
        assert [int(word.endswith("s")) for word in after] == found["label"]
        nouns[split] = {word.removesuffix("s") for word in after}
    assert not nouns["train"] & nouns["test"] and not nouns["train"] & nouns["validation"]


def test_sentences_of_raw_text():
    raw = ' = Title = \n It cost 3 @,@ 000 @.@ 5 dollars . " He left " , she said . \n\nWho? (She saw it.) No\nEnd of it all'
    found = {" ".join(sentence.words) for sentence in sentences_of((raw, "It 's 5 p.m. now"), 3, 20, 0)}
    assert found == {
        "It cost 3,000.5 dollars .", '" He left " , she said .', "(She saw it.)", "End of it all", "It 's 5 p.m. now"
    }  # fmt: skip


def test_too_little_text_is_refused_with_what_to_do():
    with pytest.raises(HarnessError, match="gives no sentence of class 'singular' for train; read more text"):
        skill_rows(["It rained and rained all day long ."], skill("number_marking"), "train")
    with pytest.raises(HarnessError, match="the text has 0 words beyond the 20 most frequent"):
        skill_rows(["It rained and rained all day long ."], skill("word_content"), "train")
    with pytest.raises(HarnessError, match="column 'text' holds 3"):
        skill_rows([3], skill("bigram_shift"), "train")


@pytest.fixture
def task(tmp_path):
    def write(more: str = "", split: str = "test"):
        (tmp_path / "own.txt").write_text("\n".join(TEXT))
        (tmp_path / "own.yaml").write_text(
            f"description: d\nkind: probe\ndata: {{files: [own.txt], skill: {{name: bigram_shift{more}}}}}\n"
            f'splits: {{train: train, score: {split}}}\ninputs: ["{{{{ text }}}}"]\nmetrics: [accuracy]\n'
        )
        return load_task(str(tmp_path / "own.yaml"))

    return write


def test_rows_know_the_text_and_the_generator_they_came_from(task, monkeypatch):
    found = load_rows(task(), "score", ("text", "label"), first=10)
    assert len(found) == 10 < found.total
    assert found.revision == revision_of(task()) == f"{revision_of(task()).split('+')[0]}+bigram_shift/1.1"
    before = rows_module.address(task().data, found.revision, "test", ("text",), None)
    monkeypatch.setattr(SKILLS["bigram_shift"], "VERSION", 2)
    assert skill_version(task().data.skill) == "bigram_shift/1.2"
    assert rows_module.address(task().data, revision_of(task()) or "", "test", ("text",), None) != before


def test_what_is_not_there_is_told(task):
    with pytest.raises(HarnessError, match=r"own\.yaml:4: no split 'dev'; .*validation"):
        load_rows(task(split="dev"), "score", ("text", "label"))
    with pytest.raises(HarnessError, match="skill.splits: no split 'trian'"):
        load_rows(task(", splits: [trian]"), "score", ("text", "label"))
    with pytest.raises(HarnessError, match="skill.column: the data has no column 'txt'"):
        load_rows(task(", column: txt"), "score", ("text", "label"))
