"""Recipe of the maker ``prune``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, model_validator

from harness.specs.makers.model import Maker, Numbers, Seeds, Training, WholeNumbers
from harness.specs.task import Positive

Method = Literal["magnitude", "random"]
Regime = Literal["pruned", "information_deletion", "after_downstream"]


def listed(value: Any) -> Any:
    """One word as a list of it.

    >>> listed("random"), listed(["random", "magnitude"])
    (['random'], ['random', 'magnitude'])
    """
    return [value] if isinstance(value, str) else value


def shared(pattern: str) -> float:
    """Share of the weights that a pattern such as 2:4 prunes, to four digits.

    >>> shared("2:4"), shared("1:3")
    (0.5, 0.6667)
    """
    stay, every = map(int, pattern.split(":"))
    return round(1 - stay / every, 4)


Pattern = Annotated[str, Field(pattern=r"^\d+:\d+$")]
Patterns = Annotated[
    tuple[Pattern, ...], Strict(False), BeforeValidator(listed, json_schema_input_type=list[Pattern] | Pattern)
]
Methods = Annotated[
    tuple[Method, ...],
    Strict(False),
    BeforeValidator(listed, json_schema_input_type=list[Method] | Method),
    Field(min_length=1),
]
Regimes = Annotated[
    tuple[Regime, ...],
    Strict(False),
    BeforeValidator(listed, json_schema_input_type=list[Regime] | Regime),
    Field(min_length=1),
]


@dataclass(frozen=True, slots=True)
class Pruned:
    """One member: what is pruned, how its weights are chosen, and what becomes of the zeros."""

    name: str
    sparsity: float
    method: Method
    regime: Regime
    seed: int
    n_m: str | None = None

    @property
    def weights(self) -> tuple[Any, ...]:
        """The same for members that have the same weights: pruned and recovered once."""
        return (self.sparsity, self.n_m, self.method, self.seed, self.regime == "after_downstream")


class Prune(Training, Maker):
    """A checkpoint with a share of its weights pruned, and trained on to recover; one member for each sparsity.

    A knob of which several values are given (``method``, ``regime``, ``seeds``) makes members of its own, in whose names it stands.
    """

    VARIES = "sparsity"

    maker: Literal["prune"]
    start: str = Field(description="checkpoint to prune")
    sparsity: Numbers = Field(
        (), description="shares of the weights (heads, layers) to prune, such as 0.0:0.9:0.1; n_m says it of its own"
    )
    structure: Literal["unstructured", "heads", "layers", "n:m"] = Field(
        "unstructured",
        description="single weights; heads of self-attention; whole layers, whose biases and norms stay; or of every m "
        "weights of an output, side by side, all but n",
    )
    n_m: Patterns = Field((), description="n:m alone: how many of how many stay, such as 2:4")
    layers: Literal["magnitude", "top"] = Field("magnitude", description="layers alone: the smallest, or the last ones")
    in_layers: WholeNumbers | None = Field(
        None, description="prune in these layers alone, an encoder's counted first; nothing outside them then"
    )
    method: Methods = Field(("magnitude",), description="the smallest weights, or random ones")
    scope: Literal["local", "global"] = Field(
        "local", description="each matrix (heads: layer) to the sparsity, or all of them together"
    )
    embeddings: bool = Field(
        True,
        description="word embeddings are pruned with the linear layers of the body; tied to a head they count once",
    )
    regime: Regimes = Field(
        ("pruned",),
        description="pruned: masks stay when the member is trained or fine-tuned; information_deletion: the zeros are free "
        "then; after_downstream: weights stay dense (the loss is the start's), fine-tuning prunes them half way",
    )
    recover: Annotated[int, Field(ge=0)] = Field(0, description="optimizer steps with masks; needs a corpus")
    pace: Literal["one_shot", "gradual"] = Field(
        "one_shot",
        description="gradual: sparsity rises with the cube of the steps left, over the first steps of recover",
    )
    ramp: Annotated[float, Field(gt=0)] = Field(
        0.1, description="gradual: steps until the sparsity is reached; up to 1, a share of recover"
    )
    every: Positive = Field(10, description="gradual: steps between two choices of masks")
    epochs_before: Annotated[float, Field(gt=0)] | None = Field(
        None, description="after_downstream: epochs of fine-tuning before pruning; default, the protocol's"
    )
    epochs_after: Annotated[float, Field(gt=0)] | None = Field(
        None, description="after_downstream: epochs of fine-tuning after it, with masks; default, the protocol's"
    )
    seeds: Seeds = Field((1,), description="of random weights to prune, and of batches and dropout of recover")

    @model_validator(mode="after")
    def sparsities_are_shares(self) -> Prune:
        """From nothing to less than everything."""
        outside = [number for number in self.sparsity if not 0 <= number < 1]
        if outside:
            raise ValueError(f"sparsity {outside[0]} is out of range; expected shares of the weights, 0 to less than 1")
        return self

    @model_validator(mode="after")
    def what_is_pruned_fits(self) -> Prune:
        """A pattern says its sparsity; everything else is given one."""
        if (self.structure == "n:m") != bool(self.n_m):
            raise ValueError("structure: n:m and n_m: (such as 2:4) go together; give both or neither")
        if bool(self.n_m) == bool(self.sparsity):
            raise ValueError("give sparsity, or with structure: n:m only n_m, which says it")
        for stay, every in (map(int, pattern.split(":")) for pattern in self.n_m):
            if not 0 < stay < every:
                raise ValueError(f"n_m: {stay}:{every} prunes nothing or everything; expected 0 < n < m")
        if self.n_m and self.pace == "gradual":
            raise ValueError("structure: n:m is pruned at once; leave pace out")
        return self

    @model_validator(mode="after")
    def recovery_is_possible(self) -> Prune:
        """Text to train on, and steps over which sparsity can rise."""
        if self.recover and not self.corpus:
            raise ValueError(
                f"recover: {self.recover} needs text to train on; give a corpus, or a protocol that has one"
            )
        if self.pace == "gradual" and not self.recover:
            raise ValueError("pace: gradual is a course of training; give recover: steps, or leave pace out")
        if self.pace == "gradual" and self.ramp_steps >= self.recover:
            raise ValueError(
                f"ramp: {self.ramp:g} is {self.ramp_steps} steps; expected fewer than recover: {self.recover}"
            )
        return self

    @property
    def ramp_steps(self) -> int:
        """Steps of training until the sparsity is reached; none where it is at once."""
        if self.pace == "one_shot":
            return 0
        return round(self.ramp * self.recover) if self.ramp <= 1 else round(self.ramp)

    def variants(self) -> Iterator[Pruned]:
        """Every member, in order."""
        patterns: list[tuple[float, str | None]] = [(shared(pattern), pattern) for pattern in self.n_m]
        patterns += [(number, None) for number in self.sparsity]
        for (sparsity, n_m), method, regime, seed in product(patterns, self.method, self.regime, self.seeds):
            parts = [
                ("sparsity", sparsity, True), ("n_m", str(n_m).replace(":", "of"), len(self.n_m) > 1),
                ("method", method, len(self.method) > 1), ("regime", regime, len(self.regime) > 1),
                ("seed", seed, len(self.seeds) > 1),
            ]  # fmt: skip
            name = "/".join(f"{knob}={value}" for knob, value, named in parts if named)
            yield Pruned(name, sparsity, method, regime, seed, n_m)

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        return tuple(variant.name for variant in self.variants())

    def training_tokens(self) -> int:
        """Every member recovers on its own; those that differ in what becomes of the zeros together."""
        runs = {variant.weights for variant in self.variants() if variant.regime != "after_downstream"}
        return len(runs) * self.recover * self.batch_size * self.length
