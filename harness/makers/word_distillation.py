"""Word-level distillation: the student learns the teacher's distribution over the next token (Kim and Rush 2016, section 3.1)."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from harness.data.sequences import UNSCORED
from harness.errors import HarnessError
from harness.training.loop import Batch


def check_vocabularies(teachers: Any, students: Any, teacher: Any, student: Any) -> None:
    """Refuse two models whose distributions are not over the same tokens.

    Raises:
        HarnessError: the tokenizers differ, or the last layers are of other sizes.
    """
    if teachers.get_vocab() != students.get_vocab():
        raise HarnessError(
            f"level: word with tokenizers of {len(teachers)} and {len(students)} tokens that are not the same; expected the "
            "teacher's own: leave tokenizer and start out, or take level: sequence"
        )
    sizes = [model.config.vocab_size for model in (teacher, student)]
    if sizes[0] != sizes[1]:
        raise HarnessError(f"level: word with last layers of {sizes[0]} and {sizes[1]} tokens; expected the same size")


def word_level_loss(
    model: Any,
    batch: Batch,
    teacher: Any,
    gold_weight: float = 0.0,
    temperature: float = 1.0,
    smoothing: float = 0.0,
) -> torch.Tensor:
    r"""Mean over target tokens of :math:`(1 - w) T^2 H(q_T, p_T) + w \cdot` cross-entropy of the token given, nats.

    :math:`q_T` and :math:`p_T` are the distributions of teacher and student with logits divided by :math:`T`; the square
    keeps the size of the gradient (Hinton, Vinyals and Dean 2015).

    Args:
        model: the student.
        batch: as of objective ``translation``.
        teacher: in eval mode.
        gold_weight: :math:`w`.
        temperature: :math:`T`.
        smoothing: of the cross-entropy of the token given.
    """
    read = {name: values for name, values in batch.items() if name != "labels"} | {"use_cache": False}
    scored = batch["labels"] != UNSCORED
    logits = model(**read).logits[scored].float()
    with torch.no_grad():
        aim = (teacher(**read).logits[scored].float() / temperature).softmax(-1)
    taught = functional.cross_entropy(logits / temperature, aim) * temperature**2
    if not gold_weight:
        return taught
    given = functional.cross_entropy(logits, batch["labels"][scored], label_smoothing=smoothing)
    return (1 - gold_weight) * taught + gold_weight * given
