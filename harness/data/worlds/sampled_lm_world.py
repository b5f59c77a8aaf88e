"""The world "sampled_lm": text sampled from a causal model that may use its commonest tokens alone.

Configurations: ``text``, and ``text_control``, an independent sample of the same language. Columns: ``text``, a
sentence of words w0, w1 ... in the order of how common they are; ``decoded``, what the model's tokenizer writes for it.
Only ``text`` has exact probabilities: ``decoded`` may fall into other tokens when it is read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from harness.data.worlds.choosing import Integers
from harness.data.worlds.options import option, parse_options, text_option
from harness.data.worlds.sampled_language import SampledLanguage, commonest
from harness.data.worlds.world import Columns, Levels, World, sentences
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.checkpoints import Resolved


@dataclass(frozen=True, slots=True)
class SampledLmOptions:
    """What a spec may say of the world "sampled_lm"; each row count is of one split of one configuration."""

    checkpoint: str = text_option()
    vocabulary: int = option(2000, 2, 65536)
    length: int = option(24, 2, 1024)
    temperature: float = option(1.0, 0.01, 100.0)
    seed: int = option(0, 0, 2**32 - 1)
    text_train: int = option(20000, 1, 100_000_000)
    text_validation: int = option(1000, 1, 100_000_000)
    text_test: int = option(1000, 1, 100_000_000)


class SampledLmWorld(World):
    """One checkpoint's language; the checkpoint is looked for when it is needed first."""

    name: ClassVar[str] = "sampled_lm"
    version: ClassVar[int] = 1
    portable: ClassVar[bool] = False
    configurations: ClassVar[dict[str, int]] = {"text": 0, "text_control": 1}
    texts: ClassVar[tuple[str, ...]] = ("text", "text_control")

    def __init__(self, options: dict[str, object]) -> None:
        """Check the options.

        Raises:
            HarnessError: an unknown option, a wrong type, a value out of range, or no checkpoint.
        """
        self.options = parse_options(SampledLmOptions, "sampled_lm", options)
        if not self.options.checkpoint:
            raise HarnessError("world 'sampled_lm': found no checkpoint; expected options: {checkpoint: NAME}")

    @cached_property
    def checkpoint(self) -> Resolved:
        """The checkpoint.

        Raises:
            HarnessError: it does not exist, or is no causal model that reads sentences of this length.
        """
        from harness.checkpoints import resolve

        found = resolve(self.options.checkpoint, offline=self.offline)
        if found.objective != "causal":
            raise HarnessError(f"world 'sampled_lm': {found.name} is {found.objective}; expected a causal model")
        if found.context < self.options.length:
            reads = f"{found.name} reads {found.context} tokens"
            raise HarnessError(f"world 'sampled_lm': found length {self.options.length}, {reads}; make length smaller")
        return found

    @cached_property
    def model(self) -> tuple[Any, Any]:
        """The model and its tokenizer."""
        from harness.checkpoints import load_language_model

        return load_language_model(self.checkpoint, "cpu", "float32")

    @cached_property
    def speaker(self) -> SampledLanguage:
        """The language.

        Raises:
            HarnessError: the tokenizer has fewer tokens than wanted, or none to begin with.
        """
        model, tokenizer = self.model
        begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if begin is None:
            raise HarnessError(f"world 'sampled_lm': {self.checkpoint.name} has no BOS and no EOS token to begin with")
        known = min(len(tokenizer), model.config.get_text_config().vocab_size)
        ordinary = np.setdiff1d(np.arange(known), np.array(sorted(tokenizer.all_special_ids), dtype=np.int64))
        o = self.options
        if len(ordinary) < o.vocabulary:
            found = f"vocabulary {o.vocabulary}, {self.checkpoint.name} has {len(ordinary)} tokens"
            raise HarnessError(f"world 'sampled_lm': found {found}; make vocabulary smaller")
        tokens = commonest(model, begin, ordinary, o.vocabulary, o.length, o.seed)
        return SampledLanguage(model, begin, tokens, o.temperature)

    def language(self, config: str = "text") -> SampledLanguage:
        """The language of both configurations."""
        return self.speaker

    def words(self) -> list[str]:
        """The word of each number; the model is not asked."""
        return [f"w{word}" for word in range(self.options.vocabulary)]

    def identity(self) -> dict[str, str]:
        """Which weights: the name alone may come to mean others."""
        return {"checkpoint": self.checkpoint.identity}

    def chunks(self, config: str, split: str, wanted: Collection[str] | None = None) -> Iterator[Columns]:
        """The rows of a split."""
        generator = self.generator(config, split)
        for words in self.speaker.sample(self.rows(config, split), self.options.length, generator):
            found: Columns = {"text": sentences(words)}
            if wanted is None or "decoded" in wanted:
                found["decoded"] = self.decoded(words)
            yield {name: values for name, values in found.items() if wanted is None or name in wanted}

    def decoded(self, words: Integers) -> list[str]:
        """What the tokenizer writes for word numbers."""
        ids = self.speaker.tokens[words].tolist()
        return list(self.model[1].batch_decode(ids, clean_up_tokenization_spaces=False))

    def levels(self, config: str, split: str = "test") -> Levels:
        """No configuration has labels.

        Raises:
            HarnessError: always.
        """
        self.generator(config, split)
        raise self.no_labels(config)
