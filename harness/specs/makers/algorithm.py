"""How parameters move in pre-training: optimizer, regularisers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.model import Spec

Optimizer = Literal["adamw", "adam", "sgd"]
Share = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[tuple[Share, Share], Strict(False)]
Radius = Annotated[float, Field(gt=0)]


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
