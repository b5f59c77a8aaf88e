"""Rows in the columns of well-known multiple-choice sets, made up from the words of the tests' tokenizers."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.hub.text import NAMES, PLACES, THINGS, VERBS, sentence

Row = dict[str, Any]
SPEC_DATA = "include: choice/{name}\ndata: {{files: [{name}.jsonl]}}\nsplits: {{score: train}}\nrows: {{}}\n"


def rows_of(name: str, count: int, seed: int = 0) -> list[Row]:
    """Rows of a set by the name of its shipped spec."""
    source = random.Random(f"{name}/{seed}")
    return [MAKERS[name](source, number) for number in range(count)]


def hellaswag(source: random.Random, number: int) -> Row:
    endings = [
        f" {source.choice(VERBS)} [step] {source.choice(THINGS)}  {source.choice(PLACES)} [title] now ."
        for _ in range(4)
    ]
    return {"activity_label": source.choice(THINGS), "ctx_a": sentence(source), "ctx_b": source.choice(NAMES),
            "endings": endings, "label": str(number % 4), "source_id": f"video~{number // 2}"}  # fmt: skip


def piqa(source: random.Random, number: int) -> Row:
    return {"goal": sentence(source), "sol1": sentence(source), "sol2": source.choice(THINGS), "label": number % 2}


def science(source: random.Random, number: int) -> Row:
    """ARC: three or four choices under letters or numbers."""
    texts = [source.choice(THINGS) for _ in range(3 + number % 2)]
    labels = list("ABCD" if number % 3 else "1234")[: len(texts)]
    return {"question": sentence(source), "choices": {"text": texts, "label": labels}, "answerKey": labels[number % 3]}


def winogrande(source: random.Random, number: int) -> Row:
    text = f"{source.choice(NAMES)} met {source.choice(NAMES)} and _ {source.choice(VERBS)} {source.choice(THINGS)} ."
    return {"sentence": text, "option1": source.choice(NAMES), "option2": "Tolan", "answer": str(1 + number % 2)}


def openbookqa(source: random.Random, number: int) -> Row:
    texts = [source.choice(THINGS) for _ in range(4)]
    return {"question_stem": f"{source.choice(NAMES)} {source.choice(VERBS)}",
            "choices": {"text": texts, "label": list("ABCD")}, "answerKey": " " + "ABCD"[number % 4]}  # fmt: skip


def sciq(source: random.Random, number: int) -> Row:
    wrong = {f"distractor{place}": source.choice(THINGS) for place in (1, 2, 3)}
    return {"support": f" {sentence(source)}" if number % 3 else "", "question": sentence(source), **wrong,
            "correct_answer": source.choice(PLACES)}  # fmt: skip


def social_i_qa(source: random.Random, number: int) -> Row:
    answers = {f"answer{letter}": sentence(source) for letter in "ABC"}
    return {"context": sentence(source), "question": "who was it ?", **answers, "label": str(1 + number % 3)}


def commonsense_qa(source: random.Random, number: int) -> Row:
    texts = [source.choice(THINGS) for _ in range(5)]
    return {
        "question": f"{sentence(source)} ",
        "choices": {"text": texts, "label": list("ABCDE")},
        "answerKey": "ABCDE"[number % 5],
    }


def copa(source: random.Random, number: int) -> Row:
    return {"premise": sentence(source).capitalize(), "question": ("cause", "effect")[number % 2],
            "choice1": sentence(source).capitalize(), "choice2": sentence(source).capitalize(), "label": number // 2 % 2}  # fmt: skip


def boolq(source: random.Random, number: int) -> Row:
    return {
        "passage": f"{sentence(source)} {sentence(source)}",
        "question": sentence(source)[:-2],
        "label": int(number % 3 > 0),
    }


def lambada(source: random.Random, number: int) -> Row:
    return {"text": f"{sentence(source)} {source.choice(NAMES)} {source.choice(VERBS)}"}


MAKERS = {
    "hellaswag": hellaswag, "piqa": piqa, "arc_easy": science, "arc_challenge": science, "winogrande": winogrande,
    "openbookqa": openbookqa, "sciq": sciq, "social_i_qa": social_i_qa, "commonsense_qa": commonsense_qa, "copa": copa,
    "boolq": boolq, "lambada": lambada,
}  # fmt: skip


def write_task(folder: Path, name: str, rows: list[Row], more: str = "") -> str:
    """A shipped spec on rows of its own, in a folder; the path of its YAML file."""
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = folder / f"{name}.yaml"
    path.write_text(SPEC_DATA.format(name=name) + more)
    return str(path)


def columns_of_rows(rows: list[Row]) -> Mapping[str, list[Any]]:
    """The rows by column."""
    return {name: [row[name] for row in rows] for name in rows[0]}
