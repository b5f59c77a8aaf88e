"""A wider hidden state: how it holds the old one, so that every normalisation gives the same values.

Liu et al. (arXiv 2210.14199, App. B) compare models of several sizes by putting the smaller into the larger with zeros.
Write the larger hidden state as P h, ``(new,)``. With zeros P is an isometry, P'P = 1, so that every gradient keeps its
length and the trace of the Fisher matrix is that of the small model. Zeros alone change LayerNorm's mean and variance.
Three ways are exact:

``isometric``: k = new / old copies of each coordinate, divided by sqrt(k). Mean and variance are those of h and of h'h / k,
so the normalisations' epsilon, a number in the configuration, is divided by k. What is written to the hidden state, what is
read from it and gains are divided by sqrt(k). P is an isometry and gradients are the same for all copies: **Tr(G) of all
weights is that of the start**, the number that a common parameterisation is for. Not where the epsilon is fixed in
the code (OPT), nor where the head normalises what comes out of an activation, which copies cannot shrink (masked models);
BERT's 1e-12 is let pass, since in float32 it vanishes beside any variance. The gradients of that head's first layer alone
are divided by k. Qwen 3 normalises queries and keys with the same epsilon: they are divided by sqrt(k), and the traces of what makes
them alone are multiplied by k.

``duplicate``: k copies as they are; the epsilon is kept, so that the configuration is that of a larger model trained from
scratch and the two may lie on one line in weight space. The residual stream is sqrt(k) longer: traces of what writes to it
are divided by k. With a normalisation at the end of each layer (BERT) those of what reads it are multiplied by k. Raw traces
are then comparable by block, with that factor, and not in sum.

``zeros``: as Liu et al. have it, for any new width. RMSNorm has no mean: gains are multiplied by sqrt(old / new) and the
epsilon by old / new; traces are kept but for the gains', which are multiplied by new / old. LayerNorm's mean must be zero, so
that all that is written is centred first, which changes nothing where only normalisations read the hidden state: an
untied head, and no normalisation whose output is part of the stream. The mean over the wider vector then leaves one
direction more free, and the trace is a little larger. (For a tied head no linear P does it when new < 2 old: the
coordinates that are not read would have to carry what is missing of the variance, and are too few.)

Copies are read in equal parts. All on one copy would be the same function, but the others would have another gradient, and
the trace would depend on which one was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

from harness.errors import HarnessError
from harness.makers.enlargement.architectures import Architecture
from harness.makers.enlargement.axes import Axis, padded, tiled
from harness.makers.enlargement.sizes import Sizes

NO_EPSILON = 1e-11
"""An epsilon that float32 does not see beside a variance of 1e-3."""


def hidden_axes(old: Sizes, new: Sizes, width: str, architecture: Architecture, *, tied: bool) -> Mapping[str, Axis]:
    """The axes that have to do with the hidden state."""
    if width == "zeros":
        plain, gain = padded(old.hidden, new.hidden), padded(old.hidden, new.hidden, sqrt(old.hidden / new.hidden))
        words = ("write", "read", "read head", "norm bias", "final norm bias")
        return dict.fromkeys(words, plain) | {"norm": gain, "final norm": gain}
    copies = new.hidden // old.hidden
    read = 1 / sqrt(copies)
    stream = read if width == "isometric" else 1.0
    final = 1 / (copies * stream) if tied else read
    scales = {
        "write": stream, "residual norm": stream, "residual norm bias": stream, "read residual": 1 / (copies * stream),
        "norm": read, "norm bias": read, "read": 1 / (copies * read), "head": 1.0,
        "final norm": final, "final norm bias": final, "read head": 1 / (copies * final),
    }  # fmt: skip
    return {word: tiled(old.hidden, new.hidden, scale) for word, scale in scales.items()}


def epsilon_factor(old: Sizes, new: Sizes, width: str) -> float:
    """By what the normalisations' epsilon is multiplied."""
    return 1.0 if width == "duplicate" else old.hidden / new.hidden


def is_centred(old: Sizes, new: Sizes, width: str, architecture: Architecture) -> bool:
    """Whether what is written to the hidden state is centred first."""
    return width == "zeros" and architecture.norm == "layer" and new.hidden > old.hidden


def refuse_width(
    old: Sizes, new: Sizes, width: str, architecture: Architecture, *, tied: bool, epsilon: float | None
) -> None:
    """Raise where a way to widen is not exact.

    Raises:
        HarnessError: naming the reason and a way that is.
    """
    if new.hidden == old.hidden:
        return
    why_no_zeros = no_zeros(architecture, tied=tied)
    if width == "zeros" and why_no_zeros:
        raise HarnessError(f"width: zeros is not exact here: {why_no_zeros}; use a multiple of {old.hidden} and copies")
    if width != "zeros" and new.hidden % old.hidden:
        other = why_no_zeros or f"width: zeros can reach {new.hidden}"
        raise HarnessError(f"hidden_size {new.hidden} is no multiple of {old.hidden}, as copies need; {other}")
    if width == "isometric" and epsilon is None:
        raise HarnessError("width: isometric divides the epsilon, which this architecture fixes; use width: duplicate")
    if width == "isometric" and architecture.has("head") and (epsilon or 0.0) > NO_EPSILON:
        raise HarnessError(
            f"width: isometric divides the epsilon of {epsilon}, but the head normalises what comes out of an activation "
            "and needs it as it is; use width: duplicate"
        )


def no_zeros(architecture: Architecture, *, tied: bool) -> str:
    """Why zeros cannot be added, empty where they can."""
    if architecture.norm == "rms":
        return ""
    if architecture.epsilon is None:
        return "zeros scale LayerNorm's epsilon, which this architecture fixes"
    if architecture.has("residual norm"):
        return "zeros change LayerNorm's mean, and the output of one is part of the hidden state"
    return "zeros change LayerNorm's mean, and the embeddings, being the head too, cannot be centred" if tied else ""
