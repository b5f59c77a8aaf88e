"""Whether a model that says it is causal looks at later tokens."""

from __future__ import annotations

from typing import Any

import torch

LENGTH = 8
LOOSEST = 1e-2


def looks_ahead(model: Any) -> bool:
    """Change the last of eight tokens: a causal model's logits at the seven before it stay where they were.

    The tolerance, 100 roundings of the model's dtype and at most 1 % of the logits' standard deviation, allows for
    kernels that sum in another order.
    """
    vocabulary = model.get_input_embeddings().num_embeddings
    first = torch.arange(LENGTH, device=model.device)[None] % vocabulary  # (1, T)
    second = first.clone()
    second[0, -1] = vocabulary - 1
    with torch.no_grad():
        before, after = (model(input_ids=ids).logits.float()[0, :-1] for ids in (first, second))  # (T - 1, V)
    tolerance = min(100 * torch.finfo(model.dtype).eps, LOOSEST)
    return bool((before - after).abs().max() > tolerance * before.std())
