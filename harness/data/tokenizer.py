"""Train a tokenizer on text: BPE of bytes or characters, or whole words for the worlds; made for one training objective."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from harness.errors import HarnessError, nearest

END_OF_TEXT = "<|endoftext|>"
SPECIAL_TOKENS = {
    "causal": {"bos_token": END_OF_TEXT, "eos_token": END_OF_TEXT, "pad_token": END_OF_TEXT},
    "masked": {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    },
    "span": {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
    "denoising": {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
        "cls_token": "<s>",
        "sep_token": "</s>",
    },
}
SPECIAL_TOKENS["translation"] = SPECIAL_TOKENS["span"]
SENTINELS = [f"<extra_id_{number}>" for number in range(100)]
"""What stands for the spans taken out of a text, as many as T5 has."""
UNKNOWN_WORD = {
    "causal": "<|unknown|>",
    "masked": "[UNK]",
    "span": "<unk>",
    "denoising": "<unk>",
    "translation": "<unk>",
}
FRAMES = {
    "masked": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
    "span": ("$A </s>", "$A </s> $B </s>"),
    "denoising": ("<s> $A </s>", "<s> $A </s> </s> $B </s>"),
    "translation": ("$A </s>", "$A </s> $B </s>"),
}
"""What is written around a text and around a pair, as BERT, T5 and BART do."""
TrainedFor = Literal["causal", "masked", "span", "denoising", "translation"]
Kind = Literal["bpe", "word", "sentencepiece"]
KINDS = get_args(Kind)
WORD_BEGINS = "\u2581"
COVERAGE = 0.9995
"""Share of the characters of a text that the commonest characters of its alphabet make up; others are unknown."""


def train_tokenizer(
    texts: Iterable[str],
    *,
    kind: Kind,
    vocabulary: int,
    objective: TrainedFor,
    lowercase: bool = False,
    max_length: int | None = None,
) -> PreTrainedTokenizerFast:
    """Train a tokenizer; the same texts give the same ``tokenizer.json``, byte for byte.

    A causal tokenizer adds nothing to a text: ``<|endoftext|>`` is its first, last and padding token where a caller
    asks for one. A masked one writes ``[CLS] text [SEP]`` and ``[CLS] text [SEP] other [SEP]``, as BERT does. One for span
    corruption has sentinels and writes as T5 does, one for denoising has a mask and writes as BART does.

    Args:
        texts: what to train on.
        kind: ``bpe`` is byte-level, so that no text is unknown; ``word`` makes each word between white space a token;
            ``sentencepiece`` is BPE of characters, with a mark where a word begins and white space made one.
        vocabulary: the most tokens there may be, special ones included; rare words beyond it are unknown.
        objective: ``causal``, ``masked``, ``span``, ``denoising`` or ``translation``.
        lowercase: whether text is put in lower case first.
        max_length: the longest sequence the model takes, in tokens; unlimited by default.

    Raises:
        HarnessError: an unknown kind or objective, a vocabulary too small, or texts without a word.
    """
    _check(kind, objective, vocabulary)
    tokenizer = _untrained(kind, objective, lowercase)
    special = _special_tokens(kind, objective)
    if kind == "sentencepiece":
        texts = list(texts)
        trainer = _trainer_of_characters(_alphabet(tokenizer, texts, vocabulary - len(special)), vocabulary, special)
    else:
        trainer = _trainer(kind, vocabulary, special)
    tokenizer.train_from_iterator(_not_blank(texts), trainer)
    if objective in FRAMES:
        tokenizer.post_processor = _template(tokenizer, objective)
    return _wrapped(tokenizer, kind, objective, max_length)


def _check(kind: str, objective: str, vocabulary: int) -> None:
    for name, found, valid in (("kind", kind, KINDS), ("objective", objective, tuple(SPECIAL_TOKENS))):
        if found not in valid:
            raise HarnessError(f"tokenizer: found {name} {found!r}; {nearest(found, valid)}")
    least = len(_special_tokens(kind, objective)) + (256 if kind == "bpe" else 0)
    if vocabulary <= least:
        what = "special tokens and all bytes" if kind == "bpe" else "special tokens"
        raise HarnessError(f"tokenizer: found vocabulary {vocabulary}; expected more than {least}, the {what}")


def _special_tokens(kind: str, objective: str) -> list[str]:
    unknown = [] if kind == "bpe" else [UNKNOWN_WORD[objective]]
    sentinels = SENTINELS if objective == "span" else []
    return list(dict.fromkeys([*SPECIAL_TOKENS[objective].values(), *unknown, *sentinels]))


def _trainer(kind: str, vocabulary: int, special: list[str]) -> trainers.Trainer:
    if kind == "word":
        return trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=special, show_progress=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )


def _trainer_of_characters(alphabet: list[str], vocabulary: int, special: list[str]) -> trainers.Trainer:
    return trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, limit_alphabet=len(alphabet),
        show_progress=False,
    )  # fmt: skip


def _alphabet(tokenizer: Tokenizer, texts: list[str], most: int) -> list[str]:
    """The commonest characters, which make up all of the text but a two-thousandth."""
    counted = Counter("".join(tokenizer.normalizer.normalize_str(text) for text in texts).replace(" ", WORD_BEGINS))
    common, wanted, found = sorted(counted, key=lambda character: (-counted[character], character)), counted.total(), 0
    kept = []
    for character in common[:most]:
        if found >= COVERAGE * wanted:
            break
        kept.append(character)
        found += counted[character]
    return sorted({*kept, WORD_BEGINS})


def _not_blank(texts: Iterable[str]) -> Iterator[str]:
    words = False
    for text in texts:
        words = words or bool(text.strip())
        yield text
    if not words:
        raise HarnessError("tokenizer: found no word in the training texts; expected some text: check the text column")


def _untrained(kind: str, objective: str, lowercase: bool) -> Tokenizer:
    if kind == "word":
        tokenizer = Tokenizer(models.WordLevel({}, unk_token=UNKNOWN_WORD[objective]))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    elif kind == "sentencepiece":
        tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN_WORD[objective], fuse_unk=True))
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    else:
        tokenizer = Tokenizer(models.BPE())
        # all but a causal model see pairs: the first word of a text is then the same token as inside it
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=objective != "causal")
        tokenizer.decoder = decoders.ByteLevel()
    steps = [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    steps = steps if kind == "sentencepiece" else []
    if lowercase:
        steps.append(normalizers.Lowercase())
    if steps:
        tokenizer.normalizer = steps[0] if len(steps) == 1 else normalizers.Sequence(steps)
    return tokenizer


def _template(tokenizer: Tokenizer, objective: str) -> processors.TemplateProcessing:
    single, pair = FRAMES[objective]
    named = sorted({word.split(":")[0] for word in pair.split() if not word.startswith("$")})
    return processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(name, tokenizer.token_to_id(name)) for name in named]
    )


def _wrapped(tokenizer: Tokenizer, kind: str, objective: str, max_length: int | None) -> PreTrainedTokenizerFast:
    names = dict(SPECIAL_TOKENS[objective])
    if kind != "bpe":
        names["unk_token"] = UNKNOWN_WORD[objective]
    segments = ["token_type_ids"] if objective == "masked" else []
    length = {} if max_length is None else {"model_max_length": max_length}
    sentinels: dict[str, Any] = {"extra_special_tokens": SENTINELS} if objective == "span" else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", *segments, "attention_mask"],
        clean_up_tokenization_spaces=False,
        **names,
        **length,
        **sentinels,
    )
