"""Models of a few hundred parameters, and their Hessian and Gauss-Newton matrix in full."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from harness.data.pairs import scored_pair
from harness.data.sequences import UNSCORED, ScoredSequence

VOCABULARY = 7


def gpt2(dtype: torch.dtype = torch.float64, tied: bool = True, dropout: float = 0.1) -> GPT2LMHeadModel:
    """A GPT-2 of some 300 parameters."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=8,
        n_embd=4,
        n_layer=1,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
        attn_pdrop=dropout,
        embd_pdrop=dropout,
        resid_pdrop=dropout,
        tie_word_embeddings=tied,
    )
    return shaken(GPT2LMHeadModel(config).to(dtype))


def llama(dtype: torch.dtype = torch.float64) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=4,
        intermediate_size=6,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=8,
        bos_token_id=0,
        eos_token_id=0,
    )
    return shaken(with_exact_norms(LlamaForCausalLM(config), config.rms_norm_eps).to(dtype))


def with_exact_norms(model: nn.Module, epsilon: float) -> nn.Module:
    """Llama's and T5's own norms compute in float32 whatever the type of the model: too coarse for a gold."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child).__name__ in ("LlamaRMSNorm", "T5LayerNorm"):
                setattr(module, name, nn.RMSNorm(len(child.weight), eps=epsilon))
    return model


def bert(dtype: torch.dtype = torch.float64) -> BertForMaskedLM:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=4,
        intermediate_size=6,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=8,
    )
    return shaken(BertForMaskedLM(config).to(dtype))


def t5(dtype: torch.dtype = torch.float64) -> T5ForConditionalGeneration:
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=VOCABULARY, d_model=4, d_kv=2, d_ff=6, num_layers=1, num_heads=2, relative_attention_num_buckets=4,
        decoder_start_token_id=0, initializer_factor=0.3,
    )  # fmt: skip
    return shaken(with_exact_norms(T5ForConditionalGeneration(config), config.layer_norm_epsilon).to(dtype))


def bart(dtype: torch.dtype = torch.float64) -> BartForConditionalGeneration:
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=VOCABULARY, d_model=4, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=6, decoder_ffn_dim=6, max_position_embeddings=8, bos_token_id=1,
        pad_token_id=0, eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip
    model = shaken(BartForConditionalGeneration(config).to(dtype))
    model.final_logits_bias += torch.linspace(-1, 1, VOCABULARY)
    return model


def shaken(model: nn.Module) -> nn.Module:
    """Move every parameter off its initial value, so that no bias is zero and logits are not flat."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype))
    return model.eval()


def texts(count: int = 4, length: int = 5, objective: str = "causal") -> list[ScoredSequence]:
    """Random sequences, each its own document; masked ones score two positions, seq2seq ones all after the start."""
    generator = torch.Generator().manual_seed(2)
    sequences = []
    for number in range(count):
        ids = torch.randint(1, VOCABULARY, (length,), generator=generator)
        if objective == "seq2seq":
            source = torch.randint(1, VOCABULARY, (length + 1,), generator=generator).tolist()
            sequences.append(scored_pair(source, ids[1:].tolist(), 2, cluster=number, key=number, length_in_bytes=1))
            continue
        labels = ids.clone()
        if objective == "masked":
            scored = torch.randperm(length, generator=generator)[:2]
            labels = torch.full_like(ids, UNSCORED)
            labels[scored] = ids[scored]
            ids = ids.clone()
            ids[scored] = VOCABULARY - 1  # not 0, which is padding: its embedding has no gradient
        sequences.append(ScoredSequence(ids, labels, cluster=number, key=number, bytes=3 * length))
    return sequences


def gauss_newton(model: nn.Module, sequence: ScoredSequence, objective: str) -> Tensor:
    """``J' (diag p - p p') J`` of one sequence's summed loss, row by row of J."""
    logits, _ = _scored(model, sequence, objective)
    parameters = [p for p in model.parameters() if p.requires_grad]
    rows = [
        _flat(torch.autograd.grad(z, parameters, retain_graph=True, allow_unused=True), parameters)
        for z in logits.reshape(-1)
    ]
    probabilities = logits.detach().softmax(1)
    curvature = torch.block_diag(*[torch.diag(p) - torch.outer(p, p) for p in probabilities])
    jacobian = torch.stack(rows)
    return jacobian.T @ curvature @ jacobian


def product_by_differences(
    model: nn.Module, sequence: ScoredSequence, objective: str, vector: Tensor, step: float = 1e-5
) -> Tensor:
    """``H v`` of one sequence's summed loss by a central difference of its gradient: no second-order autograd."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    pieces = vector.split([p.numel() for p in parameters])

    def gradient_at(shift: float) -> Tensor:
        with torch.no_grad():
            for p, piece in zip(parameters, pieces, strict=True):
                p += shift * piece.view_as(p)
        loss = cross_entropy(*_scored(model, sequence, objective), reduction="sum")
        return _flat(torch.autograd.grad(loss, parameters, allow_unused=True), parameters)

    above, below = gradient_at(step), gradient_at(-2 * step)
    gradient_at(step)
    return (above - below) / (2 * step)


def hessian_by_differences(model: nn.Module, sequence: ScoredSequence, objective: str) -> Tensor:
    """The whole Hessian of one sequence's summed loss, column by column."""
    size = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return torch.stack([product_by_differences(model, sequence, objective, v) for v in torch.eye(size).double()])


def _scored(model: nn.Module, sequence: ScoredSequence, objective: str) -> tuple[Tensor, Tensor]:
    labels = sequence.labels
    if objective == "seq2seq":
        # The labels' own shift begins with the config's start token; here each sequence brings its start.
        logits = model(input_ids=sequence.source[None], decoder_input_ids=sequence.ids[None]).logits[0]
    else:
        logits = model(input_ids=sequence.ids[None]).logits[0]
    if objective != "masked":
        logits, labels = logits[:-1], labels[1:]
    return logits[labels != UNSCORED], labels[labels != UNSCORED]


def _flat(tensors: tuple[Tensor | None, ...], like: list[Tensor]) -> Tensor:
    return torch.cat(
        [(torch.zeros_like(p) if t is None else t).reshape(-1) for t, p in zip(tensors, like, strict=True)]
    )


class Linear(nn.Module):
    """Softmax regression on fixed features: its Hessian is known in closed form."""

    def __init__(self, features: Tensor, classes: int) -> None:
        super().__init__()
        self.features = features
        self.head = nn.Linear(features.shape[1], classes, bias=False, dtype=features.dtype)

    def forward(self, input_ids: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.head(self.features[input_ids]))
