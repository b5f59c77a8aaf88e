"""Kind ``flatness``: curvature of the language-modelling loss, and how it is to be measured."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, Strict, field_validator, model_validator

from harness.errors import nearest
from harness.specs.model import Spec
from harness.specs.task import Loss, Positive, Task, Text

Distances = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Strict(False)]
Matrix = Literal["hessian", "gauss_newton"]
Estimator = Literal["fisher", "hessian", "sharpness", "spectrum", "hutch++", "xtrace", "pyhessian"]
ESTIMATORS: tuple[str, ...] = get_args(Estimator)
SETTINGS = {
    "relative": ("fisher",),
    "sharpness": ("sharpness",),
    "spectrum": ("spectrum", "pyhessian"),
    "sketch": ("hutch++", "xtrace"),
}
"""Settings that belong to some estimators alone."""
FIXED_SET = ("spectrum", "hutch++", "xtrace")
"""Estimators that go over the same sequences again and again: up to the maximum, whatever precision that gives."""


class Flatness(Spec):
    """How long to measure curvature."""

    precision: Annotated[float, Field(gt=0, lt=1)] = Field(0.05, description="95 % half-width to reach, relative")
    minimum: Annotated[int, Field(ge=8)] = 32
    maximum: Positive = 256
    length: Positive = Field(128, description="tokens of a sequence")
    seed: int = Field(0, description="of the sampled labels, probes and noise")
    group: Positive = Field(1, description="sequences of a draw: more fill a larger device, and take more memory")

    @model_validator(mode="after")
    def minimum_within_maximum(self) -> Flatness:
        """No more may be needed than is taken."""
        if self.maximum < self.minimum * self.group:
            clusters = f"{self.minimum}" if self.group == 1 else f"{self.minimum} groups of {self.group}"
            raise ValueError(f"maximum is {self.maximum} sequences, fewer than the minimum of {clusters}")
        return self


class Sharpness(Spec):
    """How far from the weights the loss is looked at, as a share of each row's length."""

    noise: Distances = Field((0.02, 0.05, 0.1, 0.2), description="relative sizes of Gaussian noise")
    radii: Distances = Field(
        (0.001, 0.005), description="relative sizes of the ball that is searched for the worst point"
    )
    ball: Literal["rows", "whole"] = Field("rows", description="rows: each by so much; whole: together by so much")
    steps: Positive = Field(5, description="gradients of the search, at each radius")


class Spectrum(Spec):
    """What of the spectrum is looked at."""

    matrix: Matrix = "hessian"
    eigenvalues: Positive = Field(5, description="how many of the largest; of a Hessian also the most negative")
    steps: Positive = Field(40, description="of the Lanczos iteration: products of the matrix, from each start")
    probes: Annotated[int, Field(ge=2)] = Field(4, description="random starts of the density")

    @model_validator(mode="after")
    def enough_steps(self) -> Spectrum:
        """An iteration finds as many eigenvalues as it takes steps."""
        ends = self.eigenvalues * (2 if self.matrix == "hessian" else 1)
        if self.steps < ends:
            raise ValueError(f"steps is {self.steps}; {ends} eigenvalues at both ends need at least as many")
        return self


class Sketch(Spec):
    """A trace from few products with what is learnt from them about the matrix: for small models."""

    matrix: Matrix = "gauss_newton"
    products: Annotated[int, Field(ge=6)] = Field(60, description="products of the matrix")
    limit: Positive = Field(
        10_000_000, description="parameters of a model at most: as many vectors as products are held"
    )


class FlatnessTask(Task):
    """Curvature of the language-modelling loss."""

    kind: Literal["flatness"]
    estimator: Estimator
    text: Text = Text()
    loss: Loss = Loss()
    flatness: Flatness = Flatness()
    relative: bool = Field(False, description="fisher: relative flatness too, which costs more than the gradient")
    sharpness: Sharpness = Sharpness()
    spectrum: Spectrum = Spectrum()
    sketch: Sketch = Sketch()

    def definition(self) -> dict[str, Any]:
        """As any spec's; a spectrum that is asked of PyHessian, with no setting changed, is one more value to measure."""
        asked: dict[str, Any] = (
            {"spectrum": {}} if self.estimator == "pyhessian" and "spectrum" in self.model_fields_set else {}
        )
        return asked | super().definition()

    @field_validator("estimator", mode="before")
    @classmethod
    def known_estimator(cls, value: Any) -> Any:
        """Refuse an estimator that does not exist, with the nearest that does."""
        if value not in ESTIMATORS:
            raise ValueError(f"unknown estimator {value!r}; {nearest(str(value), ESTIMATORS)}")
        return value

    @model_validator(mode="after")
    def settings_of_the_estimator(self) -> FlatnessTask:
        """Settings of another estimator would be passed over without a word."""
        for name in self.model_fields_set & set(SETTINGS):
            if self.estimator not in SETTINGS[name]:
                raise ValueError(
                    f"{name!r} is a setting of {' and '.join(SETTINGS[name])}; the estimator is {self.estimator}"
                )
        if self.estimator == "pyhessian" and self.spectrum.matrix != "hessian":
            raise ValueError(f"spectrum.matrix is {self.spectrum.matrix}; pyhessian takes the hessian alone")
        for name in ("precision", "group"):
            if self.estimator in FIXED_SET and name in self.flatness.model_fields_set:
                raise ValueError(
                    f"flatness.{name} is of no use to {self.estimator}, which takes the first {self.flatness.maximum} "
                    "sequences (maximum) in batches of its own"
                )
        return self
