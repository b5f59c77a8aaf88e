"""An embedding table cut down to the rows that a training run reads.

The other rows have no gradient: AdamW only decays them, all by one factor, so they need no gradient, no moments and no
pass through memory at every step. With 30,000 to 250,000 rows, of which a task reads a tenth, that is most of the cost of
an update.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

WORTH_CUTTING = 0.8
"""The largest share of rows in use at which the cut still saves more than the look-up costs."""


class PartialEmbedding(nn.Module):
    """Some rows of a table, under the numbers they have in it."""

    def __init__(self, table: nn.Embedding, rows: torch.Tensor) -> None:
        """``rows``: int64 ``(R,)``, sorted."""
        super().__init__()
        places = torch.full((table.num_embeddings,), -1, dtype=torch.long, device=table.weight.device)
        places[rows] = torch.arange(len(rows), device=places.device)
        self.register_buffer("places", places, persistent=False)
        self.weight = nn.Parameter(table.weight.detach()[rows].clone())
        self.num_embeddings, self.embedding_dim = table.num_embeddings, table.embedding_dim
        self.padding_idx = None if table.padding_idx is None else int(places[table.padding_idx])

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of the table: ids of any shape to ``(*ids.shape, d)``."""
        return nn.functional.embedding(self.places[ids], self.weight, self.padding_idx)


@contextmanager
def only_rows(model: Any, ids: Iterable[int], decay: float) -> Iterator[None]:
    """Within it the model trains the rows of ``ids`` alone; after it the table is whole again.

    Args:
        model: with an ordinary table, on which nothing else depends; any other is left as it is.
        ids: every token that will be read.
        decay: what weight decay multiplies a row by that is never read.
    """
    table = model.get_input_embeddings()
    padding = [] if getattr(table, "padding_idx", None) is None else [table.padding_idx]
    rows = torch.tensor(sorted({*ids, *padding}))
    if not is_plain(model, table) or len(rows) > WORTH_CUTTING * table.num_embeddings:
        yield
        return
    partial = PartialEmbedding(table, rows)
    model.set_input_embeddings(partial)
    try:
        yield
    finally:
        with torch.no_grad():
            table.weight.mul_(decay)
            table.weight[rows.to(table.weight.device)] = partial.weight
        model.set_input_embeddings(table)


def is_plain(model: Any, table: Any) -> bool:
    """Whether the table is an ordinary one, trained, and no other part of the model uses its weights."""
    if type(table) is not nn.Embedding or table.max_norm is not None or table.scale_grad_by_freq or table.sparse:
        return False
    uses = sum(p is table.weight for _, p in model.named_parameters(remove_duplicate=False))
    return uses == 1 and table.weight.requires_grad
