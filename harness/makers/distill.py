"""Maker ``distill``: students of a translation model (Kim and Rush 2016).

Sequence-level: the teacher translates the sources, and the student is trained on its translations as on any others; they
stand in ``.teacher/`` of the family's folder, and a killed run goes on after the last that was written. Word-level: the
student learns the teacher's distribution over the next token, given the translation up to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from harness.checkpoints import Resolved, load_language_model, load_tokenizer
from harness.data.parallel import Pair
from harness.errors import HarnessError
from harness.makers.family import FamilyFolder
from harness.makers.pretrain import Material, parameters, train_missing
from harness.makers.teacher import teacher_translations
from harness.makers.word_distillation import check_vocabularies, word_level_loss
from harness.progress import say
from harness.specs import Distill, LanguageModels
from harness.training.loop import LossFunction

VERSION = 1


def make(
    recipe: Distill, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, the teacher cannot translate, or training diverged.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    if family.missing():
        teacher = family.parent(recipe.teacher, offline=offline)
        start = None if recipe.start is None else family.parent(recipe.start, offline=offline)
        family.made_from(*(parent for parent in (teacher, start) if parent is not None))
        refuse_those_that_do_not_translate(teacher)
        train_missing(Distilled(recipe, family, start, spec_folder, device, offline, teacher=teacher))
    return list(recipe.members())


def refuse_those_that_do_not_translate(teacher: Resolved) -> None:
    """Raise for a teacher without an encoder and a decoder."""
    if teacher.objective != "seq2seq":
        raise HarnessError(
            f"teacher {teacher.name} is a {teacher.objective} model ({teacher.architecture}); expected one with an encoder and a "
            "decoder that translates, such as a Marian"
        )


@dataclass
class Distilled(Material):
    """What all students of a family share: besides the pairs a teacher, whose tokenizer they have where none is named."""

    teacher: Resolved | None = None

    @property
    def distill(self) -> Distill:
        """The recipe."""
        assert isinstance(self.recipe, Distill)
        return self.recipe

    @cached_property
    def tokenizer(self) -> Any:
        """That of the start, the one named, or the teacher's."""
        if self.start is not None or "tokenizer" in self.recipe.model_fields_set:
            return super().tokenizer
        assert self.teacher is not None
        return load_tokenizer(self.teacher.folder, self.teacher.name)

    @cached_property
    def taught(self) -> tuple[Any, Any]:
        """The teacher's model and tokenizer, loaded once."""
        assert self.teacher is not None
        model, tokenizer = load_language_model(self.teacher, self.device, "float32")
        return model.requires_grad_(False), tokenizer

    @cached_property
    def training_parallel(self) -> list[list[Pair]]:
        """The pairs trained on: with the teacher's translations, and those given where they are learned too."""
        given = self.parallel[0]
        if self.distill.level == "word":
            return given
        return [
            self.rewritten(number, part) + (list(part) if self.distill.with_gold else [])
            for number, part in enumerate(given)
        ]

    def rewritten(self, number: int, part: list[Pair]) -> list[Pair]:
        """A part with the teacher's translations; sources whose translation is empty or does not end are left out.

        Raises:
            HarnessError: none is left.
        """
        assert self.teacher is not None
        kept = self.family.folder / ".teacher" / f"part{number}.jsonl"
        said = teacher_translations(self.teacher, self.taught, part, self.distill, kept)
        found = [
            replace(pair, target=one.text) for pair, one in zip(part, said, strict=True) if one.finished and one.text.strip()
        ]  # fmt: skip
        if len(found) < len(part):
            say(f"{self.family.folder.name}: {len(part) - len(found):,} of {len(part):,} translations of the teacher are empty or "
                "do not end, and are left out")  # fmt: skip
        if not found:
            raise HarnessError(
                f"teacher {self.teacher.name} ends no translation of {len(part):,} sources; name another teacher"
            )
        return found

    def loss(self, own: LanguageModels, model: Any) -> LossFunction:
        """Of the translations; word-level, of the teacher's distributions."""
        if self.distill.level == "sequence":
            return super().loss(own, model)
        teacher, tokenizer = self.taught
        check_vocabularies(tokenizer, self.tokenizer, teacher, model)
        return partial(
            word_level_loss, teacher=teacher, gold_weight=self.distill.gold_weight,
            temperature=self.distill.temperature, smoothing=own.label_smoothing,
        )  # fmt: skip


__all__ = ["VERSION", "make", "parameters"]
