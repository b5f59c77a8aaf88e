"""Names of checkpoints: Hub ``org/name[@revision]`` or a local folder; brace patterns; what a name says of its run."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
BRACES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"(\d+):(\d+)(?::(\d+))?")
STEP = re.compile(r"(?:^|[-_])(?:global_)?(?:step|checkpoint)[-_=]?(\d+)(k?)(?=$|[-_])")
PLAIN_STAGE = re.compile(r"(?:stage\d+)?")
BRANCH_SEED = re.compile(r"-seed-[\w-]+$")
REPOSITORY_SEED = re.compile(r"(?<!data)(?<!weight)[-_]seed[-_]?(\d+)(?=$|-)")


@dataclass(frozen=True, slots=True)
class Name:
    """Where a checkpoint lies: a Hub repository at a revision (None: its main branch), or a folder."""

    path: str
    revision: str | None
    local: bool


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a name says of the training run: its label, the optimizer step, the seed of the training."""

    run: str
    step: int | None = None
    training_seed: int | None = None


def parse(name: str) -> Name:
    """Tell a local folder from a Hub name; a folder that exists comes first.

    Raises:
        HarnessError: neither a folder that exists nor of the form ``org/name[@revision]``.

    >>> parse("EleutherAI/pythia-70m@step1000")
    Name(path='EleutherAI/pythia-70m', revision='step1000', local=False)
    """
    folder = Path(name).expanduser()
    if name.strip() and folder.is_dir():
        return Name(str(folder), None, local=True)
    repository, at, revision = name.partition("@")
    if HUB_NAME.fullmatch(repository) and not repository.startswith((".", "-")) and bool(at) == bool(revision):
        return Name(repository, revision or None, local=False)
    if folder.is_file():
        raise HarnessError(f"checkpoint {name!r} is a file; name the folder that holds config.json and the weights")
    raise HarnessError(
        f"checkpoint {name!r} is neither a folder here nor a Hub name; "
        "expected org/name or org/name@revision, such as google-bert/bert-base-uncased, or a folder that exists"
    )


def expand(pattern: str) -> list[str]:
    """Names that a brace pattern stands for, in order, each once.

    ``{a,b}`` lists; ``{start:stop:step}`` counts as Python's ``range``, without ``stop``; both may mix.

    Raises:
        HarnessError: a brace is not closed, or a group is empty.

    >>> expand("EleutherAI/pythia-70m@step{1000,2000}")
    ['EleutherAI/pythia-70m@step1000', 'EleutherAI/pythia-70m@step2000']
    >>> expand("runs/seed{0:2}/step-{0:10:4,100}")  # doctest: +ELLIPSIS
    ['runs/seed0/step-0', 'runs/seed0/step-4', 'runs/seed0/step-8', 'runs/seed0/step-100', 'runs/seed1/step-0', ...]
    """
    pieces = BRACES.split(pattern)
    if any(brace in text for text in pieces[::2] for brace in "{}"):
        raise HarnessError(
            f"checkpoint pattern {pattern!r} has a brace without its partner, or braces inside braces; "
            "write {1000,2000} or {0:10:2}"
        )
    choices = [choices_of(text, pattern) if place % 2 else [text] for place, text in enumerate(pieces)]
    return list(dict.fromkeys("".join(parts) for parts in itertools.product(*choices)))


def choices_of(group: str, pattern: str) -> list[str]:
    """What the inside of one pair of braces stands for."""
    found: list[str] = []
    for item in group.split(","):
        counted = RANGE.fullmatch(item.strip())
        if counted:
            start, stop, step = int(counted[1]), int(counted[2]), int(counted[3] or 1)
            found += [str(number) for number in range(start, stop, step)] if step else []
        elif item.strip():
            found.append(item.strip())
    if not found:
        raise HarnessError(
            f"checkpoint pattern {pattern!r}: {{{group}}} stands for nothing; write {{1000,2000}} or {{0:10:2}}"
        )
    return found


def lineage(name: Name) -> Lineage:
    """The run, step and training seed that a name tells.

    Revisions of one repository are steps of one run, except branches that say more than a stage before the step
    or name a seed after it. A folder named as a step belongs to the run of the folder above it.

    >>> lineage(parse("allenai/OLMo-2-0425-1B@stage1-step140000-tokens294B"))
    Lineage(run='allenai/OLMo-2-0425-1B', step=140000, training_seed=None)
    >>> lineage(parse("google/multiberts-seed_0-step_20k"))
    Lineage(run='google/multiberts-seed_0', step=20000, training_seed=0)
    """
    if name.local:
        folder = Path(name.path).resolve()
        step = STEP.search(folder.name)
        return Lineage(str(folder.parent if step else folder), step_of(step))
    run, found = name.path, STEP.search(name.revision or "")
    if found:
        run += branch_of(name.revision or "", found)
    else:
        found = STEP.search(name.path)
        run = name.path[: found.start()] if found else name.path
    seed = REPOSITORY_SEED.search(name.path)
    return Lineage(run, step_of(found), int(seed[1]) if seed else None)


def step_of(match: re.Match[str] | None) -> int | None:
    """The number of a matched step; ``20k`` is 20000."""
    return int(match[1]) * (1000 if match[2] else 1) if match else None


def branch_of(revision: str, step: re.Match[str]) -> str:
    """What sets a revision's run apart from others of its repository, as ``@...``; empty for plain steps."""
    before = revision[: step.start()]
    seed = BRANCH_SEED.search(revision)
    parts = [] if PLAIN_STAGE.fullmatch(before) else [before]
    parts += [seed[0].lstrip("-")] if seed else []
    return "@" + "-".join(parts) if parts else ""
