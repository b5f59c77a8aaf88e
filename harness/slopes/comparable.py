"""Why some checkpoints may not share a line: what differs that a slope would take for an effect of the loss."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.record import CheckpointInfo, Record


def reasons(infos: Sequence[CheckpointInfo], axes: Sequence[Sequence[Record]]) -> list[str]:
    """Every reason, one sentence each; empty when the checkpoints may share a line.

    Args:
        infos: the cell's checkpoints.
        axes: the records that x is made of, and those of y.
    """
    found = [different_objectives(infos), different_tokenizers(infos, axes)]
    for records in axes:
        found += [partly_partial(records) or different_signatures(records), different_units(records)]
    return [reason for reason in found if reason is not None]


def different_objectives(infos: Sequence[CheckpointInfo]) -> str | None:
    """A masked loss and a causal one are different quantities."""
    objectives = sorted({info.objective for info in infos if info.objective is not None})
    if len(objectives) < 2:
        return None
    return f"the family mixes the objectives {' and '.join(objectives)}; make one family of each."


def different_tokenizers(infos: Sequence[CheckpointInfo], axes: Sequence[Sequence[Record]]) -> str | None:
    """Nats per token, or per scored byte of a masked model, count other things under another tokenizer."""
    tokenizers = {info.tokenizer for info in infos if info.tokenizer is not None}
    in_nats = [records[0] for records in axes if records and records[0].unit.startswith("nats")]
    if len(tokenizers) < 2 or not in_nats:
        return None
    return (
        f"{in_nats[0].task} is in {in_nats[0].unit} and the family has {len(tokenizers)} tokenizers; make one family "
        f"of each, or where the loss has it fit bits per byte (headline: {{{in_nats[0].task}: bits_per_byte}})."
    )


def partly_partial(records: Sequence[Record]) -> str | None:
    """Values from part of the data beside values from the whole of it."""
    partial = [record for record in records if record.partial is not None]
    if len(partial) in (0, len(records)):
        return None
    return (
        f"{partial[0].task} was measured on part of the data ({partial[0].partial}) for "
        f"{len({record.checkpoint for record in partial})} of {len({record.checkpoint for record in records})} "
        "checkpoints and on the whole for the others; measure those again without a limit."
    )


def different_signatures(records: Sequence[Record]) -> str | None:
    """Two definitions of one task: other data, protocol, precision or version."""
    examples: dict[str, Record] = {}
    for record in records:
        examples.setdefault(record.signature, record)
    if len(examples) < 2:
        return None
    one, other = list(examples.values())[:2]
    return (
        f"{one.task} ({one.metric}) was measured under {len(examples)} signatures; see what differs with "
        f"`harness explain {one.key[:12]} {other.key[:12]}`, and measure every checkpoint alike."
    )


def different_units(records: Sequence[Record]) -> str | None:
    """One metric in two units, or with two directions."""
    found = {(record.unit, record.higher_is_better) for record in records}
    if len(found) < 2:
        return None
    units = sorted(f"{unit} ({'higher' if higher else 'lower'} is better)" for unit, higher in found)
    return f"{records[0].task} ({records[0].metric}) is given in {' and in '.join(units)}; convert it to one."
