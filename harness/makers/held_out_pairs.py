"""The loss of a translation model in training on held-out pairs: each is a document of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.data.pairs import decoder_start, scored_pair
from harness.data.parallel import corpus_pairs
from harness.makers.held_out import HeldOut
from harness.makers.pair_batches import tokenised
from harness.measures.translation.languages import Told
from harness.specs.makers.pretrain import EvaluatePairs


class HeldOutPairs(HeldOut):
    """Held-out pairs, of which every token of the translation is scored, its end too."""

    def __init__(
        self,
        evaluate: EvaluatePairs,
        length: int,
        model: Any,
        tokenizer: Any,
        spec_folder: Path,
        offline: bool,
        spoken: Told,
    ) -> None:
        """Tokenise the pairs; those with a side of more than ``length`` tokens are left out, as in training."""
        parts, self.text = corpus_pairs((evaluate,), spec_folder, offline)
        pairs, start = tokenised(parts, [None], tokenizer, length, spoken), decoder_start(model, tokenizer)
        self.causal = True
        self.sequences = [
            scored_pair(source, target, start, cluster=number, key=number)
            for number, (source, target) in enumerate(zip(pairs.sources, pairs.targets, strict=True))
        ]
        self.count_tokens()
