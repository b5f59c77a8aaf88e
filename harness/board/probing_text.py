"""What the board says of probes beside fine-tuning: a row a pair, and one sentence on what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from harness.board.notation import NONE, fixed
from harness.slopes.probing import ProbeAnswer

SIGNIFICANT = 0.05
FEW_RUNS = 3
NOTE = (
    "A probe learns from the frozen body, fine-tuning changes it too. The correlation is Spearman's over the checkpoints of a "
    "family: near 1, a probe would pick the same checkpoints at a small part of the price; near 0, it says nothing about them."
)


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One probe against one fine-tuned task."""

    family: str
    task: str
    probe: str
    same_data: str
    correlation: str
    n: str
    q: str
    gain: str
    says: str


def probe_rows(found: Sequence[ProbeAnswer]) -> list[ProbeRow]:
    """Every pair as a row."""
    return [
        ProbeRow(
            one.family, " ".join(one.task), " ".join(one.probe), "yes" if one.same_data else "no", correlation(one),
            f"{one.found.n if one.found else NONE} / {one.runs}", NONE if one.q is None else f"{one.q:.1g}",
            NONE if one.gain is None else fixed(one.gain, 3, sign=True), says(one),
        )
        for one in found
    ]  # fmt: skip


def correlation(one: ProbeAnswer) -> str:
    """Rho with its interval."""
    if one.found is None:
        return NONE
    return f"{fixed(one.found.rho, 2)} [{fixed(one.found.low, 2)}, {fixed(one.found.high, 2)}]"


def says(one: ProbeAnswer) -> str:
    """The verdict in words, or why there is none."""
    if one.found is None:
        return one.refusal or NONE
    about = "" if one.runs >= FEW_RUNS else ", about these runs alone"
    if one.q is None or one.q >= SIGNIFICANT:
        return f"undecided{about}"
    return f"{'predicts' if one.found.rho > 0 else 'predicts the reverse'}{about}"


def probing_sentences(found: Sequence[ProbeAnswer]) -> list[str]:
    """How many probes of the same labels, and how many of other skills, order checkpoints as fine-tuning does."""
    sentences = []
    for same, what in ((True, "of a task's own labels"), (False, "of other labels")):
        asked = [one for one in found if one.same_data is same and one.found is not None]
        if asked:
            rho = [one.found.rho for one in asked if one.found]
            agree = sum(says(one).startswith("predicts") and not says(one).startswith("predicts the") for one in asked)
            against = sum(says(one).startswith("predicts the reverse") for one in asked)
            sentences.append(
                f"Probes {what}: {agree} of {len(asked)} order the checkpoints as fine-tuning does, {against} the other way round; "
                f"median correlation {fixed(median(rho), 2)}, from {fixed(min(rho), 2)} to {fixed(max(rho), 2)}."
            )
    return sentences
