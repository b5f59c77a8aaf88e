"""Maker ``scale``: a grid of language models over sizes N and training tokens D, trained as ``pretrain`` trains.

Each member's ``harness.json`` and its line in ``family.yaml`` tell N (without embeddings) and D.
"""

from __future__ import annotations

from harness.makers.pretrain import VERSION, make, parameters

__all__ = ["VERSION", "make", "parameters"]
