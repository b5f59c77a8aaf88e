"""Kind ``translation``: a model writes what it reads in another language; BLEU, chrF and TER, and the references' cross-entropy.

A model with an encoder is told the languages as its family wants (``languages.py``), a causal one by a prompt. Each score
carries sacreBLEU's signature and its floors (``floors.py``); the sufficient statistics of every segment are its outcomes.
With ``adapt`` the model is trained on the domain and scored before and after, in this domain and in the general one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.data.parallel import pair_columns
from harness.errors import HarnessError
from harness.measures.measurement import Measurement
from harness.measures.translation.adaptation import adapted, general_task
from harness.measures.translation.generation import generation_policy
from harness.measures.translation.languages import told
from harness.measures.translation.metrics import scored
from harness.measures.translation.prompts import names_of, template_of
from harness.measures.translation.scoring import translated
from harness.specs import Decoding, Task, TranslationTask

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.measures.session import Session

VERSION = 1


def columns(task: TranslationTask) -> tuple[str, ...]:
    """Columns of the templates, and those that choose rows.

    Raises:
        HarnessError: a template is no Jinja.
    """
    return pair_columns(task)


def rows_wanted(task: TranslationTask) -> int | None:
    """As many rows as pairs; all where some are passed over."""
    return None if task.where else task.first


def policy(task: TranslationTask, checkpoint: Resolved) -> dict[str, Any]:
    """How this checkpoint translates and is scored: part of the signature.

    Raises:
        HarnessError: the checkpoint cannot write a text, does not know the languages, or not so long a text.
    """
    refuse_those_that_do_not_write(checkpoint)
    decoding = decoding_of(task, checkpoint)
    settings = {
        "window": checkpoint.context,
        "decoding": decoding.model_dump(mode="json"),
        "sacrebleu": {metric: scored(metric, ["-"], ["-"], task.languages.target).signature for metric in task.metrics},
        **generation_policy(checkpoint),
    }
    if checkpoint.objective == "causal":
        return settings | {"prompt": template_of(task), "named": list(names_of(task)), "end": "of the line"}
    try:
        return settings | told(checkpoint, task.languages).policy()
    except HarnessError as error:
        raise HarnessError(f"{task.place('languages')}: {checkpoint.name}: {error}") from None


def refuse_those_that_do_not_write(checkpoint: Resolved) -> None:
    """Raise for encoders and masked models."""
    if checkpoint.objective in ("encoder", "masked"):
        what = "an encoder without a language-model head" if checkpoint.objective == "encoder" else "a masked model"
        raise HarnessError(
            f"{checkpoint.name} is {what} ({checkpoint.architecture}), which writes no text; translation takes "
            "encoder-decoder models (Marian, T5, BART, mBART, M2M100, NLLB) and causal ones"
        )


def decoding_of(task: TranslationTask, checkpoint: Resolved) -> Decoding:
    """The task's decoding; its usual length is no more than the checkpoint has positions for.

    A causal model has half of them for the prompt.

    Raises:
        HarnessError: the length that the task names is more.
    """
    causal = checkpoint.objective == "causal"
    most = checkpoint.context // 2 if causal else checkpoint.context - 1
    if task.decoding.maximum_length <= most:
        return task.decoding
    if "maximum_length" in task.decoding.model_fields_set:
        half = ", half of which are left to the prompt" if causal else ""
        raise HarnessError(
            f"{task.place('decoding', 'maximum_length')}: {task.decoding.maximum_length} tokens; {checkpoint.name} has "
            f"{checkpoint.context} positions{half}: expected {most} at most"
        )
    return task.decoding.model_copy(update={"maximum_length": most})


def seeded(task: TranslationTask) -> bool:
    """Whether a measurement has randomness of its own: adaptation draws batches and dropout."""
    return task.adapt is not None


def also_reads(task: TranslationTask) -> dict[str, Task]:
    """The general domain, on which an adapted model is scored too."""
    general = general_task(task)
    return {} if general is None else {"general": general}


def measure(session: Session, task: TranslationTask, seed: int | None) -> Measurement:
    """Measure one checkpoint; with ``adapt`` before and after it was trained on the domain.

    Raises:
        HarnessError: an empty source or reference, a language that the tokenizer does not have, or a loss that is not finite.
    """
    decoding = decoding_of(task, session.checkpoint)
    if task.adapt is not None:
        return adapted(session, task, task.adapt, decoding, seed or 0)
    found = translated(session, task, decoding, session.language_model()[0])
    return Measurement(
        found.values, tokens=found.tokens, outcomes=found.outcomes, warnings=found.warnings, texts=found.texts
    )


__all__ = ["VERSION", "also_reads", "columns", "measure", "policy", "rows_wanted", "seeded"]
