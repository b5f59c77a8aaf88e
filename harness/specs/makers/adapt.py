"""Recipe of the maker ``adapt``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, StringConstraints, model_validator

from harness.specs.decoding import Languages
from harness.specs.makers.algorithm import Algorithm, Share
from harness.specs.makers.model import Maker, Seeds, Training, WholeNumbers
from harness.specs.makers.pretrain import Objective, Pretrain
from harness.specs.makers.text import TrainingTexts
from harness.specs.model import Spec
from harness.specs.parallel import ParallelText
from harness.specs.task import Positive

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Domain(Spec):
    """What a model is adapted to: pairs for a translation model, text for a language model."""

    pairs: Annotated[tuple[ParallelText, ...], Strict(False)] = ()
    corpus: TrainingTexts = ()


class Adapt(Algorithm, Training, Maker):
    """A checkpoint trained on in each of several domains; each domain and seed is a run of several steps.

    With ``general_share`` some of the training is on general data, which is less forgotten then (mixed fine-tuning, Chu et
    al. 2017).
    """

    maker: Literal["adapt"]
    start: str = Field(description="checkpoint to adapt")
    objective: Objective = "translation"
    domains: Annotated[dict[Name, Domain], Field(min_length=1)] = Field(
        description="by name: {pairs: [...]} or {corpus: ...}"
    )
    general: Domain | None = Field(None, description="data of which a share is mixed in")
    general_share: Share = Field(
        0.0, description="share of the training pairs, or sequences, that are drawn from general"
    )
    steps: Annotated[WholeNumbers, Field(description="optimizer steps after which a checkpoint is kept")]
    average: WholeNumbers = Field(
        (), description="k: a member more whose weights are the mean of those of the last k steps kept"
    )
    seeds: Seeds = (1,)
    batch_tokens: Positive = Field(
        4096, description="translation: the most tokens of a batch, both sides with their padding"
    )
    languages: Languages | None = Field(None, description="translation: of the pairs, where the model has to be told")
    span_length: Annotated[float, Field(ge=1)] = Field(3.0, description="span and denoising: mean tokens of a span")

    @model_validator(mode="after")
    def data_of_the_objective(self) -> Adapt:
        """Translation learns from pairs, everything else from text; a share has something to be of."""
        wanted, other = ("pairs", "corpus") if self.objective == "translation" else ("corpus", "pairs")
        parts = self.domains | ({} if self.general is None else {"general": self.general})
        for name, domain in parts.items():
            if not getattr(domain, wanted) or getattr(domain, other):
                raise ValueError(f"{name}: objective: {self.objective} learns from {wanted}; give it {wanted} alone")
            given = [part.weight is not None for part in getattr(domain, wanted)]
            if any(given) and not all(given):
                raise ValueError(f"{name}: give every part of the {wanted} a weight, or none")
        if self.corpus:
            raise ValueError("corpus: text to adapt to stands under domains: {NAME: {corpus: ...}}")
        if (self.general is not None) != (self.general_share > 0):
            raise ValueError("general and general_share (above 0) go together; give both or neither")
        if self.adversary is not None:
            raise ValueError("adversary is for the makers pretrain and scale; leave it out")
        return self

    @model_validator(mode="after")
    def steps_that_can_be_kept(self) -> Adapt:
        """Steps rise, and there are as many as are averaged."""
        if list(self.steps) != sorted(set(self.steps)) or self.steps[0] < 0:
            raise ValueError(f"steps must rise: {list(self.steps)}")
        if any(not 2 <= count <= len(self.steps) for count in self.average):
            raise ValueError(f"average: {list(self.average)}; expected 2 to {len(self.steps)}, the steps kept")
        return self

    def trained_as(self, domain: Domain) -> Pretrain:
        """The recipe of what is done with the data of one domain, or with the general data."""
        shared = (set(Pretrain.model_fields) & self.model_fields_set) - {"maker", "protocol", "corpus"}
        fields = {name: getattr(self, name) for name in shared}
        fields |= {"maker": "pretrain", "objective": self.objective, "pairs": domain.pairs, "corpus": domain.corpus}
        return Pretrain.model_validate(fields)

    def averages(self, run: str) -> dict[str, list[str]]:
        """Members of a run that are means, and what they are means of."""
        return {f"{run}/average={n}": [f"{run}/step={step}" for step in self.steps[-n:]] for n in self.average}

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        return tuple(
            name
            for domain in self.domains
            for run in (f"domain={domain}/seed={seed}" for seed in self.seeds)
            for name in (*(f"{run}/step={step}" for step in self.steps), *self.averages(run))
        )

    def training_tokens(self) -> int:
        """Every run is trained to its last step; of pairs the most tokens there may be."""
        return sum(self.trained_as(domain).training_tokens() for domain in self.domains.values())
