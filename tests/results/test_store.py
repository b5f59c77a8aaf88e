from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from harness.errors import HarnessError, InUseError
from harness.results import Store
from harness.results.record import Record
from tests.results.records import a_context, a_record, an_info


def fill(folder: Path, count: int) -> None:
    with Store.writing(folder) as writer:
        for number in range(count):
            writer.add([a_record(checkpoint=f"c{number}")], a_context(), an_info(f"c{number}"))


def test_what_was_written_is_read_back_equal(tmp_path):
    record = a_record(details={"chance": 0.5}, warnings=("one",), seed=3, selected={"key": "k"})
    with Store.writing(tmp_path) as writer:
        writer.add([record], a_context(), an_info())
    store = Store(tmp_path)
    assert store.records == [record]
    assert store.done(record.key) == [record]
    assert store.checkpoints["c1"] == an_info()
    assert store.contexts[record.context] == a_context()


def test_what_repeats_stands_once(tmp_path):
    fill(tmp_path, 3)
    assert len((tmp_path / "contexts.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_torn_last_line_is_cut_off_and_the_rest_survives(tmp_path, kept):
    fill(tmp_path, 3)
    path = tmp_path / "results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:kept])
    assert [r.checkpoint for r in Store(tmp_path).records] == ["c0", "c1"]
    with Store.writing(tmp_path) as writer:
        writer.add([a_record(checkpoint="c2")], a_context(), an_info("c2"))
    assert path.read_bytes() == b"".join(lines)


def test_a_last_line_without_its_newline_is_kept(tmp_path):
    fill(tmp_path, 2)
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    fill(tmp_path, 0)
    assert len(Store(tmp_path).records) == 2 and path.read_bytes().endswith(b"\n")


def test_garbage_in_the_middle_is_named_by_file_and_line(tmp_path):
    fill(tmp_path, 3)
    path = tmp_path / "results.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "garbage", lines[2]]) + "\n")
    with pytest.raises(HarnessError, match=r"results\.jsonl:2: not a JSON object"):
        Store(tmp_path)


def test_an_unknown_field_is_named(tmp_path):
    fill(tmp_path, 1)
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": 1}) + "\n")
    with pytest.raises(HarnessError, match=r"results\.jsonl:1: record has unknown fields \['colour'\]"):
        Store(tmp_path)


def test_two_writers_on_one_folder_are_refused(tmp_path):
    with (
        Store.writing(tmp_path),
        pytest.raises(InUseError, match="in use by another harness run"),
        Store.writing(tmp_path),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="cannot be written to"), Store.writing(tmp_path / "file" / "results"):
        pass


def test_no_space_on_the_disk_takes_back_the_half_written_line(tmp_path, monkeypatch):
    fill(tmp_path, 2)
    before = (tmp_path / "results.jsonl").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with Store.writing(tmp_path) as writer:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(HarnessError, match="No space left on device; nothing that was measured before is lost"):
            writer.add([a_record(checkpoint="c9")], a_context(), an_info("c1"))
    assert (tmp_path / "results.jsonl").read_bytes() == before


def test_a_failure_is_not_done_and_a_later_success_ends_it(tmp_path):
    failed = a_record(metric="error", value=None, error="no network")
    with Store.writing(tmp_path) as writer:
        writer.add([failed], a_context(), an_info())
        assert writer.store.done(failed.key) == [] and writer.store.failures == [failed]
        writer.add([a_record()], a_context(), an_info())
        assert writer.store.failures == []
    assert Store(tmp_path).failures == []


def test_failures_that_are_tried_again_are_dropped_and_others_stay(tmp_path):
    with Store.writing(tmp_path) as writer:
        for checkpoint in ("c1", "c2"):
            failed = a_record(checkpoint=checkpoint, metric="error", value=None, error="no network")
            writer.add([failed], a_context(), an_info(checkpoint))
        writer.add([a_record(checkpoint="c1", task="other")], a_context("other"), an_info("c1"))
        writer.forget_failures({"lm_loss/wiki"}, {"c1"})
        assert [r.checkpoint for r in writer.store.failures] == ["c2"]
    assert [(r.checkpoint, r.error) for r in Store(tmp_path).records] == [("c2", "no network"), ("c1", None)]


def test_names_of_a_checkpoint_add_up(tmp_path):
    with Store.writing(tmp_path) as writer:
        writer.add_checkpoint(an_info(names=("a",)))
        writer.add_checkpoint(an_info(names=("b",)))
    assert Store(tmp_path).checkpoints["c1"].names == ("a", "b")


def test_a_record_without_a_field_is_refused():
    line = a_record().to_json()
    del line["unit"]
    with pytest.raises(ValueError, match="lacks"):
        Record.from_json(line)


def endless(folder: Path) -> None:
    fill(folder, 10_000)


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_at_most_the_record_in_hand(tmp_path):
    for number, delay in enumerate((0.05, 0.11, 0.17, 0.23)):
        folder = tmp_path / str(number)
        process = multiprocessing.get_context("fork").Process(target=endless, args=(folder,))
        process.start()
        process.join(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        fill(folder, 0)
        store = Store(folder)
        assert [r.checkpoint for r in store.records] == [f"c{i}" for i in range(len(store.records))]
        assert all(r.checkpoint in store.checkpoints and r.context in store.contexts for r in store.records)
