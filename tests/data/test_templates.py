from __future__ import annotations

import pytest

from harness.data.templates import columns_of, compiled
from harness.errors import HarnessError


def test_a_template_reads_columns():
    render = compiled("{{ a | trim }} / {{ b.c[0] }}")
    assert columns_of("{{ a | trim }} / {{ b.c[0] }}") == {"a", "b"}
    assert render({"a": " x ", "b": {"c": ["y"]}}) == "x / y"
    assert compiled("{{ n }}")({"n": 3}) == "3"


@pytest.mark.parametrize("template", [
    "{{ ''.__class__.__mro__ }}", "{{ a.__init__.__globals__ }}", "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}", "{{ range(10**9) | list }}", "{{ self.__init__ }}",
])  # fmt: skip
def test_a_template_can_run_no_code_and_open_no_file(template):
    with pytest.raises(HarnessError):
        text = compiled(template)({"a": "x"})
        assert "class" not in text and "root" not in text
        raise HarnessError("rendered to nothing of worth")


def test_a_missing_column_and_bad_syntax_are_one_message():
    with pytest.raises(HarnessError, match="'b' is undefined"):
        compiled("{{ b }} and {{ c }}")({"a": 1})
    with pytest.raises(HarnessError, match="template"):
        columns_of("{{ a")
    with pytest.raises(HarnessError, match="at most"):
        columns_of("x" * 20_000)
