"""How many tokens and seconds a plan will take.

What was measured before on this machine is the best guide; without it, the model's size, the text's length and the
machine's own rate of matrix products give a guess.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median

from harness.checkpoints import resolve
from harness.checkpoints.config import body_parameters, load_config
from harness.data.parallel import pairs_of
from harness.data.rows import Rows
from harness.errors import HarnessError
from harness.makers.pretrain import parameters_by_size
from harness.makers.registry import parameters
from harness.measures.flatness.pyhessian import MINIMUM_PROBES
from harness.measures.kinds import kind_of
from harness.measures.lm_loss import take
from harness.measures.session import RowCache
from harness.measures.translation.adaptation import general_task
from harness.plan import Planned
from harness.request import Options, Request
from harness.results import Store
from harness.specs import (
    AffinityTask,
    ChoiceTask,
    FinetuneTask,
    FlatnessTask,
    LanguageModels,
    Maker,
    ProbeTask,
    Task,
    TranslationTask,
    protocol_of,
)
from harness.specs.chains import family_of, making_order

CHARACTERS_PER_TOKEN = 4.2
OVERHEAD_SECONDS = 0.5
EFFICIENCY = 0.4
PASSES = {"lm_loss": 1, "fisher": 3, "hessian": 10, "training": 3}
PRODUCT_PASSES = 10
"""Of one product of the Hessian with a vector."""
STEP_PASSES = 4
"""Of writing one token of one hypothesis: a step has few rows, so that a machine is far from its rate."""
OF_TWO_STACKS = 0.5
"""Share of the parameters of an encoder-decoder model that a token of a pair passes: those of one of its two sides."""
DEFAULT_PARAMETERS = 110_000_000


@dataclass(frozen=True, slots=True)
class Guess:
    """Tokens through the model and seconds of one measurement; zero for what is done."""

    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimates:
    """A guess for every cell of a plan, and for the making of families."""

    cells: tuple[Guess, ...]
    make_seconds: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.make_seconds + sum(guess.seconds for guess in self.cells)

    @property
    def tokens(self) -> int:
        """Tokens of all measurements."""
        return sum(guess.tokens for guess in self.cells)


def estimate(request: Request, options: Options, output: Path, store: Store, planned: Sequence[Planned]) -> Estimates:
    """Guess every cell that is to be measured, and the members that are to be made."""
    data = RowCache(options.offline, options.limit)
    sizes = sizes_of(request, store, options) | unknown_sizes(planned, options)
    before = seconds_before(store)
    guesses = []
    for cell in planned:
        if cell.state in ("done", "failed"):
            guesses.append(Guess())
        else:
            size = cell.parameters or sizes.get(cell.name) or sizes.get(cell.family)
            guesses.append(guess(cell.task, size, data, before, options))
    missing = {p.family for p in planned if p.state == "after making"}
    made = sum(make_seconds(request.made[f], sizes.get(f), options) for f in missing if f in request.made)
    return Estimates(tuple(guesses), made)


def guess(
    task: Task, parameters: int | None, data: RowCache, before: dict[tuple[str, int], float], options: Options
) -> Guess:
    """One measurement."""
    size = parameters or DEFAULT_PARAMETERS
    work, tokens = work_of(task, data)
    known = before.get((task.name, size))
    return Guess(tokens, known if known is not None else OVERHEAD_SECONDS + work * 2 * size / rate(options.device))


def work_of(task: Task, data: RowCache) -> tuple[float, int]:
    """(tokens weighted by passes over the model, tokens)."""
    if isinstance(task, AffinityTask) and not task.reads_checkpoint:
        return 0.0, 0
    if isinstance(task, ProbeTask) and task.probe.features != "states":
        return 0.0, 0
    if isinstance(task, TranslationTask):
        return translation_work(task, data)
    scored = tokens_of(task, data, "score")
    if isinstance(task, FlatnessTask):
        drawn = min(scored, task.flatness.maximum * task.flatness.length)
        return drawn * flatness_passes(task), drawn
    if isinstance(task, ProbeTask):
        read = scored + tokens_of(task, data, "train") * share_of(data.get(task, "train"), task.probe.train_rows)
        return read * PASSES["lm_loss"], int(read)
    if isinstance(task, FinetuneTask):
        source = kind_of(task).trainer_of(task)  # type: ignore[attr-defined]
        protocol = protocol_of(source)
        share = share_of(data.get(source, "train"), protocol.train_rows)
        trained = tokens_of(source, data, "train") * share * protocol.epochs
        runs = len(protocol.learning_rates) if source is task else 1
        return runs * (trained * PASSES["training"] + scored), int(runs * (trained + scored))
    return scored * PASSES["lm_loss"], scored


def translation_work(task: TranslationTask, data: RowCache) -> tuple[float, int]:
    """Of translation: with ``adapt`` before and after the training, in the general domain too where one is named."""
    work, tokens = scoring_work(task, data)
    if task.adapt is None:
        return work, tokens
    general = general_task(task)
    for more in () if general is None else (scoring_work(general, data),):
        work, tokens = work + more[0], tokens + more[1]
    trained = task.adapt.steps * task.adapt.batch_tokens
    return 2 * work + trained * PASSES["training"] * OF_TWO_STACKS, 2 * tokens + trained


def scoring_work(task: TranslationTask, data: RowCache) -> tuple[float, int]:
    """Sources are read twice, to write from and to score references; translations are as long as those."""
    pairs = pairs_of(task, data.get(task, "score"), task.place())
    words = bool(task.data.world)
    read, written = (count_tokens(texts, words) for texts in ([p.source for p in pairs], [p.target for p in pairs]))
    return 2 * read + written * (1 + STEP_PASSES * task.decoding.beams), 2 * (read + written)


def share_of(rows: Rows, wanted: int | None) -> float:
    """What part of a split is trained on."""
    return min(1.0, wanted / len(rows)) if wanted else 1.0


def flatness_passes(task: FlatnessTask) -> float:
    """Passes over the model for each token drawn."""
    if task.estimator in PASSES:
        return PASSES[task.estimator]
    if task.estimator == "sharpness":
        return 1 + 2 * len(task.sharpness.noise) + 3 * (1 + task.sharpness.steps * len(task.sharpness.radii))
    if task.estimator == "spectrum":
        return PRODUCT_PASSES * task.spectrum.steps * (1 + task.spectrum.probes)
    if task.estimator == "pyhessian":
        more = task.spectrum.steps * task.spectrum.probes if "spectrum" in task.model_fields_set else 0
        return PRODUCT_PASSES * (MINIMUM_PROBES + more)
    return PRODUCT_PASSES * task.sketch.products


def tokens_of(task: Task, data: RowCache, split: str) -> int:
    """Tokens of a split: words on a world, characters over 4.2 elsewhere."""
    rows = data.get(task, split)
    if isinstance(task, ChoiceTask):
        return count_tokens(texts_in(rows, list(rows.columns)), words=False)
    labelled = task.downstream if isinstance(task, AffinityTask) else task
    target = getattr(labelled, "target", None)
    if target is None:
        return count_tokens((d.text for d in take(rows, task.text)), bool(task.data.world))  # type: ignore[attr-defined]
    return count_tokens(texts_in(rows, [c for c in rows.columns if c != target]), bool(task.data.world))


def texts_in(rows: Rows, names: Sequence[str]) -> Iterator[str]:
    """What stands in some columns."""
    return (str(value) for name in names for value in rows.columns[name])


def count_tokens(texts: Iterable[str], words: bool) -> int:
    """A count of tokens without a tokenizer."""
    return int(sum(len(text.split()) if words else len(text) / CHARACTERS_PER_TOKEN for text in texts))


def sizes_of(request: Request, store: Store, options: Options) -> dict[str, int]:
    """Parameters by checkpoint name, and of families that are to be made."""
    sizes = {name: info.parameters for info in store.checkpoints.values() for name in info.names if info.parameters}
    for family in making_order(request.made):
        recipe = request.made[family]
        parents = [family_of(name, request.made) for name in recipe.parents()]
        if isinstance(recipe, LanguageModels) and recipe.several_sizes:
            by_size = parameters_by_size(recipe)
            for run in recipe.training_runs():
                sizes |= {f"{family}/{member}": by_size[run.size.name] for member in run.members.values()}
        known = [sizes[name] for name in request.families[family] if name in sizes]
        another = recipe.maker == "enlarge" or getattr(recipe, "architecture", {})  # size than that of its parents
        known += [sizes[parent] for parent in parents if parent is not None and not another]
        sizes[family] = known[0] if known else parameters_of(recipe, options)
    return sizes


def unknown_sizes(planned: Sequence[Planned], options: Options) -> dict[str, int]:
    """Parameters of families whose first checkpoint does not say how many it has: those of its configuration."""
    sizes = {}
    firsts = {cell.family: cell.name for cell in reversed(planned) if cell.state == "to do" and cell.parameters is None}
    for family, name in firsts.items():
        try:
            whole = resolve(name, offline=options.offline).whole
            sizes[family] = body_parameters(load_config(Path(whole.folder), whole.name, remote_code=whole.remote_code))
        except (HarnessError, ValueError):  # the run will say it, or transformers has no body for it
            continue
    return sizes


def parameters_of(recipe: Maker, options: Options) -> int:
    """Parameters of a model that is not made yet, as its maker knows them, or a usual number."""
    try:
        return parameters(recipe, offline=options.offline) or DEFAULT_PARAMETERS
    except HarnessError:  # the run will say it; a plan has other rows to show
        return DEFAULT_PARAMETERS


def make_seconds(recipe: Maker, size: int | None, options: Options) -> float:
    """Seconds to train all members of a family; what trains nothing takes none to speak of."""
    share = OF_TWO_STACKS if getattr(recipe, "objective", None) == "translation" else 1.0
    if isinstance(recipe, LanguageModels) and recipe.several_sizes:
        sizes = parameters_by_size(recipe)
        return share * sum(
            training_seconds(run.steps * recipe.of(run.size).step_tokens, sizes[run.size.name], options.device)
            for run in recipe.training_runs()
        )
    return share * training_seconds(recipe.training_tokens(), size, options.device)


def training_seconds(tokens: int, size: int | None, device: str) -> float:
    """Seconds to train a model of ``size`` parameters on so many tokens."""
    return tokens * PASSES["training"] * 2 * (size or DEFAULT_PARAMETERS) / rate(device) if tokens else 0.0


def seconds_before(store: Store) -> dict[tuple[str, int], float]:
    """Median seconds of a task on checkpoints of one size, grid runs summed."""
    grids: dict[tuple[str, str, int | None], float] = {}
    for record in {(r.key, r.stage): r for r in store.records if r.error is None}.values():
        cell = (record.task, record.checkpoint, record.seed)
        grids[cell] = grids.get(cell, 0.0) + (record.cost.seconds or 0.0)
    found: dict[tuple[str, int], list[float]] = {}
    for (task, checkpoint, _), seconds in grids.items():
        info = store.checkpoints.get(checkpoint)
        if info is not None and info.parameters:
            found.setdefault((task, info.parameters), []).append(seconds)
    return {cell: median(seconds) for cell, seconds in found.items()}


@lru_cache(maxsize=4)
def rate(device: str) -> float:
    """Floating-point operations a second that a transformer reaches here: a share of this machine's matrix products."""
    import torch

    size, fastest, started = 512, float("inf"), time.perf_counter()
    a = torch.randn(size, size, device=device)
    while time.perf_counter() - started < 0.3:  # long enough that other programs leave one product alone
        began = time.perf_counter()
        torch.matmul(a, a)[0, 0].item()
        fastest = min(fastest, time.perf_counter() - began)
    return EFFICIENCY * 2 * size**3 / fastest
