from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.specs.source import LARGEST_FILE, merge, parse_yaml, read_yaml

HERE = Path("spec.yaml")


def value(text: str):
    return parse_yaml(text, HERE).value


@pytest.mark.parametrize(("text", "expected"), [
    ("2e-5", 2e-5), ("1E3", 1000.0), ("0.1", 0.1), ("3", 3), ("-2.5", -2.5), ("no", "no"), ("on", "on"), ("true", True),
    ("3.0.0", "3.0.0"), ("2020-01-01", "2020-01-01"), ("~", None), ("e5", "e5"),
    ("10:30:10", "10:30:10"), ("2:4", "2:4"), ("1_000", 1000), ("0x10", 16),
])  # fmt: skip
def test_scalars_are_what_they_look_like(text, expected):
    assert value(f"a: {text}") == {"a": expected}
    assert type(value(f"a: {text}")["a"]) is type(expected)


def test_every_value_knows_its_line():
    source = parse_yaml("a: 1\nb:\n  c: [x,\n    y]\n", HERE)
    assert source.place(("a",)) == "spec.yaml:1"
    assert source.place(("b", "c", 1)) == "spec.yaml:4"
    assert source.place(("b", "c", 7, "z")) == "spec.yaml:3"


@pytest.mark.parametrize(("text", "message"), [
    ("a: 1\na: 2\n", r"spec\.yaml:2: 'a' stands twice"),
    ("a: &x [1]\nb: *x\n", r"spec\.yaml:2|spec\.yaml:1.*alias"),
    ("a: [1\n", r"spec\.yaml:\d+: not YAML"),
    ("a: !!python/object/apply:os.system [true]\n", r"spec\.yaml:1: not YAML"),
    ("a: \x00\n", r"spec\.yaml:1"),
])  # fmt: skip
def test_what_a_spec_has_no_need_of_is_refused_by_line(text, message):
    with pytest.raises(HarnessError, match=message):
        parse_yaml(text, HERE)


def test_a_file_that_is_missing_too_large_or_binary_is_one_message(tmp_path):
    with pytest.raises(HarnessError, match="cannot be read"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "large.yaml").write_text("#" * (LARGEST_FILE + 1))
    with pytest.raises(HarnessError, match="bytes; a spec has at most"):
        read_yaml(tmp_path / "large.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HarnessError, match="cannot be read"):
        read_yaml(tmp_path / "binary.yaml")


def test_what_is_given_replaces_what_is_included_whole():
    below = parse_yaml("data: {path: a/b, revision: r}\nrows: {test: 3}\ntext: {column: x}\n", Path("below.yaml"))
    above = parse_yaml("data: {path: c/d}\n", Path("above.yaml"))
    merged = merge(below, above)
    assert merged.value == {"data": {"path": "c/d"}, "text": {"column": "x"}}
    assert merged.place(("text", "column")) == "below.yaml:3"
    assert merged.place(("data", "path")) == "above.yaml:1"
