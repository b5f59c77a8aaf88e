"""Maker ``pretrain``: causal and masked language models from scratch, or trained on from a checkpoint.

Each seed is one run; checkpoints of a run are kept at the steps named. The same seed and thread count give the same
weights, also when a run was killed and goes on: batches and masks of a step depend on seed and step alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from harness.data.documents import documents
from harness.data.rows import load_rows
from harness.data.sequences import UNSCORED
from harness.data.tokenizer import train_tokenizer
from harness.data.windows import MaskVocabulary, corrupted
from harness.errors import HarnessError
from harness.makers.family import FamilyFolder
from harness.progress import progress, say
from harness.specs import Corpus, LmLossTask, Pretrain
from harness.training.heads import head_off
from harness.training.loop import Batch, Loop, Recipe

VERSION = 2


def make(
    recipe: Pretrain, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, the corpus has too little text, or training diverged.
    """
    made = recipe.model_dump(mode="json", exclude_defaults=True) | {"version": VERSION}
    family = FamilyFolder(folder, made)
    missing = [name for name in recipe.members() if not family.complete(name)]
    if missing:
        texts, corpus = corpus_texts(recipe, spec_folder, offline)
        tokenizer = the_tokenizer(recipe, texts, offline)
        blocks = packed(tokenizer, texts, recipe)
        for seed in recipe.seeds:
            if any(name.startswith(f"seed={seed}/") for name in missing):
                train_run(recipe, family, tokenizer, blocks, seed, corpus, device, offline)
    return list(recipe.members())


def corpus_texts(recipe: Pretrain, folder: Path, offline: bool) -> tuple[list[str], str]:
    """All documents of the corpus, and its name with revisions."""
    texts, names = [], []
    for corpus in recipe.corpus:
        rows = load_rows(as_task(corpus), "score", (corpus.text.column,), offline=offline)
        found = documents([str(value) for value in rows.columns[corpus.text.column]], corpus.text.documents)
        texts += [d.text[: corpus.text.characters] for d in found[: corpus.text.first]]
        names.append(corpus_name(corpus, rows.revision))
    if not any(texts):
        raise HarnessError("the corpus has no text to train on")
    return texts, " + ".join(names)


def as_task(corpus: Corpus) -> LmLossTask:
    """A corpus as the loader of rows takes it."""
    return LmLossTask(
        name="corpus", description="text to train on", kind="lm_loss", data=corpus.data, splits={"score": corpus.split},
        text=corpus.text,
    )  # fmt: skip


def corpus_name(corpus: Corpus, revision: str) -> str:
    """What was trained on, for people and for keeping families apart."""
    data = corpus.data
    name = data.path or data.world or ", ".join(data.files or ())
    return f"{name}{f'/{data.name}' if data.name else ''}[{corpus.split}]@{revision[:12]}"


def the_tokenizer(recipe: Pretrain, texts: list[str], offline: bool) -> Any:
    """The tokenizer named, the start's own, or one trained on the corpus."""
    from harness.checkpoints import load_tokenizer, resolve

    name = recipe.start or (recipe.tokenizer if isinstance(recipe.tokenizer, str) else None)
    if name is not None:
        found = resolve(name, offline=offline)
        return load_tokenizer(found.folder, found.name)
    spec = recipe.tokenizer
    assert not isinstance(spec, str)
    return train_tokenizer(
        texts, kind=spec.kind, vocabulary=spec.vocabulary, objective=recipe.objective, lowercase=spec.lowercase,
        max_length=recipe.length,
    )  # fmt: skip


def packed(tokenizer: Any, texts: list[str], recipe: Pretrain) -> torch.Tensor:
    """The corpus as sequences of one length: int64 ``(N, length)``.

    Causal: documents end to end with BOS (or EOS) before each. Masked: [CLS] text [SEP], documents end to end.

    Raises:
        HarnessError: less text than one batch.
    """
    coded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    causal = recipe.objective == "causal"
    stream = np.concatenate(
        [np.array(([begin] if causal and begin is not None else []) + ids, dtype=np.int64) for ids in coded]
    )
    size = recipe.length if causal else recipe.length - 2
    count = len(stream) // size
    if count < recipe.batch_size:
        raise HarnessError(
            f"the corpus has {len(stream):,} tokens, less than one batch of {recipe.batch_size} x {size}; give more text or a smaller batch"
        )
    blocks = torch.from_numpy(stream[: count * size].reshape(count, size))
    if causal:
        return blocks
    edges = [torch.full((count, 1), token) for token in (tokenizer.cls_token_id, tokenizer.sep_token_id)]
    return torch.cat([edges[0], blocks, edges[1]], 1)


