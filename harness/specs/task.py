"""A task: what data, which kind of measurement, which metric. One class for each kind, all of them data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, PrivateAttr, Strict, field_validator, model_validator

from harness.errors import nearest
from harness.results.roles import Role
from harness.specs.files import Files
from harness.specs.model import Spec
from harness.specs.protocol import Protocol
from harness.specs.skill import Skill
from harness.specs.source import Source

Strings = Annotated[tuple[str, ...], Strict(False)]
Positive = Annotated[int, Field(gt=0)]
SOURCES = ("path", "files", "test_set", "world")


class Data(Spec):
    """Where rows come from: a data set of the Hub (``path``), files, a ``test_set`` of sacreBLEU, or a synthetic ``world``."""

    path: str | None = Field(None, description="Hub id, namespace/name")
    name: str | None = Field(None, description="configuration of the data set or world; the pair of a test set: de-en")
    revision: str | None = Field(None, description="commit, branch or tag; only where its source is known")
    files: Files = Field(
        None,
        description="text, JSON lines, CSV or Parquet files beside the spec; or column -> text file, line by line in "
        "parallel, such as {source: a.de, target: a.en}",
    )
    test_set: str | None = Field(
        None, description="id of a test set of sacreBLEU, such as wmt19; its columns are src, ref, docid, domain ..."
    )
    world: str | None = Field(None, description="a synthetic language, such as hmm")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the world")
    skill: Skill | None = Field(None, description="make labelled sentences of the text there, in place of its rows")

    @model_validator(mode="after")
    def one_source(self) -> Data:
        """Exactly one of path, files, test_set and world."""
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"data names {' and '.join(given) or 'no source'}; give exactly one of {', '.join(SOURCES)}"
            )
        if self.path is not None and self.path.count("/") != 1:
            raise ValueError(f"data.path is {self.path!r}; the Hub wants namespace/name")
        if self.options and self.world is None:
            raise ValueError("data.options belongs to a world; this data has none")
        if self.test_set is not None and (self.name is None or self.revision is not None):
            raise ValueError(
                "a test set has a pair under name, such as de-en, and no revision: its checksum is in sacreBLEU's registry"
            )
        return self

    @property
    def file_names(self) -> tuple[str, ...]:
        """The names of its files, in order."""
        return tuple(self.files.values() if isinstance(self.files, dict) else self.files or ())

    @property
    def called(self) -> str:
        """Its source in a few words, for people."""
        return self.path or self.world or ", ".join(self.file_names) or f"sacrebleu/{self.test_set}"


class Text(Spec):
    """How rows become documents."""

    column: str = "text"
    documents: Literal["row", "wikitext", "blank_line", "file"] = Field(
        "row", description="row: each row is one; wikitext: level-one headings begin one; file: all rows are one"
    )
    first: Positive | None = Field(None, description="take the first so many documents")
    characters: Positive | None = Field(None, description="take so many characters of each document")


class Corpus(Spec):
    """Text to train on, or to compare a task with."""

    data: Data
    split: str = "train"
    text: Text = Text()


class Loss(Spec):
    """What is scored. Causal windows, masked positions and corrupted spans each have their own settings."""

    window: Positive | Literal["context"] = Field("context", description="tokens of a window, special tokens included")
    stride: Positive | None = Field(None, description="causal: new tokens a window scores; default, the whole window")
    bos: Literal["auto", "none"] = Field("auto", description="causal: begin each document once with BOS (or EOS)")
    mask_rate: Annotated[float, Field(gt=0, lt=1)] = 0.15
    mask_seed: int = Field(0, description="of the choice of masks, and of spans")
    mask_unit: Literal["token", "word"] = Field("token", description="word: where tokenizers differ")
    pseudo_log_likelihood: bool = Field(False, description="masked: each token masked alone; gives bits per byte")
    span_rate: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="seq2seq: share of tokens in corrupted spans; default, that of pre-training: .15 T5, .3 BART"
    )
    span_length: Annotated[float, Field(ge=1)] = Field(3.0, description="seq2seq: mean tokens of a corrupted span")


class Task(Spec):
    """What every kind of task has."""

    NOT_MEASURED: ClassVar[tuple[str, ...]] = ("description", "status", "rows")

    name: str = ""
    description: str
    kind: str
    version: Positive = 1
    status: Literal["verified", "unverified"] = Field(
        "verified", description="unverified: columns or revision were written from memory; stays out of default suites"
    )
    data: Data
    splits: dict[str, str] = Field(description="what a split is for (train, score) -> its name")
    rows: dict[str, Positive] = Field(default_factory=dict, description="rows expected of each split")

    _source: Source | None = PrivateAttr(None)

    def place(self, *location: str | int) -> str:
        """``file:line`` of a field, for messages; the task's name where it came from no file."""
        return self._source.place(location) if self._source else f"task {self.name}"

    @property
    def folder(self) -> Path:
        """The folder of the spec, beside which its files stand."""
        return self._source.path.parent if self._source else Path()

    @model_validator(mode="after")
    def has_score_split(self) -> Task:
        """Every task scores a split."""
        wanted = {"train", "score"} if self.kind == "probe" else {"score"}
        if set(self.splits) != wanted:
            raise ValueError(f"splits names {sorted(self.splits)}; a {self.kind} task has {sorted(wanted)}")
        unknown = set(self.rows) - set(self.splits.values())
        if unknown:
            raise ValueError(f"rows names {sorted(unknown)}; the splits are {sorted(self.splits.values())}")
        return self

    @property
    def default_role(self) -> Role:
        """The role a task has where no suite says otherwise."""
        return DEFAULT_ROLES.get(self.kind, "downstream")


class LmLossTask(Task):
    """Language-modelling loss on documents."""

    kind: Literal["lm_loss"]
    text: Text = Text()
    loss: Loss = Loss()


