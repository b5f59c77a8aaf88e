"""Claims name what the suite has."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.request import from_suite, roles_of

SUITE = """\
families:
  tiny: {{checkpoints: [a/b]}}
tasks: {{upstream: [synthetic/hmm_loss], flatness: [synthetic/hmm_fisher], downstream: [synthetic/hmm_state]}}
claims:
  - {{text: flatter is better, families: [{family}], by: {by}, task: {task}}}
"""


def suite(
    folder: Path, family: str = "tiny", by: str = "synthetic/hmm_fisher", task: str = "synthetic/hmm_state"
) -> Path:
    (folder / "suite.yaml").write_text(SUITE.format(family=family, by=by, task=task))
    return folder


def test_a_claim_becomes_a_role(tmp_path):
    (claim,) = from_suite(suite(tmp_path)).roles.claims
    assert claim.by == "synthetic/hmm_fisher" and claim.families == ("tiny",) and claim.expected == "less_is_better"
    assert from_suite(suite(tmp_path, by="parameters")).roles.claims[0].by == "parameters"


@pytest.mark.parametrize(("field", "value", "nearest"), [
    ("family", "tini", "tiny"), ("by", "synthetic/hmm_fischer", "synthetic/hmm_fisher"), ("task", "hmm", "synthetic"),
])  # fmt: skip
def test_a_misspelt_name_is_refused_with_its_line_and_the_nearest(tmp_path, field, value, nearest):
    with pytest.raises(HarnessError, match=rf"suite.yaml:5: the suite has no .*{value}.*{nearest}"):
        from_suite(suite(tmp_path, **{field: value}))


@pytest.mark.parametrize(("old", "new", "told"), [
    ("by:", "be:", "suite.yaml:5: unknown field 'claims.0.be'"), ("[tiny], by", "[tini], by", "suite.yaml:5: .*'tini'.*'tiny'"),
    ("text: flatter is better", "expected: less, text: f", "suite.yaml:5: 'claims.0.expected' is 'less'"),
])  # fmt: skip
def test_a_fault_is_told_where_the_suite_is_read_for_its_roles_alone(tmp_path, old, new, told):
    path = suite(tmp_path) / "suite.yaml"
    assert roles_of(path).claims[0].families == ("tiny",)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(HarnessError, match=told):
        roles_of(path)


def test_a_control_of_an_upstream_task_that_is_not_there_is_refused(tmp_path):
    path = suite(tmp_path) / "suite.yaml"
    control = "controls:\n  - {task: synthetic/hmm_state, metric: accuracy, slope: 0, upstream: synthetic/hmm}\n"
    path.write_text(path.read_text() + control)
    with pytest.raises(HarnessError, match=r"suite.yaml:7: the suite has no upstream 'synthetic/hmm'.*hmm_loss"):
        from_suite(tmp_path)


COMPARISON = """\
predictors: {synthetic/hmm_loss: [nats_per_token, bits_per_byte]}
compare:
  - {name: grown or not, groups: {plain: [tiny], grown: ['*/grown-*']}, tasks: [synthetic/hmm_state]}
"""


def test_a_comparison_of_two_groups_and_predictors_become_roles(tmp_path):
    path = suite(tmp_path) / "suite.yaml"
    path.write_text(path.read_text() + COMPARISON)
    roles = from_suite(tmp_path).roles
    (groups,) = roles.groups
    assert (groups.first, groups.second, groups.tasks) == ("plain", "grown", ("synthetic/hmm_state",))
    assert (groups.first_members, groups.second_members) == (("tiny",), ("*/grown-*",))
    assert roles.predictors == {"synthetic/hmm_loss": ("nats_per_token", "bits_per_byte")}
    assert roles.headline == {"synthetic/hmm_loss": "nats_per_token"}


@pytest.mark.parametrize(("old", "new", "told"), [
    ("[tiny], grown", "[tini], grown", "suite.yaml:8: the suite has no family 'tini'.*tiny"),
    ("tasks: [synthetic/hmm_state]}", "tasks: [synthetic/hmm]}", "suite.yaml:8: the suite has no task 'synthetic/hmm'"),
    ("{plain: [tiny], grown: ['*/grown-*']}", "{plain: [tiny]}", "suite.yaml:8: found 1 groups; a comparison is of two"),
    ("{synthetic/hmm_loss:", "{synthetic/hmm_los:", "suite.yaml:6: the suite has no task 'synthetic/hmm_los'"),
])  # fmt: skip
def test_a_fault_of_a_comparison_is_told_with_its_line(tmp_path, old, new, told):
    path = suite(tmp_path) / "suite.yaml"
    path.write_text((path.read_text() + COMPARISON).replace(old, new))
    with pytest.raises(HarnessError, match=told):
        roles_of(path)
