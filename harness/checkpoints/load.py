"""Load a resolved checkpoint as a language model or as a classifier."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from harness.checkpoints import hub
from harness.checkpoints.activations import fuse_activations
from harness.checkpoints.causality import looks_ahead
from harness.checkpoints.config import load_config
from harness.checkpoints.dropout import set_dropout
from harness.checkpoints.files import ADAPTER_CONFIG, shards_of
from harness.checkpoints.head import fill_head, new_parameters
from harness.checkpoints.memory import classifier_folder, language_model_in_memory
from harness.checkpoints.names import Name
from harness.checkpoints.padding import give_pad_token
from harness.checkpoints.pooled import is_pooled, pooled_classifier
from harness.checkpoints.quiet import quiet
from harness.checkpoints.resolved import Resolved
from harness.checkpoints.tokenizer import load_tokenizer
from harness.errors import HarnessError

AUTO = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM, "seq2seq": AutoModelForSeq2SeqLM}


def load_language_model(
    resolved: Resolved, device: str | torch.device, dtype: str | torch.dtype, attention: str = "sdpa"
) -> tuple[Any, Any]:
    """The model with its language-model head, in eval mode, and its tokenizer.

    A model in memory is used as it is where it is already on the device, of the dtype and in eval mode;
    else a copy is, so that the caller's model never changes.

    Args:
        resolved: what ``resolve`` found.
        device: such as ``cpu`` or ``cuda``.
        dtype: such as ``float32``.
        attention: transformers' name of the attention code; ``eager`` where the model has no other.

    Raises:
        HarnessError: it has no language-model head, weights are missing or damaged, or a causal model looks ahead.
    """
    if resolved.objective not in AUTO:
        raise HarnessError(no_head(resolved))
    if resolved.memory is not None:
        model, tokenizer = language_model_in_memory(resolved, torch.device(device), torch_dtype(dtype))
    else:
        model, loading = load_weights(AUTO[resolved.objective], resolved, torch_dtype(dtype), attention)
        refuse_missing(resolved, loading["missing_keys"], model.base_model_prefix)
        tokenizer = load_tokenizer(resolved.folder, resolved.name, remote_code=resolved.remote_code)
        model = model.to(device).eval()
    if resolved.objective == "causal" and looks_ahead(model):
        raise HarnessError(
            f"checkpoint {resolved.name} is not causal: what it predicts depends on later tokens; "
            "expected a model whose attention looks back only; name the class it was trained as in config.json"
        )
    return model, tokenizer


def load_with_new_head(resolved: Resolved, seed: int) -> Any:
    """An encoder under a new masked-LM head whose last layer is the input embeddings, in float32 on the CPU.

    Raises:
        HarnessError: transformers has no masked language model of the architecture, or weights of the body are missing.
    """
    config = load_config(Path(resolved.folder), resolved.name, remote_code=resolved.remote_code)
    config.tie_word_embeddings = True
    model, loading = load_weights(AutoModelForMaskedLM, resolved, torch.float32, "sdpa", config=config)
    new = new_parameters(model, loading, resolved.name)
    fill_head(model, new, seed)
    return model


def load_classifier(
    resolved: Resolved,
    labels: int,
    seed: int,
    device: str | torch.device,
    dtype: str | torch.dtype,
    dropout: float | None = None,
    attention: str = "sdpa",
) -> tuple[Any, Any]:
    """The model's body under a new classification head, in training mode, and its tokenizer.

    The head depends on ``seed`` and its shapes alone: not on the device, nor on the global random state, which is
    left as it was. Where the tokenizer has no padding token its end-of-text token serves.

    Args:
        resolved: what ``resolve`` found.
        labels: number of classes; 1 is regression.
        seed: of the head's initial weights.
        device: such as ``cpu`` or ``cuda``.
        dtype: such as ``float32``.
        dropout: every dropout rate of the model; None keeps the config's.
        attention: transformers' name of the attention code.

    Raises:
        HarnessError: no classifier of this architecture, or weights of the body are missing or damaged.
    """
    if resolved.memory is not None:
        with classifier_folder(resolved) as saved:
            return load_classifier(saved, labels, seed, device, dtype, dropout, attention)
    refuse_without_classifier(resolved)
    tokenizer = load_tokenizer(resolved.folder, resolved.name, remote_code=resolved.remote_code)
    whole = resolved.whole
    config = load_config(Path(whole.folder), whole.name, remote_code=whole.remote_code)
    config = classifier_config(copy.deepcopy(config), labels, dropout)
    give_pad_token(tokenizer, config, resolved.name)
    pooled = resolved.objective == "seq2seq" and is_pooled(resolved.architecture)
    model, loading = load_weights(
        AUTO["seq2seq"] if pooled else AutoModelForSequenceClassification,
        resolved,
        torch.float32,
        attention,
        config=config,
        ignore_mismatched_sizes=True,
    )
    if pooled:
        model, loading = pooled_classifier(model, loading, config)
    new = new_parameters(model, loading, resolved.name)
    fill_head(model, new, seed)
    return model.to(device=device, dtype=torch_dtype(dtype)).train(), tokenizer


def refuse_without_classifier(resolved: Resolved) -> None:
    """Raise where transformers has no classifier of the architecture, and the repository brings no code."""
    known = resolved.architecture in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    pooled = resolved.objective == "seq2seq" and is_pooled(resolved.architecture)
    if not (known or pooled or resolved.whole.remote_code):
        raise HarnessError(
            f"checkpoint {resolved.name} cannot be fine-tuned: transformers has no classifier for its architecture "
            f"({resolved.architecture}); expected one that AutoModelForSequenceClassification knows"
        )


def classifier_config(config: Any, labels: int, dropout: float | None) -> Any:
    """The config of a classifier (of a regression where ``labels`` is 1)."""
    config.num_labels = labels
    config.problem_type = "regression" if labels == 1 else "single_label_classification"
    if dropout is not None:
        set_dropout(config, dropout)
    return config


def load_weights(
    auto: Any, resolved: Resolved, dtype: torch.dtype, attention: str, **options: Any
) -> tuple[Any, dict[str, Any]]:
    """Fetch the weights and load them into a class: the model, and transformers' report of what did not fit.

    An adapter is merged into the model of its base, in float32 whatever the dtype.

    Raises:
        HarnessError: the class does not fit the architecture, or the weights cannot be read or merged.
    """
    if resolved.base is not None:
        return load_adapted(auto, resolved, resolved.base, dtype, attention, **options)
    weights = fetch_weights(resolved)
    options |= {
        "dtype": dtype,
        "use_safetensors": any(name.endswith(".safetensors") for name in weights),
        "trust_remote_code": resolved.remote_code,
        "local_files_only": True,
        "output_loading_info": True,
    }
    try:
        with quiet(), torch.random.fork_rng(devices=[]), without_adapter(resolved.folder) as folder:
            try:
                return fused(auto.from_pretrained(folder, attn_implementation=attention, **options))
            except (ValueError, ImportError) as error:
                if "attention" not in str(error).lower() and "attn" not in str(error).lower():
                    raise
                return fused(auto.from_pretrained(folder, attn_implementation="eager", **options))
    except Exception as error:
        raise HarnessError(cannot_load(error, resolved)) from error


def fused(loaded: tuple[Any, dict[str, Any]]) -> tuple[Any, dict[str, Any]]:
    """What ``from_pretrained`` gave, the model with fused activations."""
    return fuse_activations(loaded[0]), loaded[1]


def load_adapted(
    auto: Any, resolved: Resolved, base: Resolved, dtype: torch.dtype, attention: str, **options: Any
) -> tuple[Any, dict[str, Any]]:
    """The model of an adapter's base with the adapter merged into it.

    Raises:
        HarnessError: the base cannot be loaded, or the adapter not merged.
    """
    from harness.checkpoints.merge import merge_adapter

    fetch_weights(resolved)
    model, loading = load_weights(auto, base, torch.float32, attention, **options)
    head_is_new = auto is AutoModelForSequenceClassification
    merge_adapter(model, resolved, Path(resolved.adapter_folder), body=head_is_new)
    return model.to(dtype), loading


@contextmanager
def without_adapter(folder: str) -> Iterator[str]:
    """The folder of a whole model; where an adapter lies beside it, which transformers would add, one without it."""
    if not (Path(folder) / ADAPTER_CONFIG).is_file():
        yield folder
        return
    with TemporaryDirectory() as beside:
        for path in Path(folder).resolve().iterdir():
            if path.name != ADAPTER_CONFIG:
                (Path(beside) / path.name).symlink_to(path)
        yield beside


def fetch_weights(resolved: Resolved) -> tuple[str, ...]:
    """Bring the weights of a Hub checkpoint into the cache: the files that hold them."""
    if resolved.revision is None:
        return resolved.weights
    name = Name(resolved.path, resolved.revision, local=False)
    weights = resolved.weights
    if not weights:
        raise HarnessError(
            f"the weights of {resolved.name} are not in the cache and --offline forbids to fetch them; run once without"
        )
    hub.fetch(name, resolved.revision, weights[:1], offline=resolved.offline)
    if weights[0].endswith(".index.json"):
        weights = (weights[0], *shards_of(Path(resolved.folder) / weights[0]))
        hub.fetch(name, resolved.revision, weights[1:], offline=resolved.offline)
    return weights


def cannot_load(error: Exception, resolved: Resolved) -> str:
    """The message for weights that transformers could not load."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if type(error).__name__ == "SafetensorError":
        return f"weights of {resolved.name} are damaged ({reason}); fetch or save them anew"
    if isinstance(error, MemoryError) or "out of memory" in reason.lower():
        return f"not enough memory to load {resolved.name} ({reason}); try --dtype bfloat16, or a larger machine"
    return f"checkpoint {resolved.name} ({resolved.architecture}) cannot be loaded: {reason}"


