"""The loss of a checkpoint on the input text of a task, by the very code of the kind ``lm_loss``.

The texts of a row are one document, joined by line feeds. Low where the checkpoint has seen text like the task's: the
perplexity of the target that Dai et al. 2019 (NAACL, 1460) compare with vocabulary cover. Units and standard errors are
those of ``lm_loss``: nats per token, and bits per byte where they mean something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.data.documents import documents
from harness.errors import HarnessError
from harness.measures.lm_loss import measure_documents
from harness.measures.measurement import Measurement

if TYPE_CHECKING:
    from harness.data.rows import Rows
    from harness.measures.session import Session
    from harness.specs import AffinityTask


def task_text_loss(session: Session, task: AffinityTask, texts: Sequence[str], rows: Rows) -> Measurement:
    """Measure the loss on texts, one a row; metrics are those of ``lm_loss`` under names that begin with ``task_text``.

    Raises:
        HarnessError: no text, or a checkpoint without a language-model head.
    """
    found = documents(list(texts), "row")
    if not found:
        raise HarnessError(f"the text of the task has no words: {len(texts)} texts, all empty")
    measured = measure_documents(session, task, found, rows)
    return replace(
        measured,
        values=tuple(replace(value, metric=f"task_text_{value.metric}") for value in measured.values),
        outcomes=tuple(replace(outcome, metric=f"task_text_{outcome.metric}") for outcome in measured.outcomes),
    )
