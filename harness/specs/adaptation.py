"""``adapt:`` of a translation task: training on the domain before it is scored, and the domain that may suffer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.specs.makers.algorithm import Betas, Share
from harness.specs.makers.model import Schedule
from harness.specs.model import Spec
from harness.specs.parallel import Pairs
from harness.specs.task import Data, Positive


class GeneralDomain(Pairs):
    """Pairs of the domain that a model comes from: scored before and after it is adapted to another."""

    data: Data
    split: str = "test"


class Adaptation(Spec):
    """Training on the train split of a domain: AdamW, on batches of pairs of similar length."""

    steps: Positive = 200
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
    schedule: Schedule = "linear"
    warmup_steps: Annotated[int, Field(ge=0)] = 20
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] = 1.0
    betas: Betas = (0.9, 0.98)
    label_smoothing: Share = 0.1
    batch_tokens: Positive = Field(4096, description="the most tokens of a batch, both sides with their padding")
    length: Positive = Field(100, description="pairs with a side of more tokens are not trained on")
    train_rows: Positive | None = Field(None, description="train on so many pairs, drawn under the seed; default, all")
    general: GeneralDomain | None = Field(None, description="scored too, before and after: what was forgotten")
