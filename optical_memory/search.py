"""Which pages speak of it: terms of a text, the ones worth keeping, and BM25 over the terms of many
pages.

Terms are kept as they are written, so that a stub's keywords are words; inflections meet only when
they are ranked (the English Snowball stemmer). Scores come from `bm25s` with Lucene's idf, which is
never negative; rank-bm25's is below zero for terms in more than half of the pages, which is common
in a session of few pages.
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

__all__ = ["key", "rank", "terms", "top_terms", "words"]

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_LETTERS = rf"(?:(?!{_UNSPACED})[\p{{L}}\p{{M}}\p{{N}}_])++"
_TOKEN = regex.compile(
    rf"({_UNSPACED}[{_UNSPACED[1:-1]}\p{{M}}ー]*+)|{_LETTERS}(?:[-._@/:+]{_LETTERS})*+"
)
_PARTS = regex.compile(r"[^\W_]++", regex.UNICODE)
_HUMPS = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})")


def terms(text: str) -> Counter[str]:
    """How often each term occurs: words in lower case without stop words, identifiers whole and in
    their parts.

    Scripts written without blanks between words are cut into overlapping pairs of characters.
    """
    stop = _stop_words()
    return Counter(term for word in words(text) for term in word[2] if term not in stop)


def words(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """(start, end, terms) of every word of the text, stop words too."""
    for match in _TOKEN.finditer(text):
        yield match.start(), match.end(), _pairs(match[0]) if match[1] else _split(match[0])


def _pairs(run: str) -> tuple[str, ...]:
    run = unicodedata.normalize("NFKC", run)
    return tuple(run[i : i + 2] for i in range(len(run) - 1)) or (run,)


@lru_cache(maxsize=100_000)
def _split(word: str) -> tuple[str, ...]:
    """A word, and its parts if it is made of some; single letters say nothing and are left out."""
    word = unicodedata.normalize("NFKC", word)
    parts = [hump for part in _PARTS.findall(word) for hump in _HUMPS.split(part)]
    found = dict.fromkeys(term.casefold() for term in (word, *parts))
    return tuple(term for term in found if len(term) > 1 or not ("a" <= term <= "z"))


@cache
def _stop_words() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN, STOPWORDS_EN_PLUS

    whole = {*STOPWORDS_EN, *STOPWORDS_EN_PLUS}
    return frozenset(whole | {part for word in whole if "'" in word for part in word.split("'")})


@cache
def _stemmer() -> EnglishStemmer:
    from snowballstemmer import stemmer

    return stemmer("english")


@lru_cache(maxsize=100_000)
def key(term: str) -> str:
    """What a term is matched by: its stem if it is a plain word, else the term itself."""
    return _stemmer().stemWord(term) if term.isascii() and term.isalpha() else term


def top_terms(
    counts: Mapping[str, int],
    k: int,
    frequencies: Mapping[str, int] | None = None,
    n_documents: int = 0,
) -> dict[str, int]:
    """The `k` terms that say most about a page, with their counts, the heaviest first.

    The weight is (1 + ln count) x idf, given in how many of `n_documents` pages each term occurs;
    without that, terms with digits come before longer words before shorter ones.
    """
    known = frequencies or {}

    def weight(term: str) -> tuple[float, bool, int, str]:
        seen = min(known.get(term, 0), n_documents)
        idf = math.log(1 + (n_documents - seen + 0.5) / (seen + 0.5))
        has_digit = any(char.isdigit() for char in term)
        return -(1 + math.log(counts[term])) * idf, not has_digit, -len(term), term

    return {term: counts[term] for term in sorted(counts, key=weight)[:k]}


def rank(query: str, documents: Mapping[str, Mapping[str, int]], k: int) -> list[tuple[str, float]]:
    """The at most `k` documents that share a term with the query as (id, BM25 score), best first,
    ties by id.

    `documents` are term counts by id, as `terms` gives them. A query of stop words alone finds
    nothing.
    """
    asked = list(dict.fromkeys(key(term) for term in terms(query)))
    if not asked or not documents:
        return []
    numbers = {name: i for i, name in enumerate(asked, 1)}
    corpus = [_ids(counts, numbers) for counts in documents.values()]
    if not any(map(any, corpus)):  # no page has any of the terms
        return []
    scores = _bm25(asked, corpus)
    found = [(name, score) for name, score in zip(documents, scores, strict=True) if score > 0]
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]


def _ids(counts: Mapping[str, int], asked: Mapping[str, int]) -> list[int]:
    """A document as the ids of its terms; all not asked for are 0, which keeps its length without
    its words.
    """
    ids: list[int] = []
    for term, count in counts.items():
        if i := asked.get(key(term)):
            ids += [i] * count
    return ids + [0] * (sum(counts.values()) - len(ids))


def _bm25(asked: list[str], corpus: list[list[int]]) -> list[float]:
    from bm25s import BM25

    vocabulary = {str(i): i for i in range(len(asked) + 1)}
    index = BM25(method="lucene", backend="numpy", auto_compile=False)
    index.index((corpus, vocabulary), create_empty_token=False, show_progress=False)
    return [float(score) for score in index.get_scores_from_ids(list(range(1, len(asked) + 1)))]
