"""The words of a text as the baselines compare them: English stems, pairs of Chinese characters.

They are the baselines' own, so that a change to our search does not change what it is compared
with.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from optical_memory.search.terms import library_stop_words

if TYPE_CHECKING:
    from snowballstemmer.english_stemmer import EnglishStemmer

__all__ = [
    "stems",
]

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORDS = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")


def stems(text: str) -> list[str]:
    """The stems of the words without stop words; of Chinese, pairs of characters."""
    result: list[str] = []
    for word in _WORDS.findall(text.lower()):
        if _IS_CJK.match(word):
            result += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        elif word not in _stop_words():
            result.append(_stem(word))
    return result


@cache
def _stop_words() -> frozenset[str]:
    return frozenset(library_stop_words()["STOPWORDS_EN_PLUS"])


@cache
def _stem(word: str) -> str:
    stem: str = _stemmer().stemWord(word)
    return stem


@cache
def _stemmer() -> EnglishStemmer:
    from snowballstemmer import stemmer

    return stemmer("english")
