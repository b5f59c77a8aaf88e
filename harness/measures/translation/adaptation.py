"""``adapt:`` of a translation task: a model is trained on the domain, and scored before and after, there and in general.

Metrics are those of the kind. ``NAME`` is the adapted model's, ``NAME_before`` the checkpoint's own, ``NAME_gain`` the
change for the better, with an error of paired segments. The same with ``general_`` before it is of the general domain,
where a gain below 0 is what was forgotten.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.data.parallel import pairs_of
from harness.data.sequences import UNSCORED
from harness.errors import HarnessError
from harness.makers.objectives import causal_loss
from harness.makers.pair_batches import PairBatches, PairTokens, Places
from harness.makers.restoring import padded
from harness.makers.translation import Translating, translation_loss
from harness.measures.measurement import Measurement, Outcomes, Value
from harness.measures.ratio import ratio_estimate
from harness.measures.translation.encoded import Encoded
from harness.measures.translation.metrics import corpus_metric
from harness.measures.translation.scoring import Translated, encoded_pairs, translated
from harness.paired.bootstrap import paired_bootstrap
from harness.specs import Adaptation, Decoding, TranslationTask
from harness.training.loop import Batch, Loop, LossFunction, Recipe

if TYPE_CHECKING:
    from harness.measures.session import Session

GENERAL, BEFORE, GAIN = "general_", "_before", "_gain"


def general_task(task: TranslationTask) -> TranslationTask | None:
    """The task that scores the general domain; None where none is named."""
    general = None if task.adapt is None else task.adapt.general
    if general is None:
        return None
    said = {name: getattr(general, name) for name in ("data", "source", "target", "where", "first")}
    update = said | {"name": f"{task.name}/general", "splits": {"score": general.split}, "rows": {}, "adapt": None}
    return task.model_copy(update=update)


def adapted(
    session: Session, task: TranslationTask, adapt: Adaptation, decoding: Decoding, seed: int
) -> Measurement:  # fmt: skip
    """Score a checkpoint, train it on the domain, and score it again.

    Raises:
        HarnessError: as for :func:`translated`; no pair to train on, or the loss was not finite.
    """
    general = general_task(task)
    scored_tasks = {"": task} | ({} if general is None else {GENERAL: general})
    before = {prefix: checkpoints_own(session, one, decoding) for prefix, one in scored_tasks.items()}
    model, trained_tokens = trained(session, task, adapt, decoding, seed)
    after = {prefix: translated(session, one, decoding, model) for prefix, one in scored_tasks.items()}
    values = [value for prefix in scored_tasks for value in told(prefix, task, before[prefix], after[prefix])]
    outcomes = [
        replace(outcome, metric=f"{prefix}{outcome.metric}")
        for prefix in scored_tasks
        for outcome in after[prefix].outcomes
    ]
    return Measurement(
        tuple(values),
        tokens=trained_tokens + sum(found.tokens for found in (*before.values(), *after.values())),
        outcomes=tuple(outcomes),
        warnings=tuple(f"{prefix}{said}" for prefix in scored_tasks for said in after[prefix].warnings),
        texts=after[""].texts,
    )


def checkpoints_own(session: Session, task: TranslationTask, decoding: Decoding) -> Translated:
    """What the checkpoint itself makes of a task: found once, however many domains it is adapted to."""
    asked = ("translated", task.definition()["data"], task.splits["score"], task.source, task.target, task.first)
    place = repr((asked, sorted(task.where.items()), task.metrics, task.languages, decoding))
    if place not in session.features:
        session.features[place] = translated(session, task, decoding, session.language_model()[0])
    found: Translated = session.features[place]
    return found


def trained(
    session: Session, task: TranslationTask, adapt: Adaptation, decoding: Decoding, seed: int
) -> tuple[Any, int]:  # fmt: skip
    """A copy of the session's model, trained on the domain, in eval mode, and how many tokens it was trained on."""
    model = copy.deepcopy(session.language_model()[0]).float()
    pairs, encoded = training_pairs(session, task, adapt, decoding, seed)
    settings = adapt.model_dump(exclude={"general", "label_smoothing", "batch_tokens", "length", "train_rows"})
    if encoded.start:
        drawn = Translating(
            pairs, adapt.batch_tokens, model, session.tokenizer(), seed, session.device, start=encoded.start
        )  # fmt: skip
        batches, tokens, loss = drawn.batches(0, adapt.steps), drawn.drawn.tokens_until(adapt.steps), translation_loss
    else:
        behind = PairBatches(pairs, adapt.batch_tokens, seed)
        batches = (behind_prompts(pairs, places, session.device) for places in behind.of_steps(0, adapt.steps))
        tokens, loss = behind.tokens_until(adapt.steps), causal_loss
    with torch.random.fork_rng(), session.progress(f"{task.name}  adapting", adapt.steps) as advance:
        torch.manual_seed(seed)
        loop = Loop(model, Recipe(**settings), smoothed(loss, adapt.label_smoothing))
        for batch in batches:
            loop.step(batch)
            advance(1)
    return model.eval().requires_grad_(False), tokens


