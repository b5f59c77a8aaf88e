"""Kind ``probe``: a small classifier on the states of a frozen checkpoint, layer by layer."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, Strict, field_validator, model_validator

from harness.specs.model import Spec
from harness.specs.protocol import Fraction, Rate, Selection
from harness.specs.task import LabelledTask, Positive

Pooling = Literal["mean", "cls", "last", "concat"]
Penalty = Annotated[float, Field(gt=0)]
OF_MLP = ("hidden", "dropout", "learning_rates", "epochs", "batch_size", "weight_decay")


class Probe(Spec):
    """What is read of the checkpoint, and how the classifier on it is trained."""

    features: Literal["states", "one_hot", "conditionals"] = Field(
        "states",
        description="one_hot: the tokens themselves and no model, as a control; conditionals, on a world: its true probabilities "
        "of each word given all others, and no model",
    )
    pooling: Pooling = Field(
        "mean",
        description="over the tokens of a text; cls: the first, last: the last, concat: all side by side, as many numbers as the "
        "longest text has tokens x the width of a layer, for every text and layer: the kind refuses what memory can't hold",
    )
    layers: Literal["all"] | Annotated[tuple[int, ...], Strict(False), Field(min_length=1)] = Field(
        "all", description="0 is the embeddings; -1 the last layer, -2 the one before"
    )
    select_layer: bool = Field(True, description="the best layer on the held-out part; false: the last that is named")
    head: Literal["linear", "mlp"] = "linear"
    l2: Annotated[tuple[Penalty, ...], Strict(False), Field(min_length=1)] = Field(
        (1.0, 0.1, 0.01, 0.001), description="linear: penalties to choose from; l2/2 |W|^2 is added to the mean loss"
    )
    hidden: Positive = Field(512, description="mlp: units of its one hidden layer")
    dropout: Fraction = Field(0.0, description="mlp: of the hidden layer")
    learning_rates: Annotated[tuple[Rate, ...], Strict(False), Field(min_length=1)] = Field(
        (1e-3,), description="mlp: to choose from"
    )
    epochs: Annotated[float, Field(gt=0)] = Field(20, description="mlp: passes over the rows")
    batch_size: Positive = Field(128, description="mlp: rows")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="mlp")
    max_length: Positive = Field(128, description="tokens of a text, or of a pair, at most")
    train_rows: Positive | None = Field(None, description="train on so many rows, chosen by seed")
    selection: Selection = Selection()

    @field_validator("layers", mode="before")
    @classmethod
    def layers_or_all(cls, value: object) -> object:
        """A list of numbers, or ``all``."""
        given = value if isinstance(value, list | tuple) else []
        if value != "all" and (not given or any(type(number) is not int for number in given)):
            raise ValueError(f"found {value!r}; give 'all', or a list of layers such as [0, -1]")
        if len(set(given)) != len(given):
            raise ValueError(f"layers repeats a number: {list(given)}")
        return value

    @model_validator(mode="after")
    def settings_are_of_use(self) -> Probe:
        """Refuse what the head or the features would not read."""
        idle = OF_MLP if self.head == "linear" else ("l2",)
        found = [name for name in idle if name in self.model_fields_set]
        if found:
            raise ValueError(f"a {self.head} head does not read {', '.join(found)}; leave out")
        if self.features != "states" and "layers" in self.model_fields_set:
            raise ValueError(f"{self.features} features have no layers; leave 'layers' out")
        if self.features == "conditionals" and "max_length" in self.model_fields_set:
            raise ValueError("conditionals are of whole sentences; leave 'max_length' out")
        return self


class ProbeTask(LabelledTask):
    """Classification or regression of one text or a pair from the states of the checkpoint, which is not trained."""

    kind: Literal["probe"]
    probe: Probe = Probe()

    @model_validator(mode="after")
    def conditionals_are_known(self) -> ProbeTask:
        """Those of a sentence of a world, as it stands."""
        if self.probe.features != "conditionals":
            return self
        if self.data.world is None or self.data.skill is not None:
            source = f"a skill on {self.data.world}" if self.data.world else self.data.called
            raise ValueError(
                f"features: conditionals are known of sentences of a world, and {self.name or 'this task'} reads {source}; choose "
                "states or one_hot, or name a world under data"
            )
        if len(self.inputs) != 1 or re.sub(r"\s", "", self.inputs[0]) != "{{text}}":
            raise ValueError(
                f"features: conditionals are of the text alone; found inputs {list(self.inputs)}, expected {{{{ text }}}}"
            )
        return self
