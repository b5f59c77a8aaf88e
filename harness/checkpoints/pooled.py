"""A classifier for encoder-decoder models that have none in transformers: a linear layer on averaged encoder states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def is_pooled(architecture: str) -> bool:
    """Whether a sequence-to-sequence model of this type is fine-tuned through its encoder alone."""
    from transformers.models.auto import modeling_auto as auto

    return architecture not in auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES and (
        architecture in auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    )


class PooledClassifier(nn.Module):
    """``logits = W mean_t(h_t) + b`` over the last states ``h_t`` of the tokens that are no padding."""

    base_model_prefix = "encoder"

    def __init__(self, encoder: Any, config: Any) -> None:
        """``config`` says how many labels there are, and the rate of dropout before the layer."""
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.dropout = nn.Dropout(getattr(config, "classifier_dropout", None) or 0.0)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.classifier.weight.device

    @property
    def base_model(self) -> Any:
        """The encoder."""
        return self.encoder

    def get_input_embeddings(self) -> nn.Module:
        """The encoder's table."""
        return self.encoder.get_input_embeddings()

    def set_input_embeddings(self, table: nn.Module) -> None:
        """Put another in its place."""
        self.encoder.set_input_embeddings(table)

    def _init_weights(self, module: nn.Module) -> None:
        self.encoder._init_weights(module)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        """Logits ``(B, labels)`` of token ids ``(B, T)``."""
        from transformers.modeling_outputs import SequenceClassifierOutput

        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (B, T, d)
        mask = attention_mask[..., None].to(states.dtype)
        means = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(means)))


def pooled_classifier(model: Any, loading: Mapping[str, Any], config: Any) -> tuple[PooledClassifier, dict[str, Any]]:
    """A classifier on the encoder of a language model, and the report of what was not loaded under its names."""
    prefix = f"{model.base_model_prefix}."
    missing = [name.removeprefix(prefix) for name in loading["missing_keys"]]
    return PooledClassifier(model.get_encoder(), config), {**loading, "missing_keys": missing}