def smoothed(loss: Any, smoothing: float) -> LossFunction:
    """A loss with label smoothing."""
    return partial(loss, smoothing=smoothing)


def training_pairs(
    session: Session, task: TranslationTask, adapt: Adaptation, decoding: Decoding, seed: int
) -> tuple[PairTokens, Encoded]:  # fmt: skip
    """The pairs to train on as tokens, and how the model reads them.

    Raises:
        HarnessError: fewer pairs than are asked for, or none that is short enough.
    """
    found = pairs_of(
        task.model_copy(update={"first": None}), session.rows(task, "train"), task.place("splits", "train")
    )
    if adapt.train_rows is not None:
        if adapt.train_rows > len(found):
            raise HarnessError(
                f"{task.place('adapt', 'train_rows')}: {adapt.train_rows:,} rows; the split {task.splits['train']!r} has {len(found):,}"
            )
        chosen = np.random.default_rng(seed).permutation(len(found))[: adapt.train_rows]
        found = [found[place] for place in sorted(chosen)]
    encoded = encoded_pairs(session, task, found, decoding)
    longest = min(adapt.length, session.checkpoint.context - 1)
    kept = [
        (source, target)
        for source, target in zip(encoded.sources, encoded.targets, strict=True)
        if max(len(source), len(target)) <= longest
    ]
    if not kept:
        raise HarnessError(
            f"{task.place('adapt')}: none of the {len(found):,} pairs has at most {longest} tokens a side; raise length"
        )
    sources, targets = map(list, zip(*kept, strict=True))
    pairs = PairTokens(sources, targets, (np.arange(len(kept)),), left_out=len(found) - len(kept))
    return pairs, encoded


def behind_prompts(pairs: PairTokens, places: Places, device: str) -> Batch:
    """A batch of a causal model: prompts and what should be written behind them, which alone counts."""
    rows = [(pairs.sources[place], pairs.targets[place]) for place in places]
    ids, _ = padded([[*prompt, *target] for prompt, target in rows], 0)
    labels, _ = padded([[*[UNSCORED] * len(prompt), *target] for prompt, target in rows], UNSCORED)
    return {"input_ids": ids.to(device), "labels": labels.to(device)}


def told(prefix: str, task: TranslationTask, before: Translated, after: Translated) -> list[Value]:
    """Values of a domain: after, before, and gained."""
    found = [replace(value, metric=f"{prefix}{value.metric}") for value in after.values]
    found += [replace(value, metric=f"{prefix}{value.metric}{BEFORE}") for value in before.values]
    return found + [
        gained(prefix, task, one, other, before.outcomes, after.outcomes)
        for one, other in zip(before.values, after.values, strict=True)
    ]


def gained(
    prefix: str, task: TranslationTask, before: Value, after: Value, outcomes: Sequence[Outcomes], later: Sequence[Outcomes]
) -> Value:  # fmt: skip
    """The change of a metric for the better, its error from the same segments before and after."""
    sign = 1 if after.higher_is_better else -1
    stderr, method = (None, "none: a single segment") if before.stderr is None else change_error(
        before.metric, task.metrics, by_name(outcomes), by_name(later)
    )  # fmt: skip
    return Value(
        f"{prefix}{after.metric}{GAIN}", sign * (after.value - before.value), stderr, method, after.n, after.unit,
        higher_is_better=True,
    )  # fmt: skip


def by_name(outcomes: Sequence[Outcomes]) -> dict[str, Outcomes]:
    """Outcomes by the metric or statistic they are of."""
    return {outcome.metric: outcome for outcome in outcomes}


def change_error(
    metric: str, scores: Sequence[str], before: Mapping[str, Outcomes], after: Mapping[str, Outcomes]
) -> tuple[float | None, str]:  # fmt: skip
    """The standard error of the change of a metric, and how it was found."""
    if metric in scores:
        wanted = corpus_metric(metric)
        first, second = (
            np.stack([side[name].outcome for name in wanted.statistic_names], 1).astype(np.float64)
            for side in (after, before)
        )
        return paired_bootstrap(first, second, wanted.values).stderr, "paired bootstrap over segments"
    if metric not in before:
        return None, "none: not recorded of each segment"
    one, other = before[metric], after[metric]
    found = ratio_estimate(other.outcome - one.outcome, one.weight, np.arange(len(one.outcome)))
    return found.stderr, f"ratio estimator over {found.clusters} paired segments"
