"""Published long tables: what they become, and one clear error for what is wrong, with file and line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.results.record import CheckpointInfo, Record
from harness.results.signature import digest, key_of
from harness.results.table import Imported, import_columns, import_table

GOLDS = Path(__file__).parents[1] / "golds"
HEADER = "family,checkpoint,upstream_name,upstream,upstream_stderr,task,metric,value,value_stderr,n_items\n"
ROW = "f,a,dev_loss,2.5,,rte,accuracy,0.6,0.03,277\n"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a table and returns its path."""

    def write_text(text: str) -> Path:
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


def read(path: Path, **known: tuple[str, ...]) -> Imported:
    """Import with a source."""
    return import_table(path, source="a paper", **known)


def test_one_row(write: Write) -> None:
    table = read(write(HEADER + ROW))
    loss, accuracy = table.records
    (checkpoint,) = table.checkpoints
    assert (loss.task, loss.metric, loss.value, loss.unit, loss.higher_is_better) == (
        "dev_loss", "loss", 2.5, "nats per token", False,
    )  # fmt: skip
    assert (accuracy.task, accuracy.value, accuracy.stderr, accuracy.n, accuracy.unit) == (
        "rte",
        0.6,
        0.03,
        277,
        "fraction",
    )
    assert accuracy.higher_is_better and accuracy.stage == "selected" and accuracy.stderr_method == "as published"
    assert loss.stderr is None and loss.stderr_method is None and loss.n is None
    assert checkpoint.identity.startswith("imported:") and checkpoint.run == checkpoint.identity
    assert checkpoint.names == ("f/a",) and table.roles.families == {"f": ("f/a",)}
    assert table.roles.upstream == ("dev_loss",) and table.roles.downstream == ("rte",)
    assert table.roles.headline == {"dev_loss": "loss"}


def test_contexts_carry_the_source_and_match_the_records(write: Write) -> None:
    table = read(write(HEADER + ROW))
    contexts = {context["context"]: context for context in table.contexts}
    assert len(contexts) == 2
    for record in table.records:
        context = contexts[record.context]
        assert context["signature"] == record.signature == digest(context["parts"])
        assert context["source"] == context["parts"]["imported"]["source"] == "a paper"
        assert record.key == key_of(record.signature, record.checkpoint, None)


def test_importing_again_gives_the_same_and_another_source_another(write: Write) -> None:
    path = write(HEADER + ROW)
    again, other = read(path), import_table(path, source="another paper")
    assert read(path) == again
    assert {record.key for record in again.records}.isdisjoint(record.key for record in other.records)
    assert {info.identity for info in again.checkpoints}.isdisjoint(info.identity for info in other.checkpoints)


def test_lines_survive_the_store(write: Write) -> None:
    table = read(write(HEADER + ROW))
    assert [Record.from_json(record.to_json()) for record in table.records] == list(table.records)
    assert [CheckpointInfo.from_json(info.to_json()) for info in table.checkpoints] == list(table.checkpoints)


def test_upstream_is_stored_once_and_one_name_in_two_families_is_two_checkpoints(write: Write) -> None:
    table = read(write(HEADER + ROW + ROW.replace("rte", "mrpc") + ROW.replace("f,a", "g,a").replace("2.5", "2.9")))
    assert [record.task for record in table.records].count("dev_loss") == 2
    assert len({info.identity for info in table.checkpoints}) == 2
    assert table.roles.families == {"f": ("f/a",), "g": ("g/a",)}


def test_two_upstream_values_may_repeat_the_rows(write: Write) -> None:
    table = read(write(HEADER + ROW + ROW.replace("dev_loss,2.5", "wiki_loss,2.7")))
    assert sorted(record.task for record in table.records) == ["dev_loss", "rte", "wiki_loss"]
    assert table.roles.upstream == ("dev_loss", "wiki_loss")


def test_runs(write: Write) -> None:
    header, a, b = HEADER.replace("n_items", "n_items,run"), ROW.replace("277", "277,r1"), ROW.replace("277", "277,")
    table = read(write(header + a + a.replace("f,a", "f,b") + b.replace("f,a", "f,c")))
    runs = [info.run for info in table.checkpoints]
    assert runs[0] == runs[1] != runs[2]


