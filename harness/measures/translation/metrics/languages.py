"""Which of sacreBLEU's tokenizers a target language takes."""

from __future__ import annotations

SAME = {"zho": "zh", "chi": "zh", "cmn": "zh", "yue": "zh", "jpn": "ja", "kor": "ko"}
"""Codes of three letters of the languages that are written without spaces between words, or nearly so."""
TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""As sacreBLEU chooses for its own test sets; 13a, the tokenizer of mteval-v13a, for all other languages."""


def base_language(code: str) -> str:
    """The language of a code without script and region, by two letters where sacreBLEU treats it apart.

    >>> base_language("pt-BR"), base_language("zh_CN"), base_language("jpn_Jpan")
    ('pt', 'zh', 'ja')
    """
    language = code.replace("_", "-").split("-")[0].lower()
    return SAME.get(language, language)


def tokenizer_of(code: str) -> str:
    """The name of the tokenizer that BLEU takes.

    >>> [tokenizer_of(code) for code in ("de", "zh-Hant", "ja", "kor")]
    ['13a', 'zh', 'ja-mecab', 'ko-mecab']
    """
    return TOKENIZERS.get(base_language(code), "13a")
