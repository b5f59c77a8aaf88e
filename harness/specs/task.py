"""A task: what data, which kind of measurement, which metric. One class for each kind, all of them data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr, Strict, model_validator

from harness.specs.model import Spec
from harness.specs.protocol import Protocol
from harness.specs.source import Source

Strings = Annotated[tuple[str, ...], Strict(False)]
Positive = Annotated[int, Field(gt=0)]
Role = Literal["upstream", "flatness", "downstream"]


class Data(Spec):
    """Where rows come from: a data set of the Hub (``path``), files (``files``), or a synthetic ``world``."""

    path: str | None = Field(None, description="Hub id, namespace/name")
    name: str | None = Field(None, description="configuration of the data set, or of the world")
    revision: str | None = Field(None, description="commit, branch or tag; only where its source is known")
    files: Annotated[tuple[str, ...] | None, Strict(False)] = Field(
        None, description="text, JSON lines, CSV or Parquet files beside the spec"
    )
    world: str | None = Field(None, description="a synthetic language, such as hmm")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the world")

    @model_validator(mode="after")
    def one_source(self) -> Data:
        """Exactly one of path, files and world."""
        given = [name for name in ("path", "files", "world") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"data names {' and '.join(given) or 'no source'}; give exactly one of path, files, world")
        if self.path is not None and self.path.count("/") != 1:
            raise ValueError(f"data.path is {self.path!r}; the Hub wants namespace/name")
        if self.options and self.world is None:
            raise ValueError("data.options belongs to a world; this data has none")
        return self


class Text(Spec):
    """How rows become documents."""

    column: str = "text"
    documents: Literal["row", "wikitext", "blank_line", "file"] = Field(
        "row", description="row: each row is one; wikitext: level-one headings begin one; file: all rows are one"
    )
    first: Positive | None = Field(None, description="take the first so many documents")
    characters: Positive | None = Field(None, description="take so many characters of each document")


class Loss(Spec):
    """What is scored. Causal windows and masked positions each have their own settings."""

    window: Positive | Literal["context"] = Field("context", description="tokens of a window, special tokens included")
    stride: Positive | None = Field(None, description="causal: new tokens a window scores; default, the whole window")
    bos: Literal["auto", "none"] = Field("auto", description="causal: begin each document once with BOS (or EOS)")
    mask_rate: Annotated[float, Field(gt=0, lt=1)] = 0.15
    mask_seed: int = 0
    mask_unit: Literal["token", "word"] = Field("token", description="word: where tokenizers differ")
    pseudo_log_likelihood: bool = Field(False, description="masked: each token masked alone; gives bits per byte")


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
        wanted = {"train", "score"} if self.kind == "finetune" else {"score"}
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


class Flatness(Spec):
    """How long to measure curvature."""

    precision: Annotated[float, Field(gt=0, lt=1)] = Field(0.05, description="95 % half-width to reach, relative")
    minimum: Annotated[int, Field(ge=8)] = 32
    maximum: Positive = 256
    length: Positive = Field(128, description="tokens of a sequence")
    seed: int = Field(0, description="of the sampled labels and probes")


class FlatnessTask(Task):
    """Curvature of the language-modelling loss."""

    kind: Literal["flatness"]
    estimator: Literal["fisher", "hessian"]
    text: Text = Text()
    loss: Loss = Loss()
    flatness: Flatness = Flatness()


class FinetuneTask(Task):
    """Classification or regression of one text or a pair, after training the whole model."""

    kind: Literal["finetune"]
    inputs: Annotated[tuple[str, ...], Strict(False), Field(min_length=1, max_length=2)] = Field(
        description="one or two templates over the columns"
    )
    target: str = Field("label", description="the column to predict")
    labels: Annotated[tuple[str, ...] | None, Strict(False)] = Field(
        None, description="names of the classes in order; leave out for regression"
    )
    range: Annotated[tuple[float, float] | None, Strict(False)] = Field(None, description="regression: valid targets")
    metrics: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)]
    protocol: str | Protocol = "glue"
    trained_on: str | None = Field(None, description="score the model fine-tuned on this task")
    label_map: dict[str, str] = Field(
        default_factory=dict, description="class of the trained_on task -> class of this task"
    )

    @model_validator(mode="after")
    def classes_or_range(self) -> FinetuneTask:
        """Classes or a range of targets, never both."""
        if (self.labels is None) == (self.range is None):
            raise ValueError("give either labels (classification) or range (regression)")
        if self.labels is not None and len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels repeats a name: {list(self.labels)}")
        return self

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


KINDS: dict[str, type[Task]] = {"lm_loss": LmLossTask, "flatness": FlatnessTask, "finetune": FinetuneTask}
DEFAULT_ROLES: dict[str, Role] = {"lm_loss": "upstream", "flatness": "flatness"}
METRICS = ("accuracy", "f1", "f1_macro", "matthews_correlation", "pearson", "spearman")
