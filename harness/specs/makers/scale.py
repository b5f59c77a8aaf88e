"""Recipe of the maker ``scale``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.makers.ladder import Size
from harness.specs.makers.model import WHOLE_SPREAD
from harness.specs.makers.pretrain import LanguageModels, TextObjective, TrainingRun
from harness.specs.task import Positive


class Scale(LanguageModels):
    """A grid of sizes N and training tokens D, as in Kaplan et al. 2020 (arXiv 2001.08361).

    N counts parameters without the embeddings of tokens and positions, D the tokens that a checkpoint was trained on,
    repeated ones included.
    """

    VARIES = "size, tokens"

    maker: Literal["scale"]
    objective: TextObjective = "causal"
    tokens: Annotated[tuple[Positive, ...], Strict(False), WHOLE_SPREAD, Field(min_length=1)] = Field(
        description="training tokens D; each is rounded to whole steps of batch_size x length"
    )
    runs: Literal["shared", "per_budget"] = Field(
        "shared",
        description="shared: the budgets are checkpoints of one run a size and seed (schedule: constant); per_budget: a run "
        "for each, whose schedule ends there",
    )

    @model_validator(mode="after")
    def schedule_that_fits(self) -> Scale:
        """A decaying schedule belongs to runs of one budget each."""
        if "model_type" not in self.architecture:
            raise ValueError("architecture needs model_type (such as gpt2 or llama)")
        if (self.runs == "per_budget") == (self.schedule == "constant"):
            raise ValueError(
                f"runs: {self.runs} with schedule: {self.schedule}; checkpoints of one run belong to a constant schedule, "
                "and a run for each budget to cosine or linear, which end at 0 there"
            )
        for run in self.named_runs():
            steps = [self.steps_of(tokens, run[2]) for tokens in self.tokens]
            if steps != sorted(set(steps)):
                raise ValueError(
                    f"tokens must rise by at least a step of {self.tokens_of(1, run[2]):,} tokens: {list(self.tokens)}"
                )
        return self

    def tokens_of(self, steps: int, size: Size) -> int:
        """Tokens of so many steps."""
        return steps * self.of(size).batch_size * self.length

    def steps_of(self, tokens: int, size: Size) -> int:
        """Whole steps nearest to a number of tokens, at least one."""
        return max(1, round(tokens / self.tokens_of(1, size)))

    def training_runs(self) -> tuple[TrainingRun, ...]:
        """One run a size and seed, or one a size, seed and budget."""
        found = []
        for name, seed, size in self.named_runs():
            kept = {self.steps_of(tokens, size): f"{name}/tokens={tokens}" for tokens in self.tokens}
            if self.runs == "shared":
                found.append(TrainingRun(name, seed, size, kept, sized=True))
            else:
                found += [TrainingRun(member, seed, size, {step: member}, sized=True) for step, member in kept.items()]
        return tuple(found)

    def settings(self, member: str) -> dict[str, Any]:
        """As of every maker; tokens are those of whole steps."""
        found = super().settings(member)
        sizes = {size.name: size for size in self.ladder()}
        size = sizes.get(found.get("size", ""), next(iter(sizes.values())))
        return found | {"tokens": self.tokens_of(self.steps_of(found["tokens"], size), size)}