def new_model(recipe: Pretrain, tokenizer: Any, seed: int, offline: bool) -> Any:
    """A model with random weights under the seed, or the start's."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

    if recipe.start is not None:
        from harness.checkpoints import load_language_model, load_with_new_head, resolve

        start = resolve(recipe.start, offline=offline)
        return (
            load_with_new_head(start, seed)
            if recipe.head == "tied"
            else load_language_model(start, "cpu", "float32")[0]
        )
    settings = dict(recipe.architecture)
    model_type = settings.pop("model_type")
    try:
        usual = AutoConfig.for_model(model_type)
        named = [name for name in ("cls_token_id", "sep_token_id") if getattr(usual, name, None) is not None]
        special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id", *named)}
        config = AutoConfig.for_model(model_type, vocab_size=len(tokenizer), **special, **settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            chosen = AutoModelForCausalLM if recipe.objective == "causal" else AutoModelForMaskedLM
            return chosen.from_config(config)
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"architecture {dict(recipe.architecture)}: {str(error).splitlines()[0]}") from None


def train_run(
    recipe: Pretrain, family: FamilyFolder, tokenizer: Any, blocks: torch.Tensor, seed: int, corpus: str, device: str,
    offline: bool,
) -> None:  # fmt: skip
    """One run: train to the last step and keep the checkpoints named; go on where a killed run stopped."""
    settings = Recipe(
        steps=recipe.steps[-1], learning_rate=recipe.learning_rate, warmup_steps=recipe.warmup_steps,
        schedule=recipe.schedule, weight_decay=recipe.weight_decay, clip=recipe.clip, precision=recipe.precision,
    )  # fmt: skip
    objective = Objective(recipe, tokenizer, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loop = Loop(new_model(recipe, tokenizer, seed, offline).to(device), settings, LOSSES[recipe.objective])
        resumed = resume(loop, family, seed)
        name = family.folder.name
        if resumed:
            say(f"{name}: seed {seed} goes on at step {resumed}")
        with progress(f"{name}  pretrain seed {seed}", recipe.steps[-1] - resumed) as advance:
            losses: list[float] = []
            if resumed == 0 and recipe.steps[0] == 0:
                keep(loop, recipe, family, tokenizer, seed, corpus, losses)
            for batch in batches(blocks, recipe.batch_size, seed, resumed, recipe.steps[-1]):
                losses.append(loop.step({k: v.to(device) for k, v in objective.batch(batch, loop.step_number).items()}))
                advance(1)
                if loop.step_number in recipe.steps:
                    keep(loop, recipe, family, tokenizer, seed, corpus, losses)
    state_path(family, seed).unlink(missing_ok=True)


class Objective:
    """Turns blocks into what the model reads and what it is asked for."""

    def __init__(self, recipe: Pretrain, tokenizer: Any, seed: int) -> None:
        """Masks of a step depend on seed and step alone."""
        self.recipe, self.seed = recipe, seed
        self.vocabulary = MaskVocabulary.of(tokenizer) if recipe.objective == "masked" else None

    def batch(self, blocks: torch.Tensor, step: int) -> Batch:
        """Inputs and labels ``(B, length)``; labels are aligned with inputs, -100 where nothing is asked."""
        if self.vocabulary is None:
            labels = blocks.clone()
            labels[:, 0] = UNSCORED
            return {"input_ids": blocks, "labels": labels}
        random = np.random.default_rng((self.seed, step))
        ids = blocks.numpy().copy()
        chosen = random.random(ids.shape) < self.recipe.mask_rate
        chosen[:, [0, -1]] = False
        if not chosen.any():
            chosen[0, 1] = True
        labels = np.where(chosen, ids, UNSCORED)
        ids[chosen] = corrupted(ids[chosen], self.vocabulary, random)
        return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}


def forward(model: Any, batch: Batch) -> torch.Tensor:
    """Logits ``(B, length, V)``; blocks have no padding, and an end-of-text token inside one is no padding either."""
    return model(input_ids=batch["input_ids"], attention_mask=torch.ones_like(batch["input_ids"])).logits


def causal_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy of the next token, nats, float32."""
    logits, labels = forward(model, batch)[:, :-1], batch["labels"][:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())


def masked_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy of the masked tokens, nats, float32; the last layer works on these positions alone."""
    scored = batch["labels"] != UNSCORED
    with head_off(model, batch["input_ids"][:1, :2]) as head:
        states = forward(model, batch)[scored]
    logits = states if head is None else head(states)
    return functional.cross_entropy(logits.float(), batch["labels"][scored])


LOSSES = {"causal": causal_loss, "masked": masked_loss}


def batches(blocks: torch.Tensor, size: int, seed: int, start: int, stop: int) -> Iterator[torch.Tensor]:
    """Batches of steps ``start`` to ``stop``; the order of an epoch depends on seed and epoch alone."""
    per_epoch = len(blocks) // size
    order, epoch = torch.empty(0), -1
    for step in range(start, stop):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(len(blocks)))
        place = step % per_epoch * size
        yield blocks[order[place : place + size]]


def keep(
    loop: Loop, recipe: Pretrain, family: FamilyFolder, tokenizer: Any, seed: int, corpus: str, losses: list[float]
) -> None:  # fmt: skip
    """Save a checkpoint, then the state from which the run can go on."""
    step = loop.step_number
    about = {
        "run": f"{family.recipe[:16]}/seed={seed}", "step": step, "training_seed": seed, "corpus": corpus,
        "objective": recipe.objective, "parent": recipe.start,
        "made": {
            "maker": "pretrain", "recipe": family.recipe, "threads": torch.get_num_threads(),
            "tokens": step * recipe.batch_size * recipe.length,
            "train_loss": float(np.mean(losses[-50:])) if losses else None,
        },
    }  # fmt: skip
    member = f"seed={seed}/step={step}"
    if not family.complete(member):
        family.save(member, loop.model, tokenizer, about)
    path = state_path(family, seed)
    torch.save(loop.state() | {"member": member}, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def state_path(family: FamilyFolder, seed: int) -> Path:
    """Where the optimizer's state of a run in progress stands."""
    return family.folder / f"seed={seed}" / "training.state"


def resume(loop: Loop, family: FamilyFolder, seed: int) -> int:
    """Load the newest checkpoint of a run and the optimizer's state at it; returns its step, 0 for a fresh run."""
    from safetensors.torch import load_model

    path = state_path(family, seed)
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    member = family.folder / state["member"]
    if not family.complete(state["member"]):
        return 0
    load_model(loop.model, str(member / "model.safetensors"))
    loop.restore(state)
    return loop.step_number
