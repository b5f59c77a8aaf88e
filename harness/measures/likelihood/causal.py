"""Log-likelihoods of continuations under a causal model; what the choices of a question begin with alike is read once.

The choices of a question stand in one pack, each hidden from the others (see ``packing``). The longest question is read in
the plain way too, and a model that says something else there, or takes no such mask, is read the plain way throughout.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.data.batches import by_token_budget
from harness.errors import HarnessError
from harness.measures.cross_entropy import without_head
from harness.measures.likelihood.encoding import Encoded, Tokens, beginning, only_begin
from harness.measures.likelihood.packing import Pack, Scored, inputs_of
from harness.measures.token_losses import token_losses
from harness.training.heads import Head

WORTH_SHARING = 0.1
"""The share of a question's tokens that one pack must save: it costs a mask."""
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
"""How far, relative and in nats, the two ways may differ; types of fewer bits, 0.05."""
TAKES_MASKS = ("sdpa", "eager")
"""Ways to attend that take a mask of every pair of tokens."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """One choice: its log-likelihood in nats, its tokens, and whether each of them was the likeliest."""

    nats: float
    tokens: int
    greedy: bool


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
        token_budget: tokens of a batch.
        share: whether to read common beginnings once, where the model can.
        advance: told the tokens of each finished batch.

    Raises:
        HarnessError: a continuation longer than the window, or a likelihood that is not finite.
    """
    questions = packs_of(asked, tokenizer, window, bos)
    found: list[Likelihood | None] = [None] * sum(len(q.choices) for q in questions)
    shortest = min((c.read for q in questions for c in q.choices), key=len)
    model.eval()
    with torch.inference_mode(), without_head(model, torch.tensor([shortest[:16]], device=model.device)) as head:
        for batch in batches_of(model, head, questions, share, token_budget):
            for pack, scores in zip(batch, likelihoods(model, head, batch), strict=True):
                found[pack.first : pack.first + len(scores)] = scores
            advance(sum(len(c.read) for pack in batch for c in pack.choices))
    if not all(score is not None and np.isfinite(score.nats) for score in found):
        raise HarnessError("a log-likelihood is not finite; the weights or the dtype are at fault")
    return [found[q.first : q.first + len(q.choices)] for q in questions]  # type: ignore[misc]


def packs_of(asked: Sequence[Sequence[Encoded]], tokenizer: Any, window: int, bos: str) -> list[Pack]:
    """What the model reads for each question."""
    start = beginning(tokenizer, bos)
    packs, first = [], 0
    for choices in asked:
        packs.append(Pack.together(first, [sequence(start, choice, tokenizer, window) for choice in choices]))
        first += len(choices)
    return packs


def sequence(start: Tokens, choice: Encoded, tokenizer: Any, window: int) -> Scored:
    """Context and continuation without the last token, cut at the left to the window.

    Raises:
        HarnessError: the continuation alone does not fit.
    """
    if len(choice.continuation) > window:
        raise HarnessError(f"a continuation of {len(choice.continuation)} tokens does not fit the window of {window}")
    context = start + choice.context or [only_begin(tokenizer)]
    return Scored((context + choice.continuation)[-(window + 1) : -1], choice.continuation)


def batches_of(
    model: Any, head: Head, questions: Sequence[Pack], share: bool, budget: int
) -> Iterator[list[Pack]]:  # fmt: skip
    """Packs of like length, longest first, padded tokens of a batch within the budget."""
    together = [q for q in questions if share and q.saved >= WORTH_SHARING]
    if together and not reads_together(model, head, together):
        together = []
    numbers = {q.first for q in together}
    apart = [pack for q in questions if q.first not in numbers for pack in q.apart()]
    for packs in (together, apart):
        for batch in by_token_budget([pack.length for pack in packs], budget):
            yield [packs[number] for number in batch]


def likelihoods(model: Any, head: Head, packs: Sequence[Pack]) -> list[list[Likelihood]]:
    """Likelihoods of the choices of each pack, which are one batch."""
    states = model(**inputs_of(packs, model.dtype, model.device)).logits
    places = [pack.scored() for pack in packs]
    numbers = [number for number, places_of_pack in enumerate(places) for _ in places_of_pack]
    taken = states[numbers, [place for places_of_pack in places for place in places_of_pack]]  # (N, d)
    flat = iter(likelihoods_of(head, taken, [choice for pack in packs for choice in pack.choices]))
    return [[next(flat) for _ in pack.choices] for pack in packs]


def likelihoods_of(head: Head, states: torch.Tensor, choices: Sequence[Scored]) -> list[Likelihood]:
    """Likelihoods from the states ``(N, d)`` that predict the targets, one choice after another."""
    targets = torch.tensor([token for c in choices for token in c.targets], device=states.device)
    losses, likeliest = token_losses(head, states, targets, greedy=True)
    assert likeliest is not None
    ends = np.cumsum([len(c.targets) for c in choices])[:-1]
    nats = [float(-part.sum()) for part in np.split(losses.double().cpu().numpy(), ends)]
    greedy = [bool(part.all()) for part in np.split(likeliest.cpu().numpy(), ends)]
    return [Likelihood(n, len(c.targets), g) for n, g, c in zip(nats, greedy, choices, strict=True)]


def reads_together(model: Any, head: Head, questions: Sequence[Pack]) -> bool:
    """Whether the model reads the choices of a question in one pack, and says of them what it says of each alone.

    Asked of the longest pack. Where a model looks back a number of tokens only, it does not count them by the positions
    that it is told, so that none may be longer than that.
    """
    taken = inspect.signature(model.forward).parameters
    config = model.config.get_text_config()
    longest = max(len(c.read) for q in questions for c in q.choices)
    if not {"position_ids", "attention_mask"} <= set(taken) or config._attn_implementation not in TAKES_MASKS:
        return False
    if (getattr(config, "sliding_window", None) or longest) < longest:
        return False
    question = max(questions, key=lambda q: q.length)
    try:
        together = likelihoods(model, head, [question])[0]
    except (TypeError, ValueError, RuntimeError, IndexError):  # whatever a model says to a mask that it does not take
        return False
    plain = [scores[0] for scores in likelihoods(model, head, question.apart())]
    near = TOLERANCE.get(model.dtype, 0.05)
    return np.allclose([x.nats for x in together], [x.nats for x in plain], rtol=near, atol=near)
