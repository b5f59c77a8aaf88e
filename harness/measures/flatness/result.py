"""A measured trace with all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.measures.flatness.accumulate import Draws
from harness.measures.flatness.blocks import block_of, layer_of
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.stopping import StoppingRule

HEAVY_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Part:
    """What a block or layer holds: its trace, in the unit of the whole, and its share of the whole."""

    trace: float
    stderr: float
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class SequenceTerms:
    """Per sequence, for paired comparisons: divide a term by its tokens to have the sequence's own trace."""

    cluster: NDArray[np.int64]
    tokens: NDArray[np.int64]
    trace: NDArray[np.float64]
    row_normalised: NDArray[np.float64]


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
        row_normalised: ``S_row``, nats per token: noise of relative size rho in each row raises the loss
            by ``rho^2 S_row / 2``.
        row_normalised_stderr: Its standard error, by document.
        nats_per_token: Loss of the true labels on the same tokens.
        clusters: Documents.
        sequences: Sequences drawn.
        tokens: Scored tokens.
        bytes: UTF-8 bytes of the scored tokens, as the sequences gave them.
        by_block: Parts by block ("embedding", "attention", "mlp", "norm+bias", "head", "other").
        by_layer: Parts by layer, in the model's order.
        parameters: Parameters counted, tied ones once.
        frozen: Parameters left out since they require no gradient.
        tied: Second names of tied tensors.
        unused: Tensors that no sequence's loss depends on; they count as zero.
        dtype: Floating type of the parameters.
        kernel: Attention kernel.
        seed: Seed of the sampled labels or probes.
        warnings: What a reader must know.
        terms: Per sequence, in the order drawn.
    """

    quantity: str
    trace: float
    stderr: float
    low: float
    high: float
    reached: float
    precision: float | None
    row_normalised: float
    row_normalised_stderr: float
    nats_per_token: float
    clusters: int
    sequences: int
    tokens: int
    bytes: int
    by_block: dict[str, Part]
    by_layer: dict[str, Part]
    parameters: int
    frozen: int
    tied: tuple[str, ...]
    unused: tuple[str, ...]
    dtype: str
    kernel: str
    seed: int
    warnings: tuple[str, ...]
    terms: SequenceTerms = field(compare=False, repr=False)


def summarise(
    quantity: str, draws: Draws, layout: ParameterLayout, rule: StoppingRule, dtype: str, kernel: str, seed: int
) -> FlatnessResult:
    """Turn draws into a result."""
    by_tensor, rows = draws.trace(), draws.row_normalised().sum(1)
    terms = by_tensor.sum(1)
    whole, row_normalised = draws.estimate(terms), draws.estimate(rows)
    tokens = draws.tokens()
    blocks = [block_of(name, tensor.ndim) for name, tensor in zip(layout.names, layout.tensors, strict=True)]
    used = np.any([draw.used for draw in draws.draws], axis=0)
    return FlatnessResult(
        quantity=quantity,
        trace=whole.value,
        stderr=whole.stderr,
        low=whole.low,
        high=whole.high,
        reached=whole.relative_half_width,
        precision=rule.precision,
        row_normalised=row_normalised.value,
        row_normalised_stderr=row_normalised.stderr,
        nats_per_token=sum(draw.loss for draw in draws.draws) / int(tokens.sum()),
        clusters=whole.clusters,
        sequences=len(tokens),
        tokens=int(tokens.sum()),
        bytes=draws.bytes,
        by_block=_parts(blocks, by_tensor, draws),
        by_layer=_parts([layer_of(name) for name in layout.names], by_tensor, draws),
        parameters=layout.parameters,
        frozen=layout.frozen,
        tied=layout.tied,
        unused=tuple(name for name, seen in zip(layout.names, used, strict=True) if not seen),
        dtype=dtype,
        kernel=kernel,
        seed=seed,
        warnings=tuple(_warnings(terms, whole.relative_half_width, rule, dtype, draws.unscored)),
        terms=SequenceTerms(np.array(draws.clusters), tokens, terms, rows),
    )


def _parts(words: list[str], by_tensor: NDArray[np.float64], draws: Draws) -> dict[str, Part]:
    """Sum the tensors of each word; a share of a zero trace is zero."""
    whole = by_tensor.sum()
    parts = {}
    for word in dict.fromkeys(words):
        terms = by_tensor[:, [w == word for w in words]].sum(1)
        estimate = draws.estimate(terms)
        parts[word] = Part(estimate.value, estimate.stderr, float(terms.sum() / whole) if whole else 0.0)
    return parts


def _warnings(
    terms: NDArray[np.float64], reached: float, rule: StoppingRule, dtype: str, unscored: int
) -> Iterable[str]:
    if rule.precision is not None and reached > rule.precision:
        yield f"precision not reached: asked {rule.precision:.1%}, reached {reached:.1%} after {len(terms)} sequences"
    magnitudes = np.abs(terms)
    heaviest = float(magnitudes.max() / magnitudes.sum()) if magnitudes.sum() else 0.0
    if heaviest > HEAVY_SHARE:
        yield f"heavy tail: one sequence holds {heaviest:.0%} of the sum, so that the interval may be too narrow"
    if "bfloat16" in dtype:
        yield "measured in bfloat16: single gradients differ from float32 by up to about 0.3 %"
    if unscored:
        yield f"{unscored} sequences without a scored token were passed over"
