"""What is fitted and what comes out: plain frozen values, shared with the board and the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.slopes.chance_exit import ChanceExit
    from harness.slopes.curves.least_squares import Fitted
    from harness.slopes.families import Comparison
    from harness.slopes.fit import Work
    from harness.slopes.ordinary_least_squares import Array
    from harness.slopes.supremum_f import Break


@dataclass(frozen=True, slots=True)
class Axis:
    """A metric of a task: what stands on x or y.

    ``chance`` is what a predictor gets that has learned nothing, ``best`` what a perfect one gets; None where unknown.
    ``several`` says that slopes are fitted on several metrics of this upstream task, so that its name is not enough.
    """

    task: str
    metric: str
    unit: str
    higher_is_better: bool
    chance: float | None = None
    best: float | None = None
    several: bool = False

    @property
    def title(self) -> str:
        """What an upstream axis is called: its task, with the metric where one task gives several axes.

        >>> Axis("news", "bleu", "BLEU", True).title, Axis("news", "bleu", "BLEU", True, several=True).title
        ('news', 'news bleu')
        """
        return f"{self.task} {self.metric}" if self.several else self.task


@dataclass(frozen=True, slots=True)
class Point:
    """One checkpoint in one cell; ``y`` is the mean over ``seeds`` seeds.

    ``x_floor`` and ``y_floor`` are what this checkpoint would get without having learned the task, where its records say
    so, such as the BLEU of a copied source; they stand before the chance of the axis.
    """

    checkpoint: str
    name: str
    run: str
    step: int | None
    x: float
    y: float
    x_stderr: float | None = None
    y_stderr: float | None = None
    seeds: int = 1
    partial: bool = False
    x_floor: float | None = None
    y_floor: float | None = None


@dataclass(frozen=True, slots=True)
class ExampleErrors:
    """How the values of a cell's checkpoints move together with the choice of examples, that all were scored on alike.

    Attributes:
        y: (n, n) covariance of the downstream values under other test examples; n as in ``points`` without those at a
            floor or ceiling.
        x: (n, n) likewise of the upstream values; zero where the outcomes of its examples are not at hand.
        xy: (n, n) of x_i with y_j; zero unless both are measured on the same examples.
    """

    y: Array
    x: Array
    xy: Array


@dataclass(frozen=True, slots=True)
class Cell:
    """One line to fit: a family, what is upstream, what is downstream, and the points.

    ``incomparable`` says why the points may not share a line (two signatures on one axis, two objectives, ...);
    ``examples`` is there where the outcomes of single examples are.
    """

    family: str
    upstream: Axis
    downstream: Axis
    points: tuple[Point, ...]
    incomparable: str | None = None
    examples: ExampleErrors | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval; ``method`` names how it was computed."""

    low: float
    high: float
    method: str
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Flag:
    """A refusal or a warning: its code, and one sentence on what was found and what to do about it."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One estimate of the native slope dy/dx with its interval.

    For a curve ``slope`` is its average over the window and the intercept that of the chord.
    """

    method: str
    slope: float
    intercept: float
    interval: Interval
    censored: bool = False
    """Whether points at the floor or ceiling of the metric were left in, for comparison with a headline without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The answer for one cell.

    ``transfer_slope`` and ``interval`` are in units of ``downstream.unit`` per ``per`` of the upstream unit
    (0.1 nat for a loss, else 1), with the sign turned so that positive is good transfer: the downstream metric
    gets better as the upstream one does. They are None exactly when ``status`` is "refused".
    ``slope`` and ``intercept`` are the headline line in native units, y = intercept + slope x; of a curve the chord
    over ``window``, whose slope is the average marginal slope.
    """

    cell: Cell
    status: str  # "ok", "provisional", "trajectory" or "refused"
    refusals: tuple[Flag, ...]
    flags: tuple[Flag, ...]
    n_points: int
    n_runs: int
    n_levels: int
    window: tuple[float, float] | None = None
    per: float = 0.1
    slope: float | None = None
    intercept: float | None = None
    transfer_slope: float | None = None
    interval: Interval | None = None
    lines: tuple[Line, ...] = ()
    r2: float | None = None
    q2: float | None = None
    q2_method: str | None = None
    max_leverage: float | None = None
    max_cook: float | None = None
    residual_sd: float | None = None
    model: str | None = None
    """The curve picked, such as "linear" or "sigmoid"."""
    fitted: Fitted | None = field(default=None, repr=False, compare=False)
    work: Work | None = field(default=None, repr=False, compare=False)
    """What it was made of, until the families of its task were compared."""
    tried: tuple[tuple[str, float], ...] = ()
    """Every curve tried with its left-out error in units of y, best first."""
    line_r2: float | None = None
    line_q2: float | None = None
    spearman: float | None = None
    isotonic_r2: float | None = None
    """Form-free checks: rank correlation, and the R2 of the best monotone curve, which no curve of the menu that only rises
    or only falls can beat."""
    reliability: float | None = None
    y_noise: float | None = None
    """Root mean square standard error of y, to hold against ``residual_sd``."""
    broken: Break | None = None
    chance_exit: ChanceExit | None = None
    """Between which checkpoints the metric leaves chance, floor points included; None where it does not in this window."""
    excluded: tuple[tuple[str, str], ...] = ()
    """Points left out by rule: name, and "floor" or "ceiling"."""
    p_value: float | None = None
    q_value: float | None = None
    """``p_value`` of the headline's sign, and the same adjusted for all cells of the board (Benjamini-Hochberg)."""
    stderr: float | None = None
    """Standard error of ``slope`` that its interval stands for, native."""
    freedom: float | None = None
    """Its degrees of freedom."""
    example_stderr: float | None = None
    """Of the transfer slope, by which other test examples, and other text upstream, would move it; the interval allows for
    it. None where outcomes of examples are not at hand."""
    rank: tuple[int, int] | None = None
    comparison: Comparison | None = field(default=None, repr=False, compare=False)
    shrunken: float | None = None
    """The transfer slope drawn towards the mean of families (empirical Bayes), beside the raw one."""
    verdict: str = "refused"  # "positive", "negative", "flat", "undecided" or "refused"
    smallest_detectable: float | None = None
    """For every fit: the |transfer slope| that this design would have called non-zero with 80 % power."""
