"""What is compared and what comes out: plain frozen values, shared with the report and the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from harness.results.record import Record

Group = Literal["metric", "slope", "loss", "flatness", "cost"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""Sorts of cells, each of which may be made to fail a comparison."""

Verdict = Literal["worse", "better", "equivalent", "undecided", "missing", "incomparable", "accepted"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Name:
    """What a cell is called: a task, a metric of it, and a checkpoint by a name that both sides know.

    Of a slope the checkpoint is a family, and the metric says on which upstream task; of a cost it is ``*``.
    """

    task: str
    metric: str
    checkpoint: str

    def __str__(self) -> str:
        """For people.

        >>> str(Name("glue/rte", "accuracy", "org/model"))
        'glue/rte accuracy of org/model'
        """
        return f"{self.task} {self.metric} of {self.checkpoint}"


@dataclass(frozen=True, slots=True)
class Measured:
    """One side of a cell: the records of one checkpoint under one signature, one for each seed."""

    records: tuple[Record, ...]
    tokenizer: str | None = None
    kind: str | None = None
    parts: Mapping[str, object] = field(default_factory=dict)

    @property
    def signature(self) -> str:
        """What decides whether two sides may be compared."""
        return self.records[0].signature

    @property
    def value(self) -> float:
        """Mean over seeds, in the metric's own unit."""
        values = [record.value for record in self.records if record.value is not None]
        return sum(values) / len(values)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of a metric that has randomness of its own; empty for one that has none."""
        return tuple(record.seed for record in self.records if record.seed is not None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A cell of the baseline and what stands in its place now; ``now`` is None where nothing does, ``why`` then says so.

    ``why`` is also set where something does that may not be compared.
    """

    name: Name
    group: Group
    before: Measured
    now: Measured | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Now minus before, and how sure that is.

    Attributes:
        value: In the unit of the metric; its sign is not turned.
        stderr: Its standard error; None where none can be given.
        freedom: Degrees of freedom of the standard error.
        method: How it was computed.
        examples: Clusters of examples both were scored on; 0 where outcomes are not at hand.
        seeds: Seeds of the side that has fewer; 0 where there is no randomness.
        seed_variance: What seeds add to ``stderr`` squared.
        example_variance: What examples add to it.
        exact: One-sided p by an exact test at zero, in the direction in which it moved, where there is one.
        unchanged: Whether every outcome is what it was.
    """

    value: float
    stderr: float | None
    freedom: float
    method: str
    examples: int = 0
    seeds: int = 0
    seed_variance: float = 0.0
    example_variance: float = 0.0
    exact: float | None = None
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Flips:
    """Rows of the scored split whose outcome moved, by how far; of very many the first, and how many there are."""

    worse: tuple[int, ...]
    better: tuple[int, ...]
    n_worse: int
    n_better: int
    scored: int


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The smallest difference that matters, in the metric's unit or as a share of the baseline's value.

    ``because`` says why, or that nobody said.
    """

    amount: float
    relative: bool = False
    because: str = ""

    def of(self, value: float) -> float:
        """In the metric's unit.

        >>> Tolerance(0.01).of(0.8), Tolerance(0.05, relative=True).of(-200.0)
        (0.01, 10.0)
        """
        return self.amount * abs(value) if self.relative else self.amount

    def __str__(self) -> str:
        """As it is written.

        >>> str(Tolerance(0.05, relative=True)), str(Tolerance(0.01))
        ('5%', '0.01')
        """
        return f"{100 * self.amount:g}%" if self.relative else f"{self.amount:g}"


@dataclass(frozen=True, slots=True)
class Compared:
    """A cell that can be tested, before what is said of all of them together.

    ``gain`` is the difference with its sign turned so that positive is better; ``copies`` names the cell whose
    difference this one repeats in another unit, which is then tested once.
    """

    name: Name
    group: Group
    unit: str
    higher_is_better: bool
    before: float
    now: float
    difference: Difference
    tolerance: Tolerance
    least_seeds: int = 0
    flips: Flips | None = None
    copies: Name | None = None
    note: str = ""

    @property
    def gain(self) -> float:
        """Positive for the better."""
        return self.difference.value if self.higher_is_better else -self.difference.value

    @property
    def margin(self) -> float:
        """The smallest difference that matters, in the metric's unit."""
        return self.tolerance.of(self.before)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of one cell.

    Attributes:
        p_worse: One-sided p of "the loss is no more than the tolerance", adjusted by Holm over the cells tested.
        p_better: Likewise of the gain.
        low: Lower end of the 95 % interval of ``gain``, of this cell alone.
        high: Upper end.
        needed: What would decide it, in words; empty where it is decided.
        gated: Whether it counts for the exit status.
    """

    name: Name
    group: Group
    verdict: Verdict
    text: str
    gated: bool
    tested: Compared | None = None
    p_worse: float | None = None
    p_better: float | None = None
    low: float | None = None
    high: float | None = None
    needed: str = ""

    @property
    def fails(self) -> bool:
        """Whether it makes the comparison fail."""
        return self.gated and self.verdict in ("worse", "missing", "incomparable")


REGRESSED, INCOMPLETE = 1, 2


def status_of(answers: Sequence[Answer]) -> int:
    """Exit status: 1 where a gated cell is worse, else 2 where one is missing or incomparable, else 0."""
    verdicts = {answer.verdict for answer in answers if answer.fails}
    return REGRESSED if "worse" in verdicts else INCOMPLETE if verdicts else 0