def test_percent_and_blank_cells_and_notes(write: Write) -> None:
    table = read(
        write("# from a paper\n\n" + HEADER + "f,a,dev_loss,,,rte,accuracy,66.4,,\nf,b,dev_loss,2.5,,rte,accuracy,,,\n")
    )
    assert [(record.task, record.value, record.unit) for record in table.records] == [
        ("dev_loss", 2.5, "nats per token"), ("rte", 66.4, "percent"),
    ]  # fmt: skip
    assert len(table.checkpoints) == 2


def test_direction_by_option(write: Write) -> None:
    path = write(HEADER + ROW.replace("accuracy", "zeal"))
    with pytest.raises(HarnessError, match=r"table.csv:2: .*'zeal'.*--higher-is-better zeal"):
        read(path)
    assert read(path, higher_is_better=("zeal",)).records[1].higher_is_better
    assert not read(path, lower_is_better=("zeal",)).records[1].higher_is_better
    assert not read(write(HEADER + ROW), lower_is_better=("accuracy",)).records[1].higher_is_better
    with pytest.raises(HarnessError, match="did you mean 'accuracy'"):
        read(write(HEADER + ROW), lower_is_better=("acuracy",))
    with pytest.raises(HarnessError, match="both"):
        read(path, higher_is_better=("accuracy",), lower_is_better=("accuracy",))


def test_the_shortest_table(write: Write) -> None:
    path = write("family,checkpoint,upstream,task,value,stderr,n\nf,a,2.5,rte,0.6,0.03,277\n")
    with pytest.raises(HarnessError, match=r"table.csv:2: .*'value'.*--higher-is-better value"):
        read(path)
    loss, value = read(path, higher_is_better=("value",)).records
    assert (loss.task, loss.metric, loss.unit, loss.higher_is_better) == ("loss", "loss", "nats per token", False)
    assert (value.task, value.metric, value.value, value.stderr, value.n) == ("rte", "value", 0.6, 0.03, 277)


def test_units_are_those_of_the_task(write: Write) -> None:
    """A task in percent beside one in fractions: each has its own unit and its own floor."""
    percent = ROW.replace("rte", "sst2").replace("0.6,0.03,277", "91.2,0.5,")
    table = read(write(HEADER + ROW.replace("rte", "mnli") + percent))
    assert [(r.task, r.unit) for r in table.records[1:]] == [("mnli", "fraction"), ("sst2", "percent")]
    assert table.records[1].details["chance"] == pytest.approx(0.354, abs=1e-3)


def test_columns_in_memory_are_the_file(write: Write) -> None:
    pandas = pytest.importorskip("pandas")
    path = write(HEADER + ROW + ROW.replace("f,a", "f,b").replace("2.5", "2.7").replace(",0.03,277", ",,"))
    frame = pandas.read_csv(path)
    assert import_columns(frame, source="a paper").records == read(path).records
    columns = {name: frame[name].tolist() for name in frame}
    assert import_columns(columns, source="a paper").records == read(path).records
    for wrong, told in (
        ({**columns, "value": [0.5, float("nan")]}, "data frame:2: value is 'nan'"),
        ({**columns, "value": [0.5]}, "different lengths .*value 1"),
        ({**columns, "value": [0.5, "high"]}, "data frame:2: value is 'high'"),
        ({name: [] for name in columns}, "no rows"),
        ({"family": ["f"]}, "missing are checkpoint, upstream, task, value"),
    ):
        with pytest.raises(HarnessError, match=told):
            import_columns(wrong, source="a paper")