class LabelledTask(Task):
    """Classification or regression of one text or a pair."""

    inputs: Annotated[tuple[str, ...], Strict(False), Field(min_length=1, max_length=2)] = Field(
        description="one or two templates over the columns"
    )
    target: str = Field("label", description="the column to predict")
    labels: Annotated[tuple[str, ...] | None, Strict(False)] = Field(
        None, description="names of the classes in order; leave out for regression, and for a skill"
    )
    range: Annotated[tuple[float, float] | None, Strict(False)] = Field(None, description="regression: valid targets")
    metrics: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)]

    @model_validator(mode="after")
    def classes_or_range(self) -> Self:
        """Classes or a range of targets, never both; those of a skill are known."""
        if self.data is not None and self.data.skill is not None:
            classes = self.data.skill.classes
            if self.range is not None or self.labels not in (None, classes):
                raise ValueError(
                    f"the classes of the skill {self.data.skill.name} are its own; leave out labels and range"
                )
            object.__setattr__(self, "labels", classes)
        if (self.labels is None) == (self.range is None):
            raise ValueError("give either labels (classification) or range (regression)")
        if self.labels is not None and len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels repeats a name: {list(self.labels)}")
        return self


class FinetuneTask(LabelledTask):
    """Classification or regression of one text or a pair, after training the whole model."""

    kind: Literal["finetune"]
    protocol: str | Protocol = "glue"
    trained_on: str | None = Field(None, description="score the model fine-tuned on this task")
    label_map: dict[str, str] = Field(
        default_factory=dict, description="class of the trained_on task -> class of this task"
    )

    @model_validator(mode="after")
    def has_score_split(self) -> FinetuneTask:
        """A task that scores another task's model has no train split of its own."""
        wanted = {"score"} if self.trained_on else {"train", "score"}
        if set(self.splits) != wanted:
            raise ValueError(f"splits names {sorted(self.splits)}; this task has {sorted(wanted)}")
        unknown = set(self.rows) - set(self.splits.values())
        if unknown:
            raise ValueError(f"rows names {sorted(unknown)}; the splits are {sorted(self.splits.values())}")
        return self


Score = Literal[
    "data_size",
    "unigram_divergence",
    "vocabulary_cover",
    "two_sample_auc",
    "task_text_loss",
    "log_maximum_evidence",
    "n_leep",
    "h_score",
]
SCORES: tuple[str, ...] = get_args(Score)
OF_CORPUS = ("unigram_divergence", "vocabulary_cover", "two_sample_auc")
OF_CLASSES = ("n_leep", "h_score")


class AffinityTask(Task):
    """What a corpus, or a checkpoint, has in common with a downstream task, whose data it reads."""

    NOT_MEASURED: ClassVar[tuple[str, ...]] = (*Task.NOT_MEASURED, "of")

    kind: Literal["affinity"]
    score: Score
    of: str = Field(description="the downstream task: a shipped one, one of the suite, or a YAML file")
    data: Data = Field(None, description="left out: it is that of the downstream task")  # type: ignore[assignment]
    splits: dict[str, str] = Field(
        default_factory=dict, description="which split to read; without it train, else the scored one"
    )
    corpus: Corpus | None = Field(None, description="what to compare the task's text with")
    first: Positive = Field(1000, description="read the first so many rows of the task; data_size reads all")
    loss: Loss = Field(Loss(), description="of task_text_loss")

    _downstream: FinetuneTask | None = PrivateAttr(None)
    _corpus_text: LmLossTask | None = PrivateAttr(None)

    @property
    def downstream(self) -> FinetuneTask:
        """The task named under ``of``, its score split the one that is read here."""
        assert self._downstream is not None, "given when the spec is loaded"
        return self._downstream

    @property
    def reads_checkpoint(self) -> bool:
        """Whether the score is one of the checkpoint, and not of texts alone."""
        return self.score not in (*OF_CORPUS, "data_size")

    @property
    def corpus_text(self) -> LmLossTask | None:
        """The corpus as a task that reads it."""
        return self._corpus_text

    def definition(self) -> dict[str, Any]:
        """As of every spec, without where the corpus comes from: its content is part of the signature by itself."""
        found = super().definition()
        if "corpus" in found:
            data = {k: v for k, v in found["corpus"]["data"].items() if k not in ("revision", "files")}
            found["corpus"] = found["corpus"] | {"data": data}
        return found

    @field_validator("score", mode="before")
    @classmethod
    def known_score(cls, value: Any) -> Any:
        """Refuse a score that does not exist, with the nearest that does."""
        if value not in SCORES:
            raise ValueError(f"unknown score {value!r}; {nearest(str(value), SCORES)}")
        return value

    @model_validator(mode="after")
    def has_score_split(self) -> AffinityTask:
        """No data of its own, and at most the split to read."""
        if self.data is not None:
            raise ValueError(f"an affinity task reads the data of {self.of!r}, which 'of' names; leave 'data' out")
        if set(self.splits) - {"score"}:
            raise ValueError(f"splits names {sorted(self.splits)}; an affinity task has score, or none")
        return self

    @model_validator(mode="after")
    def corpus_where_it_is_read(self) -> AffinityTask:
        """A corpus for the scores that compare with one, and for no other."""
        if (self.score in OF_CORPUS) != (self.corpus is not None):
            verb = "compares with a corpus; give" if self.corpus is None else "reads no corpus; leave out"
            raise ValueError(f"{self.score} {verb} 'corpus'")
        return self


DEFAULT_ROLES: dict[str, Role] = {"lm_loss": "upstream", "flatness": "flatness", "affinity": "affinity"}
METRICS = ("accuracy", "f1", "f1_macro", "matthews_correlation", "pearson", "spearman")
