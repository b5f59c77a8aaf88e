"""A measured trace with all that belongs to it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.measures.flatness.accumulate import DrawList
from harness.measures.flatness.blocks import block_of, layer_of
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.stopping import StoppingRule
from harness.measures.flatness.warnings import precision_warning, tail_warning, unscored_warning
from harness.measures.ratio import RatioEstimate, ratio_estimate

Word = TypeVar("Word", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Part:
    """What a block or layer holds: its trace, in the unit of the whole, and its share of the whole."""

    trace: float
    stderr: float
    share: float
    share_stderr: float


@dataclass(frozen=True, slots=True, eq=False)
class SequenceTerms:
    """Per draw, for paired comparisons: divide a term by its tokens to have the sequence's own trace."""

    cluster: NDArray[np.int64]
    tokens: NDArray[np.int64]
    trace: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FlatnessResult:
    """Trace of the curvature of the loss.

    Attributes:
        quantity: "fisher" (Gauss-Newton) or "hessian".
        trace: Nats per token per squared unit of parameter.
        stderr: Its standard error, by document.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        reached: Half-width of the interval over ``|trace|``.
        precision: The half-width that was asked for; None where every sequence was to be taken.
        rows: ``S_row``, nats per token: noise of relative size rho in each row raises the loss by ``rho^2 S_row / 2``.
        more: Further measures by name (see ``fisher_trace``), and each trace per byte of the scored text where its
            length is known: "layer_normalised", "element_normalised", "fisher_rao", "relative", "trace_per_byte",
            "row_normalised_per_byte".
        nats_per_token: Loss of the true labels on the same tokens.
        clusters: Documents, or groups of them.
        sequences: Sequences drawn.
        tokens: Scored tokens.
        bytes: UTF-8 bytes of the scored tokens, as the sequences gave them.
        by_block: Parts by block ("embedding", "attention", "mlp", "norm+bias", "head", "other").
        by_layer: Parts by layer, in the model's order.
        by_place: Parts by (layer, block).
        parameters: Parameters counted, tied ones once.
        frozen: Parameters left out since they require no gradient.
        tied: Second names of tied tensors.
        unused: Tensors that no sequence's loss depends on; they count as zero.
        dtype: Floating type of the parameters.
        kernel: Attention kernel.
        seed: Seed of the sampled labels or probes.
        layout: Hash of names and shapes: raw traces are comparable where it is the same.
        warnings: What a reader must know.
        terms: Per draw, in the order drawn.
    """

    quantity: str
    trace: float
    stderr: float
    low: float
    high: float
    reached: float
    precision: float | None
    rows: RatioEstimate
    more: dict[str, RatioEstimate]
    nats_per_token: float
    clusters: int
    sequences: int
    tokens: int
    bytes: int
    by_block: dict[str, Part]
    by_layer: dict[str, Part]
    by_place: dict[tuple[str, str], Part]
    parameters: int
    frozen: int
    tied: tuple[str, ...]
    unused: tuple[str, ...]
    dtype: str
    kernel: str
    seed: int
    layout: str
    warnings: tuple[str, ...]
    terms: SequenceTerms = field(compare=False, repr=False)

    @property
    def row_normalised(self) -> float:
        """``S_row``."""
        return self.rows.value

    def noise_that_costs(self, nats: float) -> RatioEstimate | None:
        """Relative noise in every row that raises the loss by ``nats`` per token, while the loss is still quadratic.

        ``rho = sqrt(2 nats / S_row)``: its interval is that of ``S_row`` seen through the root, its error by the delta
        method. None where ``S_row`` may be zero or less.
        """
        if self.rows.low <= 0:
            return None
        value, low, high = (math.sqrt(2 * nats / s) for s in (self.rows.value, self.rows.high, self.rows.low))
        return RatioEstimate(value, value * self.rows.stderr / (2 * self.rows.value), low, high, self.clusters)


def summarise(
    quantity: str,
    draws: DrawList,
    layout: ParameterLayout,
    rule: StoppingRule,
    dtype: str,
    kernel: str,
    seed: int,
    unscored: int = 0,
) -> FlatnessResult:
    """Turn draws into a result."""
    by_part, rows = draws.trace(), draws.row_normalised().sum(1)
    terms = by_part.sum(1)
    whole = draws.estimate(terms)
    tokens = draws.tokens()
    names = [(layout.names[n], layout.tensors[n].ndim) for n in layout.tensor_of_part]
    places = [(layer_of(name), block_of(name, ndim)) for name, ndim in names]
    used = np.any([draw.used for draw in draws.draws], axis=0)
    return FlatnessResult(
        quantity=quantity,
        trace=whole.value,
        stderr=whole.stderr,
        low=whole.low,
        high=whole.high,
        reached=whole.relative_half_width,
        precision=rule.precision,
        rows=draws.estimate(rows),
        more=_more(draws, layout, by_part, rows),
        nats_per_token=sum(draw.loss for draw in draws.draws) / int(tokens.sum()),
        clusters=whole.clusters,
        sequences=draws.sequences,
        tokens=int(tokens.sum()),
        bytes=sum(draws.bytes),
        by_block=_parts([block for _, block in places], by_part, draws),
        by_layer=_parts([layer for layer, _ in places], by_part, draws),
        by_place=_parts(places, by_part, draws),
        parameters=layout.parameters,
        frozen=layout.frozen,
        tied=layout.tied,
        unused=tuple(name for name, seen in zip(layout.names, used, strict=True) if not seen),
        dtype=dtype,
        kernel=kernel,
        seed=seed,
        layout=layout.fingerprint,
        warnings=tuple(_warnings(draws, whole.relative_half_width, rule, dtype, unscored)),
        terms=SequenceTerms(np.array(draws.clusters), tokens, terms),
    )


def _more(
    draws: DrawList, layout: ParameterLayout, by_part: NDArray[np.float64], rows: NDArray[np.float64]
) -> dict[str, RatioEstimate]:
    """Measures beside the trace and ``S_row``, by name."""
    found = {"layer_normalised": draws.estimate(by_part @ layout.part_weight)}
    for name in ("element_normalised", "fisher_rao", "relative"):
        if (terms := draws.more(name)) is not None:
            found[name] = draws.estimate(terms)
    if all(draws.bytes):
        found["trace_per_byte"] = draws.estimate(by_part.sum(1), draws.bytes)
        found["row_normalised_per_byte"] = draws.estimate(rows, draws.bytes)
    return found


def _parts(words: Sequence[Word], by_part: NDArray[np.float64], draws: DrawList) -> dict[Word, Part]:
    """Sum the parts of each word; a share of a zero trace is zero."""
    whole = by_part.sum(1)
    parts = {}
    for word in dict.fromkeys(words):
        terms = by_part[:, [w == word for w in words]].sum(1)
        estimate = draws.estimate(terms)
        share, share_stderr = 0.0, 0.0
        if whole.sum():
            ratio = ratio_estimate(terms, whole, np.array(draws.clusters))
            share, share_stderr = ratio.value, abs(ratio.stderr)
        parts[word] = Part(estimate.value, estimate.stderr, share, share_stderr)
    return parts


def _warnings(draws: DrawList, reached: float, rule: StoppingRule, dtype: str, unscored: int) -> Iterable[str]:
    yield from precision_warning(rule.precision, reached, draws.sequences)
    yield from tail_warning(draws.trace().sum(1), np.array(draws.clusters))
    if "bfloat16" in dtype:
        yield (
            "measured in bfloat16: labels are drawn from rounded probabilities, so that single draws differ from float32's by "
            "more than rounding; look at differences in float32"
        )
    yield from unscored_warning(unscored)
