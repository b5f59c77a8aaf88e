"""The loss of a model in training on held-out text: always the same tokens and masks, by document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.corruption import corruption_policy
from harness.data.documents import Document
from harness.data.windows import tokenise
from harness.errors import HarnessError
from harness.makers.corpus import corpus_texts
from harness.makers.family import write_text
from harness.measures.cross_entropy import sequence_losses
from harness.measures.lm_loss import cut
from harness.measures.ratio import ratio_estimate
from harness.specs import LanguageModels, Loss
from harness.specs.makers.pretrain import Evaluate

TOKEN_BUDGET = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """What one model loses on each document.

    Attributes:
        nats: summed over the tokens of a document that are scored, ``(D,)``.
        tokens: how many these are, ``(D,)``.
    """

    nats: np.ndarray
    tokens: np.ndarray

    @property
    def loss(self) -> float:
        """Nats per token of all documents."""
        return float(self.nats.sum() / self.tokens.sum())

    @property
    def stderr(self) -> float | None:
        """Its standard error over documents; None where there is one alone."""
        if len(self.nats) < 2:
            return None
        return ratio_estimate(self.nats, self.tokens, np.arange(len(self.nats))).stderr

    def told(self) -> dict[str, Any]:
        """For people and for ``harness.json``."""
        return {"loss": self.loss, "stderr": self.stderr, "tokens": int(self.tokens.sum()), "documents": len(self.nats)}

    def save(self, path: Path) -> None:
        """Keep it beside the family."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({"nats": self.nats.tolist(), "tokens": self.tokens.tolist()}))

    @classmethod
    def load(cls, path: Path) -> Found:
        """What :meth:`save` kept.

        Raises:
            HarnessError: it stands no longer.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except OSError:
            raise HarnessError(
                f"{path} is gone, which says what a member loses on each document; remove that member's folder to make both anew"
            ) from None
        return cls(np.array(value["nats"]), np.array(value["tokens"]))


class HeldOut:
    """Held-out text as the models of one family meet it: windows of the length they are trained on."""

    def __init__(
        self, evaluate: Evaluate, recipe: LanguageModels, model: Any, tokenizer: Any, spec_folder: Path, offline: bool
    ) -> None:
        """Cut the text for one tokenizer; the model says what its decoder reads first, where it has one."""
        texts, self.text = corpus_texts((evaluate,), spec_folder, offline)
        documents = [Document(text, number, 1) for number, text in enumerate(texts)]
        loss = Loss(mask_rate=recipe.corrupted_share, mask_seed=evaluate.mask_seed, span_rate=recipe.corrupted_share,
                    span_length=recipe.span_length)  # fmt: skip
        settings: dict[str, Any] = {"window": recipe.length, "stride": recipe.length}
        objective = recipe.objective if recipe.objective in ("causal", "masked") else "seq2seq"
        if objective == "seq2seq":
            settings |= corruption_policy(loss, model.config.model_type, "the model in training")
        self.causal = objective != "masked"
        self.sequences = cut(tokenise(tokenizer, documents), model, tokenizer, loss, settings, objective)
        self.count_tokens()

    def count_tokens(self) -> None:
        """How many tokens of each document are scored."""
        self.clusters = np.array([sequence.cluster for sequence in self.sequences])
        shift = 1 if self.causal else 0
        counted = [int(sequence.labels[shift:].ne(-100).sum()) for sequence in self.sequences]
        self.tokens = np.bincount(self.clusters, counted)

    def require_documents(self, least: int) -> None:
        """Refuse text of fewer documents, before anything is trained.

        Raises:
            HarnessError: there are fewer.
        """
        found = int((self.tokens > 0).sum())
        if found < least:
            raise HarnessError(
                f"evaluate: the text has {found} document to compare members on; expected at least {least}: give more, or say "
                "under text: what a document is (documents: row, blank_line, ...)"
            )

    def measured(self, model: Any) -> Found:
        """The loss of a model, which is in training mode again afterwards if it was."""
        training = model.training
        losses = sequence_losses(model, self.sequences, causal=self.causal, token_budget=TOKEN_BUDGET)
        model.train(training)
        present = self.tokens > 0
        return Found(np.bincount(self.clusters, losses)[present], self.tokens[present])
