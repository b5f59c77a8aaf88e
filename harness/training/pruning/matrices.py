"""Which weights of a model may be pruned.

Weights of every linear layer of the body, and the table of input embeddings where it is asked for: in BERT the queries,
keys, values and outputs of attention, the two matrices of the feed-forward, the pooler, and the word embeddings. Not
biases, normalisations, tables of positions and segments, nor a head. A weight that is used twice counts once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch

from harness.checkpoints.layer import matrices_in
from harness.checkpoints.pruned import EMBEDDINGS
from harness.errors import HarnessError


def matrices_of(model: Any, embeddings: bool) -> dict[str, torch.Tensor]:
    """Weights that may be pruned, by name of parameter.

    Raises:
        HarnessError: no linear layer was found.
    """
    head = getattr(model, "get_output_embeddings", lambda: None)()
    table = model.get_input_embeddings().weight
    body = model.base_model
    modules = [module for module in map(body.get_submodule, matrices_in(body)) if module is not head]
    linear = {id(module.weight) for module in modules}
    if not linear:
        kinds = Counter(type(module).__name__ for module in model.modules())
        listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(8))
        raise HarnessError(
            f"{type(model).__name__} has no linear layer that could be pruned: found {listed}; expected nn.Linear or Conv1D"
        )
    chosen = (linear - {id(table)}) | ({id(table)} if embeddings else set())
    return {name: parameter for name, parameter in model.named_parameters() if id(parameter) in chosen}


def names_in_body(model: Any, names: Iterable[str]) -> list[str]:
    """Names of parameters as they are within the body; that of the input embeddings is ``embeddings``."""
    parameters, table = dict(model.named_parameters()), model.get_input_embeddings().weight
    prefix = "" if model.base_model is model else f"{model.base_model_prefix}."
    return [EMBEDDINGS if parameters[name] is table else name.removeprefix(prefix) for name in names]
