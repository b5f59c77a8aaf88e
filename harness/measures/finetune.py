"""Kind ``finetune``: train the whole model on a task, over a grid of learning rates, and score it.

With several learning rates each run is a record of stage ``grid``; the cell is the run whose first metric is best on
the split the protocol selects on: a held-out part of train, or the scored split as GLUE papers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.checkpoints.pooled import is_pooled
from harness.errors import HarnessError
from harness.measures.classifier import Example, predict, train
from harness.measures.grid import HELD_OUT, best_of_grid
from harness.measures.labelled import columns, held_out, labelled_examples, map_labels
from harness.measures.measurement import Measurement, Outcomes, Value
from harness.measures.scores import score
from harness.measures.world_levels import with_levels
from harness.specs import FinetuneTask, Protocol, Task, load_task, protocol_of

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.measures.session import Session

VERSION = 2


def rows_wanted(task: FinetuneTask) -> int | None:
    """All rows; the protocol's ``train_rows`` chooses among them."""
    return None


def policy(task: FinetuneTask, checkpoint: Resolved) -> dict[str, Any]:
    """The recipe, the task trained on where it is another one, and that segment ids are left out where they are.

    A sequence-to-sequence model that has no classifier of its own is fine-tuned through its encoder, and says so, and so
    does a checkpoint whose masks are held, or that is pruned half way.
    """
    source = trainer_of(task)
    recipe: dict[str, Any] = {"protocol": protocol_of(source).definition()}
    if checkpoint.objective == "seq2seq" and is_pooled(checkpoint.architecture):
        recipe["classifier"] = "linear layer on the mean of the encoder's last states"
    recipe |= {"trained_on": definition(source)} if source is not task else {}
    recipe |= {"pruning": pruning_policy(checkpoint.pruning)} if checkpoint.pruning is not None else {}
    return recipe if checkpoint.segments else recipe | {"segments": "left out"}


def pruning_policy(pruning: Mapping[str, Any]) -> dict[str, Any]:
    """What a pruned checkpoint asks of fine-tuning: never how much is pruned, since a line runs through sparsities."""
    return {name: pruning[name] for name in ("regime", "epochs") if name in pruning}


def definition(task: FinetuneTask) -> dict[str, Any]:
    """What of a task decides the model it trains."""
    return {k: v for k, v in task.definition().items() if k not in ("protocol", "metrics")} | {"version": task.version}


def trainer_of(task: FinetuneTask) -> FinetuneTask:
    """The task whose train split is used.

    Raises:
        HarnessError: ``trained_on`` names no fine-tuning task, or the classes do not fit.
    """
    if task.trained_on is None:
        return task
    try:
        source = load_task(task.trained_on, folder=task.folder)
    except HarnessError as error:
        raise HarnessError(f"{task.place('trained_on')}: {error}") from None
    if not isinstance(source, FinetuneTask) or source.trained_on:
        raise HarnessError(f"{task.place('trained_on')}: {task.trained_on} does not train a model")
    map_labels(task, source)
    return source


def also_reads(task: FinetuneTask) -> dict[str, Task]:
    """The task trained on, where it is another one."""
    return {"trained_on": trainer_of(task)} if task.trained_on else {}


def measure(session: Session, task: FinetuneTask, seed: int | None) -> Measurement:
    """Train and score one checkpoint under one seed.

    Raises:
        HarnessError: labels that are hidden or out of range, every learning rate diverged, or no tokenizer.
    """
    seed, source = seed or 0, trainer_of(task)
    protocol = protocol_of(source)
    if source is not task:
        return _score_other(session, task, source, protocol, seed)
    if len(protocol.learning_rates) == 1:
        return _one_run(session, task, protocol, protocol.learning_rates[0], seed, selecting=False)
    run = partial(_run_of_grid, session, task, protocol, seed)
    return best_of_grid(session, task, protocol.selection, "learning_rate", protocol.learning_rates, run)


def _run_of_grid(session: Session, task: FinetuneTask, protocol: Protocol, seed: int, rate: float) -> Measurement:
    """One learning rate of several."""
    return _one_run(session, task, protocol, rate, seed, selecting=True)


def _one_run(
    session: Session, task: FinetuneTask, protocol: Protocol, rate: float, seed: int, *, selecting: bool
) -> Measurement:  # fmt: skip
    """Train at one learning rate and score; when selecting, a part of train is held out and scored too."""
    examples = labelled_examples(session, task, "train", protocol)
    aside: list[Example] = []
    if selecting and protocol.selection.on == "held_out":
        examples, aside = held_out(examples, protocol.selection)
    trained = train(session, task, protocol, examples, rate, seed)
    scored = labelled_examples(session, task, "score", protocol)
    found, outcomes = score(task, predict(session, trained.model, scored, task), scored)
    values = with_levels(session, task, found)
    if trained.details:
        values[0] = replace(values[0], details={**(values[0].details or {}), **trained.details})
    if aside:
        extra, _ = score(task, predict(session, trained.model, aside, task), aside)
        values += [Value(f"{HELD_OUT}{v.metric}", v.value, v.stderr, v.stderr_method, v.n, v.unit, v.higher_is_better)
                   for v in extra[:1]]  # fmt: skip
    if task.name in session.keep_trained:
        session.trained[task.name, seed, rate] = {k: v.cpu() for k, v in trained.model.state_dict().items()}
    return Measurement(tuple(values), tokens=trained.tokens, outcomes=tuple(outcomes))


def _score_other(
    session: Session, task: FinetuneTask, source: FinetuneTask, protocol: Protocol, seed: int
) -> Measurement:  # fmt: skip
    """Score the model fine-tuned on another task: the one just trained, or the same trained again."""
    rate = protocol.learning_rates[0]
    chosen: Mapping[str, Any] | None = None
    if len(protocol.learning_rates) > 1:
        chosen = session.cell(source, seed)
        rate = chosen["learning_rate"]
    examples = labelled_examples(session, source, "train", protocol)
    if len(protocol.learning_rates) > 1 and protocol.selection.on == "held_out":
        examples, _ = held_out(examples, protocol.selection)
    kept = session.trained.get((source.name, seed, rate))
    if kept is not None:
        model, _ = session.classifier(len(source.labels or ()) or 1, seed, protocol.dropout)
        model.load_state_dict(kept)
        tokens = 0
    else:
        trained = train(session, source, protocol, examples, rate, seed)
        model, tokens = trained.model, trained.tokens
    scored = labelled_examples(session, task, "score", protocol)
    values, outcomes = score(task, predict(session, model, scored, task, classes=map_labels(task, source)), scored)
    values = with_levels(session, task, values)
    return Measurement(tuple(values), tokens=tokens, outcomes=tuple(outcomes), selected=chosen)


__all__ = ["Outcomes", "VERSION", "also_reads", "columns", "measure", "policy", "rows_wanted", "trainer_of"]
