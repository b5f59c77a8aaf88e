r"""What is known of the pairs of a world: their true probabilities and most probable translations.

:math:`\log p(y \mid x) - \log q(y \mid x)`, averaged over pairs (x, y), is how far a model's cross-entropy lies above the
least there is on these pairs; in expectation it is the Kullback-Leibler divergence of the model from the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.data.parallel import Pair
from harness.data.worlds import open_world
from harness.data.worlds.choosing import Floats
from harness.data.worlds.synchronous_world import SynchronousWorld
from harness.measures.measurement import Value
from harness.measures.ratio import ratio_estimate
from harness.specs import TranslationTask

SENTENCES = {"source": "source", "target": "target"}


@dataclass(frozen=True, slots=True)
class Truth:
    """Of N pairs.

    Attributes:
        nats: minus the logarithm of p(target | source), (N,).
        words: of each target, its end included, (N,).
        best: the most probable translation of each source.
        entropy: nats per word of targets given sources, over the whole domain.
    """

    nats: Floats
    words: Floats
    best: list[str]
    entropy: float


def has_truth(task: Any) -> bool:
    """Whether a task translates the sentences of a world as they stand."""
    if not isinstance(task, TranslationTask) or task.data.world != SynchronousWorld.name:
        return False
    return {name: getattr(task, name).strip("{} ") for name in SENTENCES} == SENTENCES


def truth_of(task: TranslationTask, pairs: Sequence[Pair]) -> Truth | None:
    """What is known of the pairs of a task; None where its texts are not those of a world.

    Raises:
        HarnessError: the world refuses the task's options.
    """
    if not has_truth(task):
        return None
    world, config = open_world(task.data.world or "", dict(task.data.options)), str(task.data.name)
    assert isinstance(world, SynchronousWorld)
    sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
    return Truth(
        nats=-world.conditional_log_probabilities_of(config, sources, targets),
        words=np.array([len(target.split()) + 1.0 for target in targets]),
        best=world.best_translations_of(config, sources),
        entropy=world.entropy(config).nats_per_token,
    )


def excess_value(truth: Truth, nats: Floats) -> Value:
    """Nats above the least loss on these pairs, per target word, ends included.

    ``least`` is that loss, ``entropy`` its mean over the domain. Words stand for tokens, however those were cut.

    Args:
        truth: what is known of the pairs.
        nats: the model's summed loss of each target, (N,).
    """
    above, total = nats - truth.nats, float(truth.words.sum())
    known = {"least": float(truth.nats.sum()) / total, "entropy": truth.entropy}
    value, stderr, method = float(above.sum()) / total, None, "none: a single segment"
    if len(above) > 1:
        found = ratio_estimate(above, truth.words.astype(np.int64), np.arange(len(above)))
        stderr, method = (
            found.stderr,
            f"ratio estimator over {found.clusters} segments; by probabilities of the targets",
        )
    return Value("excess_nats_per_token", value, stderr, method, int(total), "nats per token", False, known)
