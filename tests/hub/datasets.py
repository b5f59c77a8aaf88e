"""Data sets of the tests under their Hub names: GLUE tasks that can be learned from a word, and wiki lines."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from tests.hub.server import Hub
from tests.hub.text import NAMES, PLACES, THINGS, VERBS, sentence, sentences, wiki_lines

GLUE_REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
WIKITEXT_REVISION = "b08601e04326c79dfdd32d625aee71d232d685c3"
ROWS = {"train": 64, "validation": 48, "test": 8}
SIGNALS = {
    "cola": ("banana", "window"),
    "sst2": ("dreadful", "wonderful"),
    "rte": ("surely", "never"),
    "mrpc": ("otherwise", "likewise"),
}
LABELS = {
    "cola": ("unacceptable", "acceptable"),
    "sst2": ("negative", "positive"),
    "rte": ("entailment", "not_entailment"),
    "mrpc": ("not_equivalent", "equivalent"),
    "stsb": (),
}
GRADES = ("zero", "one", "two", "three", "four", "five")
SINGLE = ("cola", "sst2")

Table = dict[str, list[Any]]


def vocabulary_text() -> list[str]:
    """Text that holds every word the data sets use: what the tokenizers are trained on."""
    words = " ".join((*NAMES, *VERBS, *THINGS, *PLACES, *GRADES, *(w for pair in SIGNALS.values() for w in pair)))
    return [words] * 8 + sentences(100, seed=0)


def glue_rows(config: str, split: str, count: int) -> Table:
    """So many rows of a GLUE config: the label is told by a word at the start; test labels are -1 except MRPC's."""
    source = random.Random(f"{config}/{split}")
    rows: list[dict[str, Any]] = []
    for number in range(count):
        grade = number % (len(GRADES) if config == "stsb" else 2)
        word = GRADES[grade] if config == "stsb" else SIGNALS[config][grade]
        texts = {"sentence": f"{word} {sentence(source)}"}
        if config not in SINGLE:
            texts = {"sentence1": sentence(source), "sentence2": f"{word} {sentence(source)}"}
        label = -1 if split == "test" and config != "mrpc" else grade
        rows.append({**texts, "label": float(label) if config == "stsb" else label, "idx": number})
    source.shuffle(rows)
    return {column: [row[column] for row in rows] for column in rows[0]}


def parquet(table: Table, labels: Sequence[str] = ()) -> bytes:
    """A parquet file whose schema tells ``datasets`` the features, label names among them."""
    import pyarrow
    from pyarrow import parquet as format

    kinds = {str: "string", float: "float32", int: "int64"}
    fields: list[Any] = []
    features: dict[str, Any] = {}
    for column, values in table.items():
        kind = "int32" if column == "idx" else kinds[type(values[0])]
        fields.append(pyarrow.field(column, pyarrow.type_for_alias(kind)))
        named = column == "label" and labels
        features[column] = (
            {"names": list(labels), "_type": "ClassLabel"} if named else {"dtype": kind, "_type": "Value"}
        )
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    buffer = io.BytesIO()
    format.write_table(pyarrow.table(table, schema=pyarrow.schema(fields, metadata=metadata)), buffer)
    return buffer.getvalue()


def publish_dataset(
    hub: Hub,
    name: str,
    configs: Mapping[str, Mapping[str, Table]],
    *,
    labels: Mapping[str, Sequence[str]] | None = None,
    commit: str | None = None,
) -> str:
    """Publish tables as ``<config>/<split>-00000-of-00001.parquet`` with the README that names them; the commit."""
    files, lines = {}, ["---", "configs:"]
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, table in splits.items():
            files[f"{config}/{split}-00000-of-00001.parquet"] = parquet(table, (labels or {}).get(config, ()))
            lines += [f"  - split: {split}", f"    path: {config}/{split}-*"]
    files["README.md"] = "\n".join([*lines, "---", ""]).encode()
    return hub.publish("datasets", name, files, commit=commit)


def publish_datasets(hub: Hub, articles: int = 6, rows: Mapping[str, int] = ROWS) -> None:
    """Put GLUE (so many rows of a split) and wikitext (so many articles to validate on) on the Hub, as the shipped specs pin them."""
    glue = {config: {split: glue_rows(config, split, count) for split, count in rows.items()} for config in LABELS}
    publish_dataset(hub, "nyu-mll/glue", glue, labels=LABELS, commit=GLUE_REVISION)
    splits = {"test": (6, 1), "train": (12, 2), "validation": (articles, 3)}
    wiki = {split: {"text": wiki_lines(articles, seed)} for split, (articles, seed) in splits.items()}
    both = {"wikitext-2-raw-v1": wiki, "wikitext-103-raw-v1": wiki}
    publish_dataset(hub, "Salesforce/wikitext", both, commit=WIKITEXT_REVISION)