WRONG = {
    "table.csv:2: accuracy of rte is 0.6 here and 61 on line 3: fractions and percents": (
        HEADER + ROW + ROW.replace("f,a", "g,b").replace("0.6", "61")
    ),
    "table.csv:2: accuracy of rte is -0.1; expected a share": HEADER + ROW.replace("0.6", "-0.1"),
    "table.csv:2: accuracy of rte is 160; expected a share": HEADER + ROW.replace("0.6", "160"),
    "table.csv:2: metric is blank; every row names its": HEADER + ROW.replace("accuracy", ""),
    "table.csv:1: the table is empty": "",
    "table.csv:3: the table is empty": "# only a note\n\n",
    "table.csv: a header and no rows": HEADER,
    r"table.csv:1: not a table in the long form: .*missing are value; is 'valu' 'value'\?": (
        HEADER.replace("value,", "valu,") + ROW
    ),
    "table.csv:1: column 'notes' has no meaning": HEADER.replace("n_items", "n_items,notes") + ROW,
    "table.csv:1: column 'runs' .*did you mean 'run'": HEADER.replace("n_items", "n_items,runs") + ROW,
    "table.csv:1: column 'task' stands twice": HEADER.replace("n_items", "task") + ROW,
    "table.csv:3: upstream is 'low'": HEADER + ROW + ROW.replace("2.5", "low").replace("f,a", "f,b"),
    "table.csv:2: value is 'nan'": HEADER + ROW.replace("0.6", "nan"),
    "table.csv:2: upstream is 'inf'": HEADER + ROW.replace("2.5", "inf"),
    "table.csv:2: value_stderr is -0.03": HEADER + ROW.replace("0.03", "-0.03"),
    "table.csv:2: n_items is '2.7'": HEADER + ROW.replace("277", "2.7"),
    "table.csv:2: task is blank": HEADER + ROW.replace("rte", " "),
    "table.csv:2: 11 fields under 10 columns": HEADER + ROW.replace("277", "277,1"),
    "table.csv:4: .*already on line 2": HEADER + ROW + ROW.replace("rte", "mrpc") + ROW,
    "table.csv:3: dev_loss of a is 2.6 and on line 2 2.5": (
        HEADER + ROW + ROW.replace("rte", "mrpc").replace("2.5", "2.6")
    ),
    "table.csv:3: accuracy of rte for a is 0.7 and on line 2 0.6": (
        HEADER + ROW + ROW.replace("dev_loss", "b_loss").replace("0.6", "0.7")
    ),
    "table.csv:3: a is of run 's' and on line 2 of 'r'": (
        HEADER.replace("n_items", "run") + ROW.replace("277", "r") + ROW.replace("277", "s").replace("rte", "mrpc")
    ),
    "table.csv:2: not CSV": HEADER + 'f,"a"b,dev_loss,2.5,,rte,accuracy,0.6,,\n',
}  # fmt: skip


@pytest.mark.parametrize("told", WRONG)
def test_errors_name_file_and_line(told: str, write: Write) -> None:
    with pytest.raises(HarnessError, match=told):
        read(write(WRONG[told]))


def test_files_that_are_none(tmp_path: Path, write: Write) -> None:
    with pytest.raises(HarnessError, match="cannot be read"):
        read(tmp_path / "missing.csv")
    with pytest.raises(HarnessError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(HarnessError, match="UTF-8"):
        read(tmp_path / "binary.csv")
    with pytest.raises(HarnessError, match="source"):
        import_table(write(HEADER + ROW), source=" ")


@pytest.mark.parametrize(
    ("table", "numbers"), [("kd_aug", 84), ("pruned_bert_table", 90), ("kaplan", 63), ("ladder_three_tasks", 150)]
)
def test_published_tables(table: str, numbers: int) -> None:
    assert len(read(GOLDS / f"{table}.csv").records) == numbers


@pytest.mark.shared
@pytest.mark.skipif(
    "HARNESS_SHARED" not in os.environ, reason="needs the whole tables: set HARNESS_SHARED to their folder"
)
def test_whole_published_tables() -> None:
    golds = Path(os.environ["HARNESS_SHARED"]) / "golds"
    for name in ("gadre", "ladder", "compressing_bert", "blog_fig1", "kd_aug", "kaplan"):
        assert read(golds / f"{name}.csv").records
    for name in (
        "muppet_results",
        "muppet_summarization",
        "stilts_readme",
        "liu_same_loss",
        "compressing_bert_sortorder",
    ):
        with pytest.raises(HarnessError, match="not a table in the long form"):
            read(golds / f"{name}.csv")
