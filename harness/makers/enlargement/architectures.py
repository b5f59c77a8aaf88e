"""The architectures that can be enlarged: for every weight, what its axes are.

A weight has a name, ``*`` for the number of its layer (a name with the number goes first), and one word an axis:

``write``: added to the residual stream. ``norm``, ``residual norm``, ``final norm``: a normalisation's gain, whose output
is read by the next weights, is the residual stream itself, or is read by the head; ``... bias`` its bias.
``read``, ``read residual``, ``read head``: what reads these three. ``head``: between the head's two layers.
``query``, ``key``, ``value``, ``attended``, and packed ones: the dimensions of all attention heads. ``inner``, ``gated inner``:
inside the feed-forward part. ``vocabulary``, ``position``, ``output bias``: their rows. ``head norm``, ``same``: never longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.errors import HarnessError

Rules = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Architecture:
    """One row of the table.

    Attributes:
        rules: name of a weight -> its axes.
        norm: LayerNorm subtracts the mean, RMSNorm does not.
        epsilon: the config's name of the normalisations' epsilon; None where it is fixed in the code.
        inner: the config's name of the feed-forward size.
        rotary: positions are rotations of queries and keys.
        fixed_head: queries and keys are normalised, so a head cannot be padded.
        first_position: rows of the table of positions before the first position, beside those that the config counts.
        reserved: first rows of the table that are no positions.
        needs: settings without which the rules do not hold.
    """

    rules: Rules
    norm: Literal["layer", "rms"]
    epsilon: str | None
    inner: str = "intermediate_size"
    rotary: bool = False
    fixed_head: bool = False
    first_position: int = 0
    reserved: int = 0
    needs: Mapping[str, Any] = field(default_factory=dict)

    def has(self, axis: str) -> bool:
        """Whether some weight has an axis of the kind."""
        return any(axis in axes for axes in self.rules.values())

    @property
    def post_norm(self) -> bool:
        """Whether every layer ends with a normalisation."""
        return any("*" in name and "residual norm" in axes for name, axes in self.rules.items())


def linear(name: str, rows: str, columns: str) -> Rules:
    """A weight ``(rows, columns)`` and its bias."""
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def transposed(name: str, columns: str, rows: str) -> Rules:
    """GPT-2's ``Conv1D``: a weight ``(columns, rows)`` and its bias."""
    return {f"{name}.weight": (columns, rows), f"{name}.bias": (rows,)}


def norm(name: str, kind: str = "norm") -> Rules:
    """Gain and bias of a normalisation."""
    return {f"{name}.weight": (kind,), f"{name}.bias": (f"{kind} bias",)}


def gpt2() -> Rules:
    """GPT-2: queries, keys and values in one weight, end to end."""
    layer = "transformer.h.*."
    return {
        "transformer.wte.weight": ("vocabulary", "write"), "transformer.wpe.weight": ("position", "write"),
        **norm(f"{layer}ln_1"), **transposed(f"{layer}attn.c_attn", "read", "query key value"),
        **transposed(f"{layer}attn.c_proj", "attended", "write"), **norm(f"{layer}ln_2"),
        **transposed(f"{layer}mlp.c_fc", "read", "inner"), **transposed(f"{layer}mlp.c_proj", "inner", "write"),
        **norm("transformer.ln_f", "final norm"), "lm_head.weight": ("vocabulary", "read head"),
    }  # fmt: skip


def llama() -> Rules:
    """Llama and its kin; Qwen 3 normalises queries and keys."""
    layer = "model.layers.*."
    return {
        "model.embed_tokens.weight": ("vocabulary", "write"),
        **norm(f"{layer}input_layernorm"), **linear(f"{layer}self_attn.q_proj", "query", "read"),
        **linear(f"{layer}self_attn.k_proj", "key", "read"), **linear(f"{layer}self_attn.v_proj", "value", "read"),
        f"{layer}self_attn.q_norm.weight": ("head norm",), f"{layer}self_attn.k_norm.weight": ("head norm",),
        **linear(f"{layer}self_attn.o_proj", "write", "attended"), **norm(f"{layer}post_attention_layernorm"),
        **linear(f"{layer}mlp.gate_proj", "inner", "read"), **linear(f"{layer}mlp.up_proj", "inner", "read"),
        **linear(f"{layer}mlp.down_proj", "write", "inner"), **norm("model.norm", "final norm"),
        "lm_head.weight": ("vocabulary", "read head"),
    }  # fmt: skip


def neox() -> Rules:
    """GPT-NeoX: query, key and value of a head lie together."""
    layer = "gpt_neox.layers.*."
    return {
        "gpt_neox.embed_in.weight": ("vocabulary", "write"),
        **norm(f"{layer}input_layernorm"), **norm(f"{layer}post_attention_layernorm"),
        **linear(f"{layer}attention.query_key_value", "heads of query key value", "read"),
        **linear(f"{layer}attention.dense", "write", "attended"),
        **linear(f"{layer}mlp.dense_h_to_4h", "inner", "read"), **linear(f"{layer}mlp.dense_4h_to_h", "write", "inner"),
        **norm("gpt_neox.final_layer_norm", "final norm"), "lm_head.weight": ("vocabulary", "read head"),
    }  # fmt: skip


