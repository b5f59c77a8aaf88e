"""Kind ``probe``: train a small classifier on the states of a frozen checkpoint, and score it as ``finetune`` is scored.

Every layer is a record of stage ``grid``, whose details name the layer; the cell is the layer that is best on the held-out
part of train (or the last one named, with ``select_layer: false``), and its details hold the values of all. With
one layer there is no grid. Penalties and learning rates are chosen within a layer, on the same held-out part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.measures.grid import Records, best_of, stages, values_of
from harness.measures.labelled import columns, how_read
from harness.measures.measurement import Measurement, Outcomes, Value
from harness.measures.probing.rows import Rows
from harness.measures.probing.run import one_probe
from harness.measures.probing.sources import ConditionalSource, OneHotSource, StateSource
from harness.measures.world_levels import with_levels
from harness.specs import ProbeTask

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.measures.session import Session

VERSION = 1


def rows_wanted(task: ProbeTask) -> int | None:
    """All rows; ``train_rows`` chooses among them."""
    return None


def seeded(task: ProbeTask) -> bool:
    """A linear probe on all rows has one answer; a choice of rows and the first weights of an mlp follow a seed."""
    return task.probe.train_rows is not None or task.probe.head == "mlp"


def policy(task: ProbeTask, checkpoint: Resolved) -> dict[str, Any]:
    """The recipe, and how the checkpoint is read where that is not the usual way.

    Raises:
        HarnessError: the first token of a causal model is asked for, which has seen nothing else.
    """
    if task.probe.pooling == "cls" and checkpoint.objective == "causal" and task.probe.features == "states":
        raise HarnessError(
            f"{task.place('probe', 'pooling')}: cls reads the first token, and in {checkpoint.name}, a causal model, that has "
            "seen no other; use last, mean or concat"
        )
    recipe: dict[str, Any] = {"protocol": task.probe.definition()}
    if task.probe.features == "conditionals":
        return recipe
    if checkpoint.objective == "seq2seq":
        recipe["body"] = "encoder"
    return recipe if checkpoint.segments else recipe | {"segments": "left out"}


def measure(session: Session, task: ProbeTask, seed: int | None) -> Measurement:
    """Probe one checkpoint under one seed.

    Raises:
        HarnessError: a layer that does not exist, labels that are hidden or out of range, or too little memory.
    """
    rows = Rows.of(session, task, seed or 0)
    if task.probe.features == "one_hot":
        found = tokens_alone(session, task, rows, seed)
    elif task.probe.features == "conditionals":
        found = lookup_table(session, task, rows, seed)
    else:
        source = StateSource(session, task, rows)
        run = partial(one_probe, source, task, rows, seed or 0, session.device)
        found = over_layers(session, task, source.layers, run)
    found = replace(found, values=tuple(with_levels(session, task, found.values)))
    said = unreadable(session, task)
    return replace(found, warnings=(*found.warnings, said)) if said else found


def tokens_alone(session: Session, task: ProbeTask, rows: Rows, seed: int | None) -> Measurement:
    """The one-hot control, worked out once for all checkpoints of one tokenizer."""
    how = how_read(session, task.probe.max_length)
    run = partial(one_probe, OneHotSource(task, rows), task, rows, seed or 0, session.device, None, stage=False)
    found: Measurement = session.once_per_tokenizer(("one-hot probe", task.name, seed, *how), run)
    return found


def lookup_table(session: Session, task: ProbeTask, rows: Rows, seed: int | None) -> Measurement:
    """The true conditionals of a world, worked out once for all checkpoints."""

    def run() -> Measurement:
        source = ConditionalSource(session, task, rows)
        return one_probe(source, task, rows, seed or 0, session.device, None, stage=False)

    found: Measurement = session.data.once(("lookup table", task.name, seed), run)
    return found


def over_layers(
    session: Session, task: ProbeTask, layers: tuple[int, ...], run: Callable[..., Measurement]
) -> Measurement:
    """One layer is the cell; several are stages, of which one becomes the cell.

    Raises:
        HarnessError: every layer failed, or that which was to be the cell.
    """
    if len(layers) == 1:
        return run(layers[0], stage=False)
    kept: dict[int, tuple[Outcomes, ...]] = {}

    def keeping(layer: int) -> Measurement:
        measured = run(layer, stage=True)
        kept[layer] = measured.outcomes
        return measured

    found = stages(session, "layer", layers, keeping)
    cell = cell_of(task, layers, found)
    chosen = (cell.selected or {})["layer"]
    tokens = 0
    if chosen not in kept:  # it was in the store; the outcomes of single examples belong to the cell too
        tokens = keeping(chosen).tokens
    values = tuple(with_all(value, found) for value in cell.values)
    return replace(cell, values=values, outcomes=kept[chosen], tokens=tokens)


def cell_of(task: ProbeTask, layers: tuple[int, ...], found: Mapping[int, Records]) -> Measurement:
    """The best layer, or the last one named.

    Raises:
        HarnessError: every layer failed, or that which was to be the cell.
    """
    if task.probe.select_layer:
        return best_of(task, task.probe.selection, "layer", layers, found)
    last = found[layers[-1]]
    if not last:
        raise HarnessError(f"layer {layers[-1]}, the last one named, failed; its record of stage grid says why")
    selected = {"key": last[task.metrics[0]].key, "layer": layers[-1], "by": "the last layer named"}
    return Measurement(values_of(task, last), tokens=0, selected=selected)


def with_all(value: Value, found: Mapping[int, Records]) -> Value:
    """A value with those that every layer has on the scored split."""
    by_layer = {str(layer): records[value.metric].value for layer, records in found.items() if records}
    return replace(value, details={**(value.details or {}), "by_layer": by_layer})


def unreadable(session: Session, task: ProbeTask) -> str | None:
    """Why a skill cannot be read whatever the checkpoint knows; None where it can."""
    if task.data.skill is None or task.data.skill.name != "capital_marking" or not lower_cases(session.tokenizer()):
        return None
    return "the tokenizer lower-cases, so that capital_marking is at chance whatever the checkpoint knows"


def lower_cases(tokenizer: Any) -> bool:
    """Whether capitals and small letters become the same tokens."""
    upper, lower = (tokenizer(text, verbose=False)["input_ids"] for text in ("The Word", "the word"))
    return bool(upper == lower)


__all__ = ["VERSION", "columns", "measure", "policy", "rows_wanted", "seeded"]
