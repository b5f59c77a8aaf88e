"""Names are untrusted: they stay text in Markdown and inside a script."""

from __future__ import annotations

import json

import pytest

from harness.board.text import markdown, plain, script_json, slug


@pytest.mark.parametrize(
    "name", ["a|b", "<img src=x>", "`x`", "*x*", "[a](http://b)", "[1](http://b)", "![1][2]", "$x$", "a\\|b"]
)
def test_markdown_leaves_no_structure(name: str) -> None:
    escaped = markdown(name)
    assert not set("|<>`*$\\") & set(escaped)
    assert "](" not in escaped and "][" not in escaped and "://" not in escaped


def test_markdown_opens_no_block_and_breaks_no_row() -> None:
    assert markdown("a\nb\r\n\u2028c") == "a b c"
    assert markdown("- item").startswith("&#45;")
    assert markdown("1. item") == "1&#46; item"
    assert markdown("# head") == "&#35; head"
    assert markdown("===").startswith("&#61;")
    assert markdown("+1.24 [0.80, −1.68]") == "+1.24 [0.80, −1.68]"


def test_markdown_is_escaped_once() -> None:
    assert markdown(markdown("<")) == "&lt;"


def test_plain_drops_what_cannot_be_shown_or_encoded() -> None:
    assert plain("a\x00b\u202ec\ud800d") == "a b c d"
    assert len(plain("x" * 10_000)) == 400


def test_script_json_survives_a_closing_tag_and_has_no_nan() -> None:
    text = script_json({"name": "</script><!--", "x": [1.0, float("nan"), float("inf")]})
    assert "<" not in text and ">" not in text
    assert json.loads(text) == {"name": "</script><!--", "x": [1.0, None, None]}


def test_slugs_are_safe_and_distinct() -> None:
    names = ["../../etc/passwd", "a b", "a-b", "A-b", "a?b", "", "\ud800"]
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all(s and "/" not in s and not s.startswith(".") for s in slugs[:-2])
