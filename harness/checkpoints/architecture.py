"""What a config says of its model: what it was trained to predict, and how many positions it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.checkpoints.resolved import Objective
from harness.errors import HarnessError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

DISCRIMINATORS = {"ElectraForPreTraining"}
PERMUTED = {"XLNetLMHeadModel"}
POSITION_FIELDS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")
# Positions of these begin after the padding index, so that pad_token_id + 1 rows of the table are never used.
OFFSET_BY_PADDING = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "roberta-prelayernorm", "data2vec-text",
                     "longformer", "mpnet", "luke", "xmod", "ibert"}  # fmt: skip
# Relative, ALiBi or recurrent positions: the config sets no limit.
UNLIMITED = {"bloom", "mamba", "mamba2", "falcon_mamba", "rwkv", "xlnet", "t5", "mt5", "umt5", "longt5",
             "switch_transformers"}  # fmt: skip
CONTEXT_OF_UNLIMITED = 2048
SEGMENTS_WITHOUT_FIELD = {"xlnet"}
"""These tell the texts of a pair apart though their config has no ``type_vocab_size``."""


def objective_of(config: PretrainedConfig, checkpoint: str) -> Objective:
    """What a model may be scored as.

    The class named in the config decides; the model type does where no class is named. A model that sees both
    sides of a token is never ``causal``.

    Raises:
        HarnessError: the class and ``is_decoder`` contradict each other.
    """
    from transformers.models.auto import modeling_auto as auto

    if config.is_encoder_decoder:
        return "seq2seq"
    causal, masked = auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    named = (config.architectures or [""])[0]
    decoder = bool(getattr(config, "is_decoder", False))
    in_both = config.model_type in causal and config.model_type in masked
    if named in class_names(causal) and named not in PERMUTED:
        if named in class_names(masked):
            return "causal" if decoder or getattr(config, "causal", False) else "masked"
        if in_both and not decoder:
            raise contradiction(checkpoint, named, "is a causal model", "false: it sees both sides", "true")
        return "causal"
    if named in class_names(masked) or (named.endswith("ForPreTraining") and config.model_type in masked):
        if named in DISCRIMINATORS:
            return "encoder"
        if in_both and decoder:
            raise contradiction(checkpoint, named, "is a masked model", "true: it sees one side", "false")
        return "masked"
    return objective_of_body(config, named, decoder)


def objective_of_body(config: PretrainedConfig, named: str, decoder: bool) -> Objective:
    """The objective where the config names no class with a language-model head, but a body, another head, or none."""
    from transformers.models.auto import modeling_auto as auto

    if named in PERMUTED:
        return "encoder"
    own_classes = getattr(config, "auto_map", None) or {}
    for objective, key in (("masked", "AutoModelForMaskedLM"), ("causal", "AutoModelForCausalLM")):
        if key in own_classes:
            return objective  # type: ignore[return-value]
    if config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not decoder:
        return "encoder" if named else "masked"
    return "causal" if config.model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES else "encoder"


def tells_segments(config: PretrainedConfig) -> bool:
    """Whether the model may be given the segment of each token (0 or 1, the text of a pair it belongs to).

    Some models that have no table of segments take the numbers all the same, as tokens (GPT-2) or not at all.
    DeBERTa-v3, whose table has no row, knows that it must ignore them.
    """
    rows = getattr(config, "type_vocab_size", None)
    return config.model_type in SEGMENTS_WITHOUT_FIELD if rows is None else rows != 1


def class_names(mapping: Any) -> set[str]:
    """All class names of an auto mapping, whose values are names or tuples of them."""
    names: set[str] = set()
    for value in mapping.values():
        names.update([value] if isinstance(value, str) else value)
    return names


def contradiction(checkpoint: str, named: str, what: str, found: str, expected: str) -> HarnessError:
    """The error for a class that says one thing and ``is_decoder`` another."""
    return HarnessError(
        f"checkpoint {checkpoint}: config.json names {named}, which {what}, yet is_decoder is {found}; "
        f"set is_decoder to {expected}, or name in architectures the class that it was trained as"
    )


def context_of(config: PretrainedConfig, checkpoint: str) -> int:
    """Most positions that the model takes, in tokens.

    RoBERTa and its kin number positions from the padding index on: 514 rows of the table are 512 positions.
    A model without a limit of its own is given 2048.

    Raises:
        HarnessError: the config names no limit and its type is not known to have none.
    """
    text = config.get_text_config()
    for field in POSITION_FIELDS:
        limit = getattr(text, field, None)
        if isinstance(limit, int) and limit > 0:
            offset = (text.pad_token_id or 0) + 1 if text.model_type in OFFSET_BY_PADDING else 0
            return limit - offset
    if text.model_type in UNLIMITED:
        return CONTEXT_OF_UNLIMITED
    raise HarnessError(
        f"checkpoint {checkpoint}: config.json (model_type {text.model_type!r}) names no context length; "
        f"expected one of {', '.join(POSITION_FIELDS)}; add max_position_embeddings to it"
    )
