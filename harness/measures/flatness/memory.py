"""How much memory a draw will take, told before the first one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.fixed_set import GIB
from harness.measures.flatness.forward import head_at_scored, scored_logits
from harness.measures.flatness.guard import measuring

SHARES = (0.25, 0.5, 0.75)
"""Of a sequence's length, at which memory is counted; a parabola through them goes on to the whole."""
SHORT = 32


def check_memory(
    model: nn.Module, sequences: Sequence[ScoredSequence], objective: str, *, group: int, second_order: bool,
    copies: int, free: int | None,
) -> int:  # fmt: skip
    """Estimate what a draw takes beside the model, and refuse it where it is not there.

    Args:
        model: In memory already.
        sequences: Those that may be drawn; the longest counts.
        objective: "causal", "masked" or "seq2seq".
        group: Sequences of a draw.
        second_order: Whether gradients are differentiated once more.
        copies: Further vectors as long as all parameters that are held: gradients, probes, products, moved weights.
        free: Bytes to be had; None where that is not known.

    Returns:
        Bytes.

    Raises:
        HarnessError: There is not enough memory.
    """
    longest = max(sequences, key=lambda s: s.length)
    parameters = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    needed = group * kept_for_backward(model, longest, objective, second_order) + copies * parameters
    if free is not None and needed > free:
        smaller = (
            f"lower 'group' (now {group} sequences)" if group > 1 else f"lower 'length' (now {longest.length} tokens)"
        )
        raise HarnessError(
            f"a draw needs about {needed / GIB:.1f} GiB beside the model, and {free / GIB:.1f} GiB are free: "
            f"{smaller}, or use a machine with more memory"
        )
    return needed


def kept_for_backward(model: nn.Module, sequence: ScoredSequence, objective: str, second_order: bool) -> int:
    """Bytes that the forward pass of a sequence keeps for its gradient (and the gradient for its own).

    Counted on beginnings of the sequence and continued as a parabola: attention takes the square of the length.
    """
    whole = len(sequence.ids)
    lengths = sorted({max(2, round(share * whole)) for share in SHARES} if whole > SHORT else {whole})
    with measuring(model), sdpa_kernel(SDPBackend.MATH) if second_order else nullcontext():
        counted = [_kept(model, _beginning(sequence, n), objective, second_order) for n in lengths]
    if len(lengths) == 1:
        return counted[0]
    return max(counted[-1], int(np.polyval(np.polyfit(lengths, counted, len(lengths) - 1), whole)))


def _kept(model: nn.Module, sequence: ScoredSequence, objective: str, second_order: bool) -> int:
    """Bytes of the tensors that autograd saves, parameters left out, each storage once."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    sizes: dict[int, int] = {}
    held = []  # a storage that is freed lends its address to the next

    def count(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
            held.append(tensor)
        return tensor

    trainable = [p for p in model.parameters() if p.requires_grad]
    with (
        head_at_scored(model, sequence, objective) as head,
        torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor),
    ):
        loss = cross_entropy(*scored_logits(model, sequence, objective, head), reduction="sum")
        if second_order:
            torch.autograd.grad(loss, trainable, create_graph=True, allow_unused=True)
    return sum(sizes.values())


def _beginning(sequence: ScoredSequence, length: int) -> ScoredSequence:
    """The first tokens of a sequence, with as much of its source; all of them scored where none of the first were."""
    share = length / len(sequence.ids)
    source = None if sequence.source is None else sequence.source[: max(2, round(share * len(sequence.source)))]
    ids, labels = sequence.ids[:length], sequence.labels[:length]
    return replace(sequence, ids=ids, labels=ids if (labels[1:] < 0).all() else labels, source=source)
