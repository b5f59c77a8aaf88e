"""How parameters move in pre-training: optimizer, regularisers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.model import Spec

Optimizer = Literal["adamw", "adam", "sgd"]
Share = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[tuple[Share, Share], Strict(False)]
Radius = Annotated[float, Field(gt=0)]


class Adversary(Spec):
    """A downstream task that the features of the model are trained not to serve."""

    task: str = Field(description="a fine-tuning task with classes, shipped or a YAML file; its train rows are read")
    weight: Annotated[float, Field(gt=0)] = Field(
        1.0, description="lambda: nats of the head's loss against one nat of text"
    )
    batch_size: Annotated[int, Field(gt=0)] = 64
    head_learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    head_steps: Annotated[int, Field(gt=0)] = Field(1, description="steps of the head for each step of the model")


class Algorithm(Spec):
    """The optimizer and what is added to it; its learning rate and weight decay stand beside."""

    optimizer: Optimizer = Field(
        "adamw", description="adamw decays weights beside the gradient; adam and sgd add the decay to it (L2)"
    )
    momentum: Share = Field(0.0, description="of sgd")
    betas: Betas | None = Field(None, description="of adamw and adam; default 0.9, 0.999")
    label_smoothing: Share = Field(0.0, description="share of the target spread evenly over the vocabulary")
    sam: Radius | None = Field(
        None,
        description="radius rho of sharpness-aware minimisation: the gradient is taken at w + rho g / |g| (two passes a step)",
    )
    dropout: Share | None = Field(
        None, description="every dropout rate of the training; the saved configuration keeps the architecture's own"
    )

    adversary: Adversary | None = Field(
        None, description="minimise the loss less weight times that of a head on a labelled task (Liu et al. 2023)"
    )

    @model_validator(mode="after")
    def settings_of_this_optimizer(self) -> Algorithm:
        """Momentum and betas belong to an optimizer that has them."""
        self.check_optimizer()
        return self

    def check_optimizer(self) -> None:
        """Refuse settings of another optimizer.

        Raises:
            ValueError: naming the setting and what it is for.
        """
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(f"momentum is for optimizer: sgd, and this one is {self.optimizer}, which has betas")
        if self.betas is not None and self.optimizer == "sgd":
            raise ValueError("betas are for optimizer: adamw or adam, and this one is sgd, which has momentum")
        if self.adversary is not None and self.sam is not None:
            raise ValueError("adversary fits its head once a step, and sam takes two passes; leave one of them out")