def opt() -> Rules:
    """OPT with its normalisations before attention and feed-forward part."""
    layer = "model.decoder.layers.*."
    return {
        "model.decoder.embed_tokens.weight": ("vocabulary", "write"),
        "model.decoder.embed_positions.weight": ("position", "write"),
        **norm(f"{layer}self_attn_layer_norm"), **linear(f"{layer}self_attn.q_proj", "query", "read"),
        **linear(f"{layer}self_attn.k_proj", "key", "read"), **linear(f"{layer}self_attn.v_proj", "value", "read"),
        **linear(f"{layer}self_attn.out_proj", "write", "attended"), **norm(f"{layer}final_layer_norm"),
        **linear(f"{layer}fc1", "inner", "read"), **linear(f"{layer}fc2", "write", "inner"),
        **norm("model.decoder.final_layer_norm", "final norm"), "lm_head.weight": ("vocabulary", "read head"),
    }  # fmt: skip


def bert(body: str, first: str, second: str, decoder: str, bias: str) -> Rules:
    """BERT and RoBERTa: each half of a layer ends with its normalisation.

    Args:
        body: name of the body.
        first: name of the head's first layer.
        second: name of its normalisation.
        decoder: name of its last layer.
        bias: name of the bias of that.
    """
    embeddings, layer = f"{body}.embeddings.", f"{body}.encoder.layer.*."
    return {
        f"{embeddings}word_embeddings.weight": ("vocabulary", "write"),
        f"{embeddings}position_embeddings.weight": ("position", "write"),
        f"{embeddings}token_type_embeddings.weight": ("same", "write"),
        **norm(f"{embeddings}LayerNorm", "residual norm"),
        **linear(f"{layer}attention.self.query", "query", "read residual"),
        **linear(f"{layer}attention.self.key", "key", "read residual"),
        **linear(f"{layer}attention.self.value", "value", "read residual"),
        **linear(f"{layer}attention.output.dense", "write", "attended"),
        **norm(f"{layer}attention.output.LayerNorm", "residual norm"),
        **linear(f"{layer}intermediate.dense", "inner", "read residual"),
        **linear(f"{layer}output.dense", "write", "inner"), **norm(f"{layer}output.LayerNorm", "residual norm"),
        **linear(first, "head", "read residual"), **norm(second, "final norm"),
        f"{decoder}.weight": ("vocabulary", "read head"), f"{decoder}.bias": ("output bias",), bias: ("output bias",),
    }  # fmt: skip


def modernbert() -> Rules:
    """ModernBERT: the first layer reads the normalised embeddings as they are."""
    layer = "model.layers.*."
    return {
        "model.embeddings.tok_embeddings.weight": ("vocabulary", "write"),
        **norm("model.embeddings.norm", "residual norm"),
        **norm(f"{layer}attn_norm"), **linear(f"{layer}attn.Wqkv", "query key value", "read"),
        **linear("model.layers.0.attn.Wqkv", "query key value", "read residual"),
        **linear(f"{layer}attn.Wo", "write", "attended"), **norm(f"{layer}mlp_norm"),
        **linear(f"{layer}mlp.Wi", "gated inner", "read"), **linear(f"{layer}mlp.Wo", "write", "inner"),
        **norm("model.final_norm"), **linear("head.dense", "head", "read"), **norm("head.norm", "final norm"),
        "decoder.weight": ("vocabulary", "read head"), "decoder.bias": ("output bias",),
    }  # fmt: skip


LLAMA = Architecture(llama(), "rms", "rms_norm_eps", rotary=True)
BERT_HEAD = ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder",
             "cls.predictions.bias")  # fmt: skip
ROBERTA_HEAD = ("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias")
ARCHITECTURES: Mapping[str, Architecture] = {
    "gpt2": Architecture(gpt2(), "layer", "layer_norm_epsilon", "n_inner", needs={"add_cross_attention": False}),
    "llama": LLAMA, "mistral": LLAMA, "qwen2": LLAMA,
    "qwen3": Architecture(llama(), "rms", "rms_norm_eps", rotary=True, fixed_head=True),
    "gpt_neox": Architecture(neox(), "layer", "layer_norm_eps", rotary=True),
    "opt": Architecture(
        opt(), "layer", None, "ffn_dim", first_position=2, reserved=2,
        needs={"do_layer_norm_before": True, "layer_norm_elementwise_affine": True, "_remove_final_layer_norm": False},
    ),
    "bert": Architecture(bert("bert", *BERT_HEAD), "layer", "layer_norm_eps", needs={"is_decoder": False}),
    "roberta": Architecture(
        bert("roberta", *ROBERTA_HEAD), "layer", "layer_norm_eps", reserved=2, needs={"is_decoder": False}
    ),
    "modernbert": Architecture(modernbert(), "layer", "norm_eps", rotary=True),
}  # fmt: skip


def architecture_of(config: Any) -> Architecture:
    """The row of a model's architecture.

    Raises:
        HarnessError: the architecture, or a variant of it, is not in the table.
    """
    found = ARCHITECTURES.get(config.model_type)
    if found is None:
        raise HarnessError(
            f"architecture {config.model_type!r} cannot be enlarged: where its weights read and write is not known here; "
            f"expected one of {', '.join(ARCHITECTURES)}"
        )
    for name, value in found.needs.items():
        if getattr(config, name, value) != value:
            raise HarnessError(
                f"this {config.model_type} has {name}: {getattr(config, name)!r}, which cannot be enlarged; expected {value!r}"
            )
    return found
