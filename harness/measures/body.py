"""A checkpoint without its head, from which states are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.measures.session import Session


def body_of(session: Session) -> Any:
    """The body in eval mode: of the language model where it is one (of an encoder-decoder the encoder), else of a classifier."""
    if session.checkpoint.objective == "encoder":
        model, _ = session.classifier(2, 0, None)
        return model.base_model.eval()
    model, _ = session.language_model()
    return (model.get_encoder() if session.checkpoint.objective == "seq2seq" else model.base_model).eval()
