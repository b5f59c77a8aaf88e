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

``duplicate``: k copies as they are are written and the first alone is read: the other copies have gains and weights of zero. The
epsilon is kept, so that the configuration is that of a larger model trained from scratch. What reads a normalisation's
output, and its gain, keep their traces. Those of what writes grow a little, by a share of about 1 / old: a normalisation over k
copies takes away 1 / k of what it took of the gradient along its mean and its output. Where the normalised is the
hidden state itself (each layer of BERT, the embeddings of ModernBERT) its reader sees all copies: trace times k; so, with a
tied head, do the last gain and bias, since the embeddings have all copies.

``zeros``: as Liu et al. have it, for any new width. RMSNorm has no mean: gains are multiplied by sqrt(old / new) and the
epsilon by old / new; traces are kept but for the gains', which are multiplied by new / old. LayerNorm's mean must be zero, so
that all that is written is centred first, which changes nothing where only normalisations read the hidden state: an
untied head, and no normalisation whose output is part of the stream. The mean over the wider vector then leaves one
direction more free, and the trace of what writes is a little larger. For a tied head no way is known here: what embeds cannot be centred
without moving logits, and no spare coordinate can take up the mean without adding to the variance.

Why ``isometric`` reads all copies in equal parts and ``duplicate`` one: the former is an isometry with the gradients that it has
from there; with the latter equal parts would shorten the gradient of the hidden state by sqrt(k), and divide the trace of all that
writes to it by k. S_row is not kept, since noise relative to a row is less on copies and on zeros: ``isometric`` divides it by k, the
other two divide the part of what reads the hidden state by new / old.
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
READ = ("norm", "norm bias", "final norm", "final norm bias", "read", "read residual", "read head")


def hidden_axes(old: Sizes, new: Sizes, width: str) -> Mapping[str, Axis]:
    """The axes that have to do with the hidden state."""
    if width == "zeros":
        plain, gain = padded(old.hidden, new.hidden), padded(old.hidden, new.hidden, sqrt(old.hidden / new.hidden))
        return dict.fromkeys(("write", *READ), plain) | {"norm": gain, "final norm": gain}
    if width == "duplicate":
        copied = dict.fromkeys(
            ("write", "residual norm", "residual norm bias", "head"), tiled(old.hidden, new.hidden, 1.0)
        )
        return dict.fromkeys(READ, padded(old.hidden, new.hidden)) | copied
    share = tiled(old.hidden, new.hidden, sqrt(old.hidden / new.hidden))
    shared = ("write", "residual norm", "residual norm bias", *READ)
    return dict.fromkeys(shared, share) | {"head": tiled(old.hidden, new.hidden, 1.0)}


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
