"""Log-likelihoods under a causal model; what the choices of a question have in common at their beginning is read once.

A batch holds questions with beginnings of like length. Its first pass reads as many tokens of each as all of them share,
so that nothing is padded; the second reads, on a copy of that cache for each choice, what is left. The first question is
scored without the cache too: a model that gives another answer with it, or gives no cache, is read the plain way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import DynamicCache

from harness.data.batches import pad
from harness.errors import HarnessError
from harness.measures.cross_entropy import CHUNK_ELEMENTS, without_head
from harness.measures.likelihood.encoding import Encoded, Tokens, beginning, only_begin
from harness.training.heads import Head

WORTH_SHARING = 0.2
"""The share of tokens that a second pass must save."""
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
"""How far, relative and in nats, the two ways may differ; types of fewer bits, 0.05."""


CACHE_NAMES = ("past_key_values", "cache")
"""What models call the cache they are given; the second from transformers 5.24 on."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """One choice: its log-likelihood in nats, its tokens, and whether each of them was the likeliest."""

    nats: float
    tokens: int
    greedy: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """What the model reads for one choice, and the tokens it should say at the last ``len(targets)`` positions."""

    read: Tokens
    targets: Tokens

    @property
    def first_scored(self) -> int:
        """The position whose prediction is the first that counts."""
        return len(self.read) - len(self.targets)


@dataclass(frozen=True, slots=True)
class Group:
    """The choices of one question, and how many tokens they have in common at their beginning."""

    first: int
    sequences: tuple[Scored, ...]
    shared: int

    @property
    def longest(self) -> int:
        """Tokens of the longest."""
        return max(len(s.read) for s in self.sequences)


def causal_likelihoods(
    model: Any, tokenizer: Any, asked: Sequence[Sequence[Encoded]], *, window: int, bos: str, token_budget: int,
    share: bool = True, advance: Callable[[int], None] = lambda tokens: None,
) -> list[list[Likelihood]]:  # fmt: skip
    """Score every choice of every question.

    Args:
        model: a causal model in eval mode.
        tokenizer: its tokenizer.
        asked: tokens of the choices of each question.
        window: tokens the model reads at most; more are cut off at the left.
        bos: what a context begins with (see ``beginning``).
        token_budget: tokens of a batch, caches included.
        share: whether to read common beginnings once.
        advance: told the tokens of each finished batch.

    Raises:
        HarnessError: a continuation longer than the window, or a likelihood that is not finite.
    """
    groups = grouped(asked, tokenizer, window, bos)
    found: list[Likelihood | None] = [None] * sum(len(g.sequences) for g in groups)
    scorer = Scorer(model, share)
    shortest = min((s.read for g in groups for s in g.sequences), key=len)
    model.eval()
    with torch.inference_mode(), without_head(model, torch.tensor([shortest[:16]], device=model.device)) as head:
        for batch in batches(groups, token_budget):
            scores = iter(scorer.score(head, batch))
            for group in batch:
                for place in range(group.first, group.first + len(group.sequences)):
                    found[place] = next(scores)
            advance(sum(len(s.read) for g in batch for s in g.sequences))
    if not all(score is not None and np.isfinite(score.nats) for score in found):
        raise HarnessError("a log-likelihood is not finite; the weights or the dtype are at fault")
    return [found[g.first : g.first + len(g.sequences)] for g in groups]  # type: ignore[misc]


def grouped(asked: Sequence[Sequence[Encoded]], tokenizer: Any, window: int, bos: str) -> list[Group]:
    """What the model reads for each choice of each question."""
    start = beginning(tokenizer, bos)
    groups, first = [], 0
    for choices in asked:
        sequences = tuple(sequence(start, choice, tokenizer, window) for choice in choices)
        limit = min(s.first_scored for s in sequences)
        groups.append(Group(first, sequences, min(limit, common_beginning([s.read for s in sequences]))))
        first += len(sequences)
    return groups


def sequence(start: Tokens, choice: Encoded, tokenizer: Any, window: int) -> Scored:
    """Context and continuation without the last token, cut at the left to the window.

    Raises:
        HarnessError: the continuation alone does not fit.
    """
    if len(choice.continuation) > window:
        raise HarnessError(f"a continuation of {len(choice.continuation)} tokens does not fit the window of {window}")
    context = start + choice.context or [only_begin(tokenizer)]
    return Scored((context + choice.continuation)[-(window + 1) : -1], choice.continuation)


def common_beginning(sequences: Sequence[Tokens]) -> int:
    """How many tokens all sequences begin with alike.

    >>> common_beginning([[1, 2, 3], [1, 2, 4, 5]])
    2
    """
    length = 0
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            break
        length += 1
    return length


def batches(groups: Sequence[Group], budget: int) -> Iterator[list[Group]]:
    """Questions of like length, longest first, padded tokens of a batch within the budget."""
    batch: list[Group] = []
    size = longest = 0
    for group in sorted(groups, key=lambda g: (-g.shared, -g.longest, g.first)):
        count, longest = size + len(group.sequences), max(longest, group.longest)
        if batch and count * longest > budget:
            yield batch
            batch, count, longest = [], len(group.sequences), group.longest
        batch.append(group)
        size = count
    if batch:
        yield batch


class Scorer:
    """Scores batches, the shared way for as long as it gives the plain way's answers."""

    def __init__(self, model: Any, share: bool) -> None:
        """``share``: whether to try."""
        self.model = model
        self.share = share
        self.checked = False
        taken = inspect.signature(model.forward).parameters
        self.slot = next((name for name in CACHE_NAMES if name in taken), None)

    def score(self, head: Head, batch: Sequence[Group]) -> list[Likelihood]:
        """All choices of a batch, in order."""
        shared = min(g.shared for g in batch)
        choices = sum(len(g.sequences) for g in batch)
        total = sum(len(s.read) for g in batch for s in g.sequences)
        if not self.share or shared * (choices - len(batch)) < WORTH_SHARING * total:
            return self.plain(head, batch)
        if not self.checked:
            self.checked, first = True, batch[:1]
            self.share = self.agrees(self.plain(head, first), head, first, first[0].shared)
            return self.score(head, batch)
        return self.shared(head, batch, shared)

    def plain(self, head: Head, batch: Sequence[Group]) -> list[Likelihood]:
        """Each choice read whole."""
        sequences = [s for g in batch for s in g.sequences]
        ids = pad([torch.tensor(s.read) for s in sequences], 0).to(self.model.device)
        return scores(self.model, head, self.model(input_ids=ids, use_cache=False).logits, sequences, 0)

    def shared(self, head: Head, batch: Sequence[Group], length: int) -> list[Likelihood]:
        """The first ``length`` tokens of each question read once, the rest of each choice on a copy of its cache."""
        device = self.model.device
        cache = self.cache(batch, length)
        copies = [number for number, g in enumerate(batch) for _ in g.sequences]
        cache.batch_select_indices(torch.tensor(copies, device=device))
        sequences = [s for g in batch for s in g.sequences]
        rest = pad([torch.tensor(s.read[length:]) for s in sequences], 0).to(device)
        states = self.model(input_ids=rest, use_cache=True, **{str(self.slot): cache}).logits
        return scores(self.model, head, states, sequences, length)

    def cache(self, batch: Sequence[Group], length: int) -> Any:
        """What the model keeps of the first ``length`` tokens of each question."""
        ids = torch.tensor([g.sequences[0].read[:length] for g in batch], device=self.model.device)
        return self.model(input_ids=ids, use_cache=True).past_key_values

    def agrees(self, plain: Sequence[Likelihood], head: Head, batch: Sequence[Group], length: int) -> bool:
        """Whether the model keeps a cache that can be copied, and the shared way says the same."""
        if self.slot is None or not isinstance(self.cache(batch, length), DynamicCache):
            return False
        other = self.shared(head, batch, length)
        near = TOLERANCE.get(self.model.dtype, 0.05)
        return np.allclose([x.nats for x in other], [x.nats for x in plain], rtol=near, atol=near)


