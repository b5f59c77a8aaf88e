"""Draws come back from a results folder in the order in which they were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.results.outcomes import join_shards, write_shard
from harness.slopes.flatness.draws import read_draws


def test_draws_come_back_in_order_and_only_those_wanted(tmp_path: Path) -> None:
    for key in ("one", "two"):
        parts = [
            {"metric": metric, "row": [2, 0, 1], "cluster": [7, 5, 6], "outcome": [0.2, 0.0, 0.1], "weight": [4, 2, 3]}
            for metric in ("fisher_trace", "nats_per_token")
        ]
        write_shard(tmp_path, key, parts)
    for _ in ("as shards", "joined"):
        found = read_draws(tmp_path, {("one", "fisher_trace"), ("three", "fisher_trace")})
        assert set(found) == {("one", "fisher_trace")}
        draws = found["one", "fisher_trace"]
        assert np.array_equal(draws.cluster, [5, 6, 7]) and np.array_equal(draws.term, [0.0, 0.1, 0.2])
        assert np.array_equal(draws.tokens, [2.0, 3.0, 4.0])
        join_shards(tmp_path)
    assert read_draws(tmp_path, set()) == {} and read_draws(tmp_path / "none", {("one", "fisher_trace")}) == {}
