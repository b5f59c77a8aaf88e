from __future__ import annotations

import pytest

from harness.results import differences, digest, key_of


def test_the_hash_is_of_the_content_and_never_changes():
    # The sha256 of the text {"a":[1,2],"b":"ü"}.
    assert digest({"b": "ü", "a": [1, 2]}) == "9c04f19831e7c11b870b5c52f9c47f42005d5b8f0cb95305fb4ae7e8ff23b638"
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


def test_a_key_depends_on_signature_checkpoint_and_seed():
    keys = {key_of(s, c, seed) for s in "ab" for c in "xy" for seed in (None, 1, 2)}
    assert len(keys) == 12


def test_not_a_number_cannot_enter_a_signature():
    with pytest.raises(ValueError):
        digest({"a": float("nan")})


def test_differences_name_the_part():
    a = {"policy": {"window": 128, "bos": "auto"}, "dtype": "float32"}
    b = {"policy": {"window": 256, "bos": "auto"}, "dtype": "float32", "limit": 10}
    assert list(differences(a, b)) == [("limit", None, 10), ("policy.window", 128, 256)]
