"""Text search: the terms of a text, the keys by which they are matched, and those worth keeping.

Terms are kept as they are written, so that a stub's keywords are words. Inflections and accents
meet only in a term's `key`, by which it is matched (the English Snowball stemmer). The stop words
are those of `bm25s`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import TYPE_CHECKING

from optical_memory.search.inflections import BASE_FORMS
from optical_memory.search.word_forms import (
    fold,
    is_run,
    run_characters,
    split_word,
    word_pattern,
)

if TYPE_CHECKING:
    from snowballstemmer.english_stemmer import EnglishStemmer

__all__ = [
    "key",
    "library_stop_words",
    "question_keys",
    "spelling",
    "terms",
    "top_terms",
    "unit_keys",
    "words",
    "written_terms",
]

CACHED_WORDS = 100_000
"""Words whose terms and stems are remembered: more than the vocabulary of a long conversation."""

CACHED_LENGTH = 64
"""Longer words (encoded files, long addresses) are rare, and would fill the memory."""


def terms(text: str) -> Counter[str]:
    """How often each term occurs: words in lower case, identifiers whole and in their parts.

    >>> dict(terms("The gate code is 4K7Q2Z."))
    {'gate': 1, 'code': 1, '4k7q2z': 1}

    Stop words are left out. Scripts written without blanks between words are cut into overlapping
    pairs of characters.
    """
    stop_words = _stop_words()
    counts: Counter[str] = Counter()
    for word in word_pattern(text).findall(text):
        counts.update(term for term in _terms(word) if term not in stop_words)
    return counts


def written_terms(text: str) -> dict[str, int]:
    """As `terms`, but each term as the text has it first, where the text has it at all.

    >>> written_terms("The gate code is 4K7Q2Z.")
    {'gate': 1, 'code': 1, '4K7Q2Z': 1}
    """
    counts = terms(text)
    spellings: dict[str, str] = {}
    for start, end, word_terms in words(text):
        word = text[start:end]
        lower = word.casefold()
        for term in word_terms:
            if term in counts and term not in spellings:
                written = spelling(term, word, lower)
                if written is not None:
                    spellings[term] = written
    return {spellings.get(term, term): count for term, count in counts.items()}


def spelling(term: str, word: str, lower: str) -> str | None:
    """How a word has one of its terms, None if it has it in no such letters: "106" of "10⁶".

    `lower` is the word in lower case.
    """
    if len(lower) != len(word):  # "ß" is two letters then
        return None
    start = lower.find(term)
    return None if start < 0 else word[start : start + len(term)]


def words(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """(start, end, terms) of every word of the text, stop words too."""
    for match in word_pattern(text).finditer(text):
        yield match.start(), match.end(), _terms(match[0])


def unit_keys(text: str) -> list[str]:
    """The keys of a text's terms without stop words, as an index counts them.

    >>> unit_keys("The cats were running")
    ['cat', 'run']

    Of Chinese and Korean they are pairs of characters and each character, so that a single
    character is found too.
    """
    keys: list[str] = []
    for word in word_pattern(text).findall(text):
        keys += _keys(word)
        if is_run(word):
            keys += run_characters(word)
    return keys


def question_keys(text: str) -> list[str]:
    """The keys of a question's terms, each once, without stop words.

    They are those of `unit_keys`, but of Chinese and Korean words the pairs of characters only.
    """
    keys: dict[str, None] = {}
    for word in word_pattern(text).findall(text):
        keys.update(dict.fromkeys(_keys(word)))
    return list(keys)


def _terms(word: str) -> tuple[str, ...]:
    """The terms of a word; those of short words are remembered."""
    if is_run(word) or len(word) > CACHED_LENGTH:
        return split_word(word)
    return _cached_terms(word)


def _keys(word: str) -> tuple[str, ...]:
    """The keys of a word's terms, without stop words."""
    if is_run(word):
        return split_word(word)
    return _cached_keys(word) if len(word) <= CACHED_LENGTH else _keys_of(word)


def _keys_of(word: str) -> tuple[str, ...]:
    stop_words = _stop_words()
    return tuple(dict.fromkeys(key(term) for term in _terms(word) if term not in stop_words))


_cached_terms = lru_cache(maxsize=CACHED_WORDS)(split_word)
_cached_keys = lru_cache(maxsize=CACHED_WORDS)(_keys_of)


_TELLING = frozenset({"down", "off"})
"""Stop words of the library that tell things apart."""


@cache
def _stop_words() -> frozenset[str]:
    """The library's stop words, without halves that are words or letters ("won", of "won't").

    What is down or off is asked for too.
    """
    lists = library_stop_words()
    stop_words = {*lists["STOPWORDS_EN"], *lists["STOPWORDS_EN_PLUS"], "can't", "ain't"}
    halves = {"won", "ma", "don", "d", "m", "o", "s", "t", "y"}
    return frozenset(stop_words - halves - _TELLING)


@cache
def library_stop_words() -> Mapping[str, tuple[str, ...]]:
    """The lists of stop words of `bm25s` by their names, read from its file.

    Importing bm25s would start JAX if it is installed, and JAX takes three quarters of a GPU's
    memory when it starts.
    """
    spec = find_spec("bm25s")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("bm25s is not installed: install optical-memory again")
    lists: Mapping[str, tuple[str, ...]] = run_path(
        str(Path(spec.origin).with_name("stopwords.py"))
    )
    return lists


@cache
def _stemmer() -> EnglishStemmer:
    from snowballstemmer import stemmer

    return stemmer("english")


def key(term: str) -> str:
    """The form by which a term is matched: without accents, and the stem of a plain word.

    >>> key("running"), key("bought"), key("zürich"), key("4k7q2z")
    ('run', 'buy', 'zurich', '4k7q2z')
    """
    return _cached_key(term) if len(term) <= CACHED_LENGTH else _key_of(term)


def _key_of(term: str) -> str:
    plain = fold(term)
    if not (plain.isascii() and plain.isalpha()):
        return plain
    stem: str = _stemmer().stemWord(BASE_FORMS.get(plain, plain))
    return stem


_cached_key = lru_cache(maxsize=CACHED_WORDS)(_key_of)


def top_terms(
    counts: Mapping[str, int],
    k: int,
    frequencies: Mapping[str, int] | None = None,
    n_documents: int = 0,
) -> dict[str, int]:
    """The `k` terms that say most about a page, with their counts, the heaviest first.

    The weight is (1 + ln count) x idf. `frequencies` says in how many of `n_documents` pages each
    term occurs. Without it, terms with digits come before longer words before shorter words.
    """
    in_pages = frequencies or {}

    def sort_key(term: str) -> tuple[float, bool, int, str]:
        n_pages = min(in_pages.get(term, 0), n_documents)
        idf = math.log(1 + (n_documents - n_pages + 0.5) / (n_pages + 0.5))
        has_digit = any(char.isdigit() for char in term)
        return -(1 + math.log(max(1, counts[term]))) * idf, not has_digit, -len(term), term

    return {term: counts[term] for term in sorted(counts, key=sort_key)[:k]}
