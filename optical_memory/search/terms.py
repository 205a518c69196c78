"""Text search: the terms of a text, the terms worth keeping, and BM25 over the terms of many pages.

Terms are kept as they are written, so that a stub's keywords are words. Inflections meet only when
pages are ranked (the English Snowball stemmer). Scores come from `bm25s` with Lucene's idf, which
is never negative. rank-bm25's idf is below zero for terms in more than half of the pages, which is
common in a session of few pages.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import regex  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from snowballstemmer.english_stemmer import EnglishStemmer

__all__ = [
    "key",
    "rank",
    "terms",
    "top_terms",
    "words",
]

# Possessive repetitions ("++", "*+") keep the time to find words linear in the text.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_LETTERS = rf"(?:(?!{_UNSPACED})[\p{{L}}\p{{M}}\p{{N}}_])++"
_WORD = regex.compile(
    rf"({_UNSPACED}[{_UNSPACED[1:-1]}\p{{M}}ー]*+)|{_LETTERS}(?:[-._@/:+]{_LETTERS})*+"
)
_PARTS = regex.compile(r"[^\W_]++", regex.UNICODE)
_HUMPS = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})")

CACHED_WORDS = 100_000
"""Words whose terms and stems are remembered: more than the vocabulary of a long conversation."""


def terms(text: str) -> Counter[str]:
    """How often each term occurs: words in lower case, identifiers whole and in their parts.

    >>> dict(terms("The gate code is 4K7Q2Z."))
    {'gate': 1, 'code': 1, '4k7q2z': 1}

    Stop words are left out. Scripts written without blanks between words are cut into overlapping
    pairs of characters.
    """
    stop_words = _stop_words()
    counts: Counter[str] = Counter()
    for _, _, word_terms in words(text):
        counts.update(term for term in word_terms if term not in stop_words)
    return counts


def words(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """(start, end, terms) of every word of the text, stop words too."""
    for match in _WORD.finditer(text):
        word_terms = _pairs(match[0]) if match[1] else _split(match[0])
        yield match.start(), match.end(), word_terms


def _pairs(run: str) -> tuple[str, ...]:
    run = unicodedata.normalize("NFKC", run)  # half-width kana meet full-width kana
    return tuple(run[i : i + 2] for i in range(len(run) - 1)) or (run,)


@lru_cache(maxsize=CACHED_WORDS)
def _split(word: str) -> tuple[str, ...]:
    """A word, and its parts if it has some, each once.

    Single letters of the Latin alphabet say nothing and are left out.
    """
    word = unicodedata.normalize("NFKC", word)
    parts = [word]
    for part in _PARTS.findall(word):
        parts += _HUMPS.split(part)
    spellings = dict.fromkeys(part.casefold() for part in parts)
    return tuple(term for term in spellings if len(term) > 1 or not ("a" <= term <= "z"))


@cache
def _stop_words() -> frozenset[str]:
    """The library's stop words, and both halves of those with an apostrophe ("don't")."""
    from bm25s.stopwords import STOPWORDS_EN, STOPWORDS_EN_PLUS

    whole = {*STOPWORDS_EN, *STOPWORDS_EN_PLUS}
    halves: set[str] = set()
    for word in whole:
        if "'" in word:
            halves.update(word.split("'"))
    return frozenset(whole | halves)


@cache
def _stemmer() -> EnglishStemmer:
    from snowballstemmer import stemmer

    return stemmer("english")


@lru_cache(maxsize=CACHED_WORDS)
def key(term: str) -> str:
    """The form by which a term is matched: the stem of a plain word, any other term as it is.

    >>> key("running"), key("4k7q2z")
    ('run', '4k7q2z')
    """
    return _stemmer().stemWord(term) if term.isascii() and term.isalpha() else term


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
        return -(1 + math.log(counts[term])) * idf, not has_digit, -len(term), term

    return {term: counts[term] for term in sorted(counts, key=sort_key)[:k]}


def rank(query: str, documents: Mapping[str, Mapping[str, int]], k: int) -> list[tuple[str, float]]:
    """(id, BM25 score) of at most `k` documents that share a term with the query.

    The best comes first, and of equal scores the smaller id. `documents` are term counts by id, as
    `terms` gives them. A query of stop words alone matches nothing.
    """
    query_keys = list(dict.fromkeys(key(term) for term in terms(query)))
    if not query_keys or not documents:
        return []
    numbers = {query_key: i for i, query_key in enumerate(query_keys, 1)}
    corpus = [_numbered(counts, numbers) for counts in documents.values()]
    if not any(map(any, corpus)):  # no page has any of the terms
        return []
    scores = _bm25(len(query_keys), corpus)
    hits = [(id, score) for id, score in zip(documents, scores, strict=True) if score > 0]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]


def _numbered(counts: Mapping[str, int], numbers: Mapping[str, int]) -> list[int]:
    """A document as the numbers of its terms.

    Terms that are not in the query are 0: that keeps the document's length without its words.
    """
    document: list[int] = []
    for term, count in counts.items():
        number = numbers.get(key(term))
        if number:
            document += [number] * count
    # BM25 weighs a match by the length of its document, and by nothing else of the other terms.
    return document + [0] * (sum(counts.values()) - len(document))


def _bm25(n_terms: int, corpus: list[list[int]]) -> list[float]:
    """The score of each document for the terms 1 to `n_terms`."""
    from bm25s import BM25

    vocabulary = {str(number): number for number in range(n_terms + 1)}
    index = BM25(method="lucene", backend="numpy", auto_compile=False)
    index.index((corpus, vocabulary), create_empty_token=False, show_progress=False)
    scores = index.get_scores_from_ids(list(range(1, n_terms + 1)))
    return [float(score) for score in scores]
