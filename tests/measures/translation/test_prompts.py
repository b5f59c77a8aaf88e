"""Prompts of causal models, and the references behind them."""

from __future__ import annotations

import pytest

from harness.data.parallel import Pair
from harness.errors import HarnessError
from harness.measures.translation.encoded import Encoded
from harness.measures.translation.prompts import encoded_prompts, line_ends, prompter, template_of
from harness.specs import load_task
from tests.measures.translation.translation_rows import pairs, write_task

PAIR = Pair(3, "the lamp is\nhere", "die Lampe")


@pytest.fixture
def task(tmp_path):
    """A task with or without a prompt of its own."""
    return lambda more="": load_task(write_task(tmp_path, pairs(1), more))


def test_the_usual_prompt_names_both_languages_and_keeps_a_source_on_its_line(task):
    assert prompter(task())("the lamp is\nhere") == "German: the lamp is here\nEnglish:"
    own = task("prompt: |\n  {{ source }} ({{ target_language }})\n")
    assert prompter(own)("a") == "a (English)\n", "the end of a line at the end of a prompt stays"


@pytest.mark.parametrize(("prompt", "message"), [
    ("Translate to {{ target_language }}:", r"own.yaml:8: the prompt does not read the source"),
    ("{{ sourc }} =", r"own.yaml:8: the prompt reads 'sourc'; did you mean 'source'"),
])  # fmt: skip
def test_a_prompt_that_reads_something_else_is_refused(task, prompt, message):
    with pytest.raises(HarnessError, match=message):
        template_of(task(f"prompt: '{prompt}'\n"))


def test_the_reference_is_what_follows_the_prompt_up_to_the_end_of_its_line(task, content):
    tokenizer = content.bytepair
    found = encoded_prompts(tokenizer, [PAIR], task(), 64, 32)
    assert tokenizer.decode(found.sources[0]) == "German: the lamp is here\nEnglish:"
    assert tokenizer.decode(found.targets[0]) == " die Lampe\n" and found.target_bytes == [9]
    assert found.start == [] and found.ends[0] == tokenizer.eos_token_id
    assert all(tokenizer.decode([token]).lstrip(" ").startswith("\n") for token in found.ends[1:])
    assert tokenizer.convert_tokens_to_ids("Ċ") in line_ends(tokenizer)
    own = encoded_prompts(tokenizer, [PAIR], task("prompt: |\n  {{ source }} =\n"), 64, 32)
    assert tokenizer.decode(own.sources[0] + own.targets[0]) == "the lamp is here =\ndie Lampe\n"


def test_a_long_source_is_cut_within_its_prompt(task, content):
    tokenizer = content.bytepair
    long = Pair(0, " ".join(["the lamp"] * 40), "die Lampe")
    found: Encoded = encoded_prompts(tokenizer, [long, PAIR], task(), 64, 24)
    assert found.cut_sources == 1 and found.cut_targets == 0
    text = tokenizer.decode(found.sources[0])
    assert text.startswith("German: the lamp the lamp") and text.endswith("\nEnglish:") and len(found.sources[0]) <= 40
    assert len(found.sources[0]) > 36, "as much as fits"
    with pytest.raises(HarnessError, match="the prompt alone has more than the 4 tokens"):
        encoded_prompts(tokenizer, [PAIR], task(), 28, 24)


def test_a_tokenizer_without_lines_ends_with_the_end_of_text(task):
    from tests.architectures import CAUSAL

    tokenizer = CAUSAL["llama"].tokenizer()
    found = encoded_prompts(tokenizer, [PAIR], task(), 48, 24)
    assert line_ends(tokenizer) == [] and found.ends == [tokenizer.eos_token_id]
    assert found.targets[0][-1] == tokenizer.eos_token_id and found.sources[0][0] == tokenizer.bos_token_id