def scores(
    model: Any, head: Head, states: torch.Tensor, sequences: Sequence[Scored], offset: int
) -> list[Likelihood]:  # fmt: skip
    """Likelihoods from states ``(B, T, d)`` of the positions from ``offset`` on; logits in chunks, float32."""
    rows = [number for number, s in enumerate(sequences) for _ in s.targets]
    columns = [place - offset for s in sequences for place in range(s.first_scored, len(s.read))]
    targets = torch.tensor([token for s in sequences for token in s.targets], device=states.device)
    taken = states[rows, columns]  # (N, d)
    nats = np.zeros(len(sequences))
    greedy = np.ones(len(sequences), dtype=bool)
    size = max(16, CHUNK_ELEMENTS // model.config.get_text_config().vocab_size)
    for start in range(0, len(targets), size):
        part = slice(start, start + size)
        logits = head(taken[part]).float()
        losses = functional.cross_entropy(logits, targets[part], reduction="none")
        np.add.at(nats, rows[part], -losses.double().cpu().numpy())
        np.logical_and.at(greedy, rows[part], (logits.argmax(-1) == targets[part]).cpu().numpy())
    return [
        Likelihood(float(n), len(s.targets), bool(g)) for n, s, g in zip(nats, sequences, greedy, strict=True)
    ]  # fmt: skip
