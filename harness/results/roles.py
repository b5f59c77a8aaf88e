"""Which task plays which role, and which checkpoints one line may be fitted through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Role = Literal["upstream", "flatness", "downstream", "affinity"]
ROLES: tuple[Role, ...] = get_args(Role)
"""What a task may be for in a suite."""


@dataclass(frozen=True, slots=True)
class Control:
    """A cell whose slope is known beforehand: dy/dx of ``task``'s ``metric`` against the upstream loss."""

    task: str
    metric: str
    slope: float
    because: str = ""
    upstream: str = ""


SETTINGS = ("parameters", "step")
"""What of a checkpoint, besides measures, a claim may speak of."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A published claim: at equal upstream loss, checkpoints with less (or more) of ``by`` do better at ``task``.

    ``by`` is a task of the suite, such as a trace, or a setting of checkpoints: parameters or step.
    """

    text: str
    families: tuple[str, ...]
    by: str
    task: str
    expected: str = "less_is_better"
    metric: str = ""
    upstream: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Groups:
    """Two groups of checkpoints to hold against one another on one line: families, or patterns over names of checkpoints.

    The second is held against the first. Empty ``tasks`` are all downstream tasks, empty ``metrics`` their headlines.
    """

    name: str
    first: str
    second: str
    first_members: tuple[str, ...]
    second_members: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Roles:
    """What a suite says about records: it is the suite, not the record, that assigns roles and families.

    ``families`` maps a family to the *names* of its checkpoints (see ``CheckpointInfo.names``).
    """

    upstream: tuple[str, ...]
    flatness: tuple[str, ...]
    downstream: tuple[str, ...]
    families: Mapping[str, tuple[str, ...]]
    controls: tuple[Control, ...] = ()
    title: str = ""
    description: str = ""
    headline: Mapping[str, str] = field(default_factory=dict)
    """Task name to the metric shown and fitted first; without an entry, the task's first metric."""
    affinity: tuple[str, ...] = ()
    """Tasks that give features of downstream tasks, from which slopes may be predicted."""
    claims: tuple[Claim, ...] = ()
    groups: tuple[Groups, ...] = ()
    predictors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Upstream task name to the metrics that slopes are fitted on; without an entry, its headline alone."""
