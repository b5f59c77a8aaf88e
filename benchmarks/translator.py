"""A random translation model whose texts are about as long as their sources, and sources of realistic lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, MarianConfig, MarianMTModel

VOCABULARY, PADDING, END = 8000, 7999, 0


class EndsInTime(MarianMTModel):
    """A Marian whose end gets likelier as a text nears 0.75 to 1.25 times the length of its source.

    Where in this range depends on the source. Two tokens before that length an end is e**2 times less likely than the
    likeliest token, two tokens after it as much likelier.
    """

    def forward(self, *inputs: Any, **given: Any) -> Any:
        """What Marian gives, with another logit of the end."""
        past = given.get("past_key_values")
        position = (0 if past is None else past.get_seq_length()) + given["decoder_input_ids"].shape[1] - 1
        out = super().forward(*inputs, **given)
        states = given["encoder_outputs"][0] if "encoder_outputs" in given else out.encoder_last_hidden_state
        due = given["attention_mask"].sum(1) * (1 + torch.tanh(2 * states[:, 0, 0]) / 4)
        out.logits[:, -1, END] = out.logits[:, -1, 1:].amax(-1) + position - due
        return out


def translator(layers: int = 3, width: int = 256) -> EndsInTime:
    """The shape of an opus-mt model with half its layers and half its width, random."""
    torch.manual_seed(0)
    sizes = {f"{side}_{name}": value for side in ("encoder", "decoder")
             for name, value in (("layers", layers), ("attention_heads", 8), ("ffn_dim", 4 * width))}  # fmt: skip
    model = EndsInTime(MarianConfig(
        vocab_size=VOCABULARY, d_model=width, pad_token_id=PADDING, decoder_start_token_id=PADDING, eos_token_id=END,
        bos_token_id=END, scale_embedding=True, activation_function="swish", init_std=0.08, **sizes,
    ))  # fmt: skip
    model.generation_config = GenerationConfig(
        pad_token_id=PADDING, eos_token_id=END, decoder_start_token_id=PADDING, bad_words_ids=[[PADDING]]
    )
    return model.eval()


def segments(count: int) -> list[list[int]]:
    """Random tokens and an end; lengths as those of news sentences in pieces: a median of 24, a mean of 29, 120 at most."""
    random = np.random.default_rng(0)
    lengths = np.exp(random.normal(np.log(24), 0.6, count)).clip(2, 119).astype(int)
    return [[*random.integers(1, PADDING, length).tolist(), END] for length in lengths]
