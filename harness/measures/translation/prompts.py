"""Translation by a causal model: a prompt, after which it writes up to the end of its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.data.parallel import Pair
from harness.data.templates import columns_of, compiled
from harness.errors import HarnessError, nearest
from harness.measures.likelihood.encoding import beginning
from harness.measures.translation.encoded import Encoded, Tokens, ids_of, text_of
from harness.measures.translation.language_codes import language_of
from harness.specs import TranslationTask

DEFAULT = "{{ source_language }}: {{ source }}\n{{ target_language }}:"
NAMES = ("source", "source_language", "target_language")
NEWLINES = ("Ċ", "\n", "<0x0A>")
"""How tokenizers write the end of a line: bytes as letters, themselves, or by number."""
SPACES = "Ġ▁ "


def template_of(task: TranslationTask) -> str:
    """The task's prompt, or the usual one.

    Raises:
        HarnessError: it reads what is not there, or not the source.
    """
    template = task.prompt or DEFAULT
    read = columns_of(template)
    for name in sorted(read - set(NAMES)):
        raise HarnessError(f"{task.place('prompt')}: the prompt reads {name!r}; {nearest(name, NAMES)}")
    if "source" not in read:
        raise HarnessError(f"{task.place('prompt')}: the prompt does not read the source; write {{{{ source }}}} in it")
    return template


def names_of(task: TranslationTask) -> tuple[str, str]:
    """The English names of source and target language."""
    return language_of(task.languages.source).name, language_of(task.languages.target).name


def prompter(task: TranslationTask) -> Callable[[str], str]:
    """From a source to its prompt, without spaces at its end."""
    render = compiled(template_of(task))
    names = dict(zip(NAMES[1:], names_of(task), strict=True))
    return lambda source: render({"source": " ".join(source.split()), **names}).rstrip(" \t")


def encoded_prompts(
    tokenizer: Any, pairs: Sequence[Pair], task: TranslationTask, window: int, maximum_length: int
) -> Encoded:
    """Prompts for a model that reads ``window`` tokens, ``maximum_length`` of which it writes.

    Raises:
        HarnessError: a prompt does not fit even without a source, or nothing ends a line.
    """
    prompt, begin = prompter(task), beginning(tokenizer, "tokenizer")
    room = window - maximum_length - len(begin)
    texts = [prompt(pair.source) for pair in pairs]
    read = ids_of(tokenizer, texts)
    cut = [number for number, tokens in enumerate(read) if len(tokens) > room]
    for number in cut:
        texts[number] = shortened(tokenizer, prompt, pairs[number].source, room, task)
        read[number] = ids_of(tokenizer, [texts[number]])[0]
    newlines = line_ends(tokenizer)
    ends = [*([] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]), *newlines]
    if not ends:
        raise HarnessError(
            "the tokenizer has neither an end of text nor one of a line, so that no translation would end"
        )
    targets = references(tokenizer, texts, read, pairs, [] if newlines else ends[:1])
    room_to_write = [window + 1 - len(begin) - len(tokens) for tokens in read]
    kept = [target[:most] for target, most in zip(targets, room_to_write, strict=True)]
    return Encoded(
        sources=[begin + tokens for tokens in read],
        start=[],
        ends=ends,
        targets=kept,
        target_bytes=[
            len((pair.target if part == whole else text_of(tokenizer, part)).encode())
            for pair, part, whole in zip(pairs, kept, targets, strict=True)
        ],
        cut_sources=len(cut),
        cut_targets=sum(part != whole for part, whole in zip(kept, targets, strict=True)),
    )


def shortened(tokenizer: Any, prompt: Callable[[str], str], source: str, room: int, task: TranslationTask) -> str:
    """The prompt of as much of a source as fits, cut at the right.

    Raises:
        HarnessError: nothing fits.
    """
    tokens = ids_of(tokenizer, [source])[0]
    kept = len(tokens)
    while kept > 0:
        found = prompt(text_of(tokenizer, tokens[:kept]))
        over = len(ids_of(tokenizer, [found])[0]) - room
        if over <= 0:
            return found
        kept -= max(over, 1)
    raise HarnessError(
        f"{task.place('prompt')}: the prompt alone has more than the {room} tokens that the model reads before it writes; "
        "shorten it, or lower decoding.maximum_length"
    )


def references(
    tokenizer: Any, prompts: Sequence[str], read: Sequence[Tokens], pairs: Sequence[Pair], end: Tokens
) -> list[Tokens]:
    """The tokens of each reference behind its prompt, up to the end of its line, or ``end`` where lines have none."""
    line = "" if end else "\n"
    wholes = ids_of(
        tokenizer,
        [
            f"{prompt}{'' if prompt.endswith(chr(10)) else ' '}{' '.join(pair.target.split())}{line}"
            for prompt, pair in zip(prompts, pairs, strict=True)
        ],
    )
    return [whole[len(tokens) :] + end for whole, tokens in zip(wholes, read, strict=True)]


def line_ends(tokenizer: Any) -> Tokens:
    """The tokens that begin with the end of a line."""
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return [number for number, name in enumerate(names) if name and name.lstrip(SPACES).startswith(NEWLINES)]


def first_line(text: str) -> str:
    r"""A translation up to the end of its line.

    >>> first_line(" Ein Haus.\nGerman: x")
    'Ein Haus.'
    """
    return text.strip("\n").split("\n")[0].strip()
