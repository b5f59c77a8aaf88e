"""Folders of the table's models and of tasks on files, each made once, and the answers written down by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from harness import evaluate
from tests.architectures import CAUSAL, SIGNALS, TABLE
from tests.hub.text import sentences

DOCUMENTS = [" ".join(sentences(random.Random(n).randint(1, 3), seed=n)) for n in range(9)]
LIMITS = "{minimum: 8, maximum: 40, length: 16}"
TASKS = {
    "loss": "kind: lm_loss\nloss: {pseudo_log_likelihood: true}\n",
    "masks": "kind: lm_loss\nloss: {mask_rate: 0.3}\n",
    "fisher": f"kind: flatness\nestimator: fisher\nflatness: {LIMITS}\n",
    "hessian": f"kind: flatness\nestimator: hessian\nflatness: {LIMITS}\n",
    "words": "kind: finetune\ninputs: ['{{ text }}']\nlabels: [bad, good]\nmetrics: [accuracy]\n"
             "protocol: {learning_rates: [1e-2], epochs: 10, batch_size: 8, dropout: 0.0}\n",
    "choice": "kind: choice\ncontext: '{{ text }}'\nchoices: ['by the river', 'in the market']\ntarget: label\n"
              "metrics: [accuracy, log_likelihood_margin]\n",
}  # fmt: skip


class Bench:
    """What the tests of architectures work on, below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        rows = [{"text": f"{SIGNALS[n % 2]} {text}", "label": n % 2} for n, text in enumerate(sentences(24, seed=5))]
        for name, lines in (("texts", [{"text": text} for text in DOCUMENTS]), ("labelled", rows)):
            (root / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        for name, spec in TASKS.items():
            data = "labelled" if name in ("words", "choice") else "texts"
            splits = "train: train, score: train" if name == "words" else "score: train"
            (root / f"{name}.yaml").write_text(
                f"{spec}description: d\ndata: {{files: [{data}.jsonl]}}\nsplits: {{{splits}}}\n"
            )

    def folder(self, name: str) -> Path:
        """The folder of an architecture."""
        folder = self.root / name
        return folder if folder.exists() else TABLE[name].save(folder)

    def task(self, name: str) -> str:
        """The file of a task."""
        return str(self.root / f"{name}.yaml")

    def values(self, checkpoint: Any, *tasks: str) -> dict[str, float]:
        """What ``evaluate`` says, by metric."""
        at = str(checkpoint) if isinstance(checkpoint, Path) else checkpoint
        records = evaluate(at, [self.task(task) for task in tasks], name="one")
        assert not [r.error for r in records if r.error]
        return {r.metric: r.value for r in records if r.value is not None}


def plain_model(folder: Path, name: str) -> Any:
    """The model as transformers alone loads it, with eager attention and in float64."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    auto = AutoModelForCausalLM if name in CAUSAL else AutoModelForMaskedLM
    return auto.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).double().eval()


@torch.no_grad()
def plain_loss(model: Any, name: str) -> float:
    """Nats per token of DOCUMENTS: one by one, without padding, with the tokenizer that was saved."""
    tokenizer, total, count = TABLE[name].tokenizer(), 0.0, 0
    for text in DOCUMENTS:
        ids = torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"])
        assert len(ids) == len(text.split()) and tokenizer.unk_token_id not in ids
        if name in CAUSAL:
            begin = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
            logits = model(input_ids=torch.cat([torch.tensor([begin]), ids[:-1]])[None]).logits[0]
        else:
            whole = torch.cat([torch.tensor([tokenizer.cls_token_id]), ids, torch.tensor([tokenizer.sep_token_id])])
            read, places = whole.repeat(len(ids), 1), torch.arange(len(ids))
            read[places, places + 1] = tokenizer.mask_token_id
            logits = model(input_ids=read).logits[places, places + 1]
        total += float(functional.cross_entropy(logits, ids, reduction="sum"))
        count += len(ids)
    return total / count