def no_head(resolved: Resolved) -> str:
    """Why a checkpoint has no loss as a language model."""
    return (
        f"checkpoint {resolved.name} is an encoder and has no LM head, so it has no language-model loss; "
        "it can be fine-tuned and probed; for a loss name the checkpoint it was made from, with its head"
    )


def refuse_missing(resolved: Resolved, missing: Iterable[str], prefix: str) -> None:
    """Raise where weights of the language model were not in the checkpoint and would be random; tied ones are."""
    names = sorted(missing)
    if not names:
        return
    parts = ("encoder.", "decoder.", "shared.") if resolved.objective == "seq2seq" else ()  # T5's have no prefix
    body = (f"{prefix}.", *parts)
    head = [name for name in names if not name.startswith(body)]
    if head == names:
        raise HarnessError(
            f"checkpoint {resolved.name} has no LM head: {len(names)} weights are missing ({', '.join(names[:3])}); "
            "expected a checkpoint saved with its head; it can be fine-tuned, but has no language-model loss"
        )
    raise HarnessError(
        f"checkpoint {resolved.name} lacks {len(names)} weights of its {resolved.architecture} "
        f"({', '.join(names[:3])}); expected all; save it anew with save_pretrained"
    )


def torch_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """A dtype by its name.

    Raises:
        HarnessError: torch has no floating dtype of that name.

    >>> torch_dtype("bfloat16")
    torch.bfloat16
    """
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise HarnessError(f"dtype {dtype!r} is not known; expected float32, bfloat16, float16 or float64")
    return found
