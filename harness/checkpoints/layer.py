"""One transformer layer: what each of its weights does, told apart by the names that transformers gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from harness.checkpoints.packed import packed_parts
from harness.errors import HarnessError

Role = Literal["query", "key", "value", "packed", "output", "in", "gate", "packed in", "out", "other"]
Part = Literal["attention", "cross-attention", "feed-forward"]

CROSS_ATTENTION = re.compile(r"crossattention|cross_attn|encoder_attn|EncDecAttention")
ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
NORM = re.compile(r"norm|^ln(_|\d|$)", re.IGNORECASE)
OF_ATTENTION: dict[str, Role] = {
    **dict.fromkeys(("query", "q", "q_proj", "q_lin", "query_proj"), "query"),
    **dict.fromkeys(("key", "k", "k_proj", "k_lin", "key_proj"), "key"),
    **dict.fromkeys(("value", "v", "v_proj", "v_lin", "value_proj"), "value"),
    **dict.fromkeys(("c_attn", "Wqkv", "query_key_value", "qkv_proj", "in_proj", "qkv"), "packed"),
    **dict.fromkeys(("dense", "o", "o_proj", "out_proj", "c_proj", "out_lin", "Wo"), "output"),
}  # fmt: skip
OF_FEED_FORWARD: dict[str, Role] = {
    **dict.fromkeys(("fc1", "c_fc", "lin1", "wi", "wi_1", "up_proj", "ffn", "dense_h_to_4h", "intermediate.dense"), "in"),
    **dict.fromkeys(("gate_proj", "wi_0"), "gate"),
    **dict.fromkeys(("gate_up_proj", "Wi"), "packed in"),
    **dict.fromkeys(("fc2", "c_proj", "lin2", "wo", "Wo", "down_proj", "ffn_output", "dense_4h_to_h", "output.dense"), "out"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A weight of a layer with two axes.

    Attributes:
        name: of the parameter in the model.
        parameter: ``(outputs, inputs)``, or ``(inputs, outputs)`` where it is ``transposed``, as GPT-2 stores it.
        part: what it belongs to.
        role: ``packed`` holds queries, keys and values, ``packed in`` gate and input; ``other`` is known by no name, such
            as the projections of relative positions.
        transposed: whether outputs are columns.
        bias: its bias, if it has one.
    """

    name: str
    parameter: nn.Parameter
    part: Part
    role: Role
    transposed: bool
    bias: nn.Parameter | None

    @property
    def outputs(self) -> int:
        """Number of output units."""
        return int(self.parameter.shape[1 if self.transposed else 0])

    @property
    def inputs(self) -> int:
        """Number of input units."""
        return int(self.parameter.shape[0 if self.transposed else 1])


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """A bias, a part of a normalisation, or a parameter of another shape that is neither."""

    name: str
    parameter: nn.Parameter


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One transformer layer.

    Attributes:
        stack: ``encoder`` or ``decoder`` of a sequence-to-sequence model; else empty.
        number: its place in the stack, from 0.
        name: of the module in the model.
        module: the layer.
        matrices: of attention, cross-attention and feed-forward part, in the model's order.
        norms: gains and biases of normalisations.
        biases: of the matrices.
        others: all else, such as T5's table of relative positions.
        heads: of attention (queries).
        key_value_heads: fewer where several heads share keys and values.
        head_dim: units of one head.
        packed: which of the outputs of each packed matrix are queries, keys and values (0, 1, 2).
    """

    stack: str
    number: int
    name: str
    module: nn.Module
    matrices: tuple[Matrix, ...]
    norms: tuple[Vector, ...]
    biases: tuple[Vector, ...]
    others: tuple[Vector, ...]
    heads: int
    key_value_heads: int
    head_dim: int
    packed: dict[str, NDArray[np.int64]]

    @property
    def attention(self) -> tuple[Matrix, ...]:
        """Matrices of the self-attention."""
        return tuple(m for m in self.matrices if m.part == "attention")

    @property
    def cross_attention(self) -> tuple[Matrix, ...]:
        """Matrices of the attention on the encoder; none in most models."""
        return tuple(m for m in self.matrices if m.part == "cross-attention")

    @property
    def feed_forward(self) -> tuple[Matrix, ...]:
        """Matrices of the feed-forward part."""
        return tuple(m for m in self.matrices if m.part == "feed-forward")

    def units_of_head(self, matrix: Matrix, head: int) -> NDArray[np.int64]:
        """Outputs of a matrix (inputs of an ``output`` one) that belong to a head of queries; of keys and values, those it reads.

        Args:
            matrix: one of the layer's, of an attention.
            head: from 0.

        Raises:
            HarnessError: the layer has no such head, or the matrix no heads.
        """
        if not 0 <= head < self.heads:
            raise HarnessError(f"{self.name} has {self.heads} heads, 0 to {self.heads - 1}; found {head}")
        shared = head // (self.heads // self.key_value_heads)
        own, read = np.arange(self.head_dim) + head * self.head_dim, np.arange(self.head_dim) + shared * self.head_dim
        if matrix.role in ("query", "output"):
            return own
        if matrix.role in ("key", "value"):
            return read
        if matrix.role == "packed":
            kinds = self.packed[matrix.name]
            return np.sort(np.concatenate([np.flatnonzero(kinds == n)[own if n == 0 else read] for n in range(3)]))
        raise HarnessError(f"{matrix.name} has no heads: it is of the role {matrix.role!r}")


def layer_of(model: nn.Module, stack: str, number: int, name: str, module: nn.Module) -> Layer:
    """Read a layer.

    Raises:
        HarnessError: its attention is not one of those known here.
    """
    config = getattr(model, "config", None)
    holders = dict(module.named_modules())
    matrices = tuple(matrix_of(name, one, holders[one]) for one in matrices_in(module))
    packed = {m.name: packed_parts(m.name, m.outputs, config) for m in matrices if m.role == "packed"}
    biases = tuple(Vector(f"{m.name.removesuffix('weight')}bias", m.bias) for m in matrices if m.bias is not None)
    taken = {id(m.parameter) for m in matrices} | {id(b.parameter) for b in biases}
    rest = [Vector(f"{name}.{one}", p) for one, p in module.named_parameters() if id(p) not in taken]
    norms = tuple(one for one in rest if is_norm(holders, one.name.removeprefix(f"{name}.")))
    known = {id(one) for one in norms}
    return Layer(
        stack, number, name, module, matrices, norms, biases, tuple(one for one in rest if id(one) not in known),
        *heads_of(matrices, packed, config, stack, name), packed,
    )  # fmt: skip


def matrix_of(layer: str, name: str, module: Any) -> Matrix:
    """A matrix and what it does, by its name within the layer."""
    path, _, last = name.rpartition(".")
    part: Part = "feed-forward"
    if CROSS_ATTENTION.search(path):
        part = "cross-attention"
    elif ATTENTION.search(path):
        part = "attention"
    known = OF_FEED_FORWARD if part == "feed-forward" else OF_ATTENTION
    role = known.get(f"{path.rpartition('.')[2]}.{last}") or known.get(last, "other")
    if part == "cross-attention" and role == "packed":
        role = "other"
    bias = getattr(module, "bias", None)
    return Matrix(f"{layer}.{name}.weight", module.weight, part, role, is_transposed(module), bias)


def is_norm(holders: dict[str, nn.Module], name: str) -> bool:
    """Whether a parameter is of a normalisation, by the class or name of what holds it."""
    holder = name.rpartition(".")[0]
    return bool(NORM.search(type(holders[holder]).__name__) or NORM.search(holder.rpartition(".")[2]))


def heads_of(
    matrices: Sequence[Matrix], packed: dict[str, NDArray[np.int64]], config: Any, stack: str, name: str
) -> tuple[int, int, int]:
    """Heads of queries, heads of keys and values, and units of a head.

    Raises:
        HarnessError: the layer has not one query, key and value each, or its heads are not of one size.
    """
    own = [m for m in matrices if m.part == "attention"]
    roles = sorted(m.role for m in own if m.role in ("query", "key", "value", "packed"))
    if roles not in (["key", "query", "value"], ["packed"]):
        raise HarnessError(
            f"{name}: what its attention does is not known here: found {', '.join(m.name for m in own) or 'no matrix'}; "
            "expected one matrix each of queries, keys and values, or one for all"
        )
    heads: int = getattr(config, f"{stack}_attention_heads", 0) or getattr(config, "num_attention_heads", 0)
    if roles == ["packed"]:
        counts = np.bincount(packed[next(m.name for m in own if m.role == "packed")], minlength=3)
    else:
        counts = np.array([next(m.outputs for m in own if m.role == role) for role in ("query", "key", "value")])
    size = int(counts[0]) // heads if heads else 0
    if not size or counts[0] % heads or counts[1] % size or counts[1] != counts[2]:
        raise HarnessError(
            f"{name}: {counts[0]} queries, {counts[1]} keys and {counts[2]} values are not {heads} equal heads"
        )
    return heads, int(counts[1]) // size, size


def matrices_in(module: nn.Module) -> list[str]:
    """Names of the modules within one that hold a weight with two axes and multiply by it."""
    return [
        name for name, part in module.named_modules()
        if (isinstance(part, nn.Linear) or is_transposed(part)) and isinstance(getattr(part, "weight", None), nn.Parameter)
    ]  # fmt: skip


def is_transposed(module: nn.Module) -> bool:
    """Whether a module stores its weight as (inputs, outputs): the ``Conv1D`` of GPT-2, known by its class name."""
    return type(module).__name__ == "Conv1D" and getattr(module, "weight", None) is not None
