"""A cache may be lost, broken or unwritable at any time; answers stay the same."""

from __future__ import annotations

from harness.cache import Cache


def test_kept_between_readers(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    one, other = Cache("hashes"), Cache("hashes")
    assert other.get("a") is None
    one.put("a", "1")
    assert other.get("a") == "1"
    other.put("b", "2")
    assert one.remembered("b", lambda: "computed again") == "2"


def test_broken_lost_or_unwritable(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "folder"))
    cache = Cache("hashes")
    cache.put("a", "1")
    for broken in ("{ half a file", "[1]", ""):
        cache.path.write_text(broken)
        assert cache.get("a") is None
        assert cache.remembered("a", lambda: "2") == "2"
        assert cache.get("a") == "2"
    cache.path.unlink()
    assert cache.get("a") is None
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file" / "cache"))
    assert cache.remembered("a", lambda: "3") == "3"
