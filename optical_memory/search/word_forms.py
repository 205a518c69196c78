"""Words of a text, and the forms under which each is found: whole, in parts, without accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import regex  # type: ignore[import-untyped]

__all__ = [
    "fold",
    "is_run",
    "run_characters",
    "split_word",
    "word_pattern",
]

# ---- words ---------------------------------------------------------------------------------------

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_JOINERS = r"\u200c\u200d\u00ad"  # inside of Persian and Indic words, and soft hyphens
_SIGNS = r"\ufe0f\u20d0-\u20ff"  # marks on emoji and symbols, such as the frame of a key


def _word(letters: str) -> str:
    r"""A pattern for words: letters, joined by single marks ("src/a.py", "1,299.00", "O'Brien").

    A dot before the first letter (.NET) and "++" or "#" after the last (C++, C#) belong to a word.
    Possessive repetitions ("++") keep the time to find words linear in the text.
    """
    joint = r"(?:[-.@/:+&\\'’ʼ]|\+\+|(?<=\d),(?=\d{3}(?!\d)))"
    suffix = r"(?:\+\+|(?<=\b[A-Za-z])#(?!\w))?"
    return rf"(?:(?<![\w.])\.(?=[A-Za-z]))?{letters}(?:{joint}{letters})*+{suffix}"


_SIMPLE_WORD = re.compile(_word(r"\w++"))
_LETTERS = (
    rf"[[\p{{L}}\p{{N}}_]--[{_UNSPACED}]]"
    rf"[[\p{{L}}\p{{M}}\p{{N}}_{_JOINERS}]--[{_UNSPACED}{_SIGNS}]]*+"
)
_ANY_WORD = regex.compile(
    rf"[{_UNSPACED}][{_UNSPACED}\p{{M}}ー]*+|{_word(_LETTERS)}", regex.VERSION1
)
_NOT_SIMPLE = re.compile(
    "[^\u0000-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f\u1e00-\u200b\u200e-\u208e\u2090-\u209c\u20a0-\u2bff"
    "\ufe0f\U0001f000-\U0001f1ff\U0001f201-\U0001faff]"
)
"""Characters other than letters without marks, punctuation, and symbols.

U+208F and U+209D are letters for `regex`, and not yet for `re`; U+1F200 is of a script without
blanks.
"""


def word_pattern(text: str) -> re.Pattern[str] | regex.Pattern[str]:
    """The pattern that finds the text's words: for most texts the faster of two."""
    if text.isascii() or not _NOT_SIMPLE.search(text):
        return _SIMPLE_WORD
    return _ANY_WORD


# ---- runs of scripts without blanks --------------------------------------------------------------

_RUN = regex.compile(rf"[{_UNSPACED}]")
_CHARACTER = regex.compile(r"[\p{Han}\p{Hangul}]")


def is_run(word: str) -> bool:
    """True for a run of characters of a script that is written without blanks between words."""
    return word[0] > "\u0dff" and _RUN.match(word) is not None


def run_characters(run: str) -> list[str]:
    """The Chinese and Korean characters of a run, each a word or a syllable."""
    characters: list[str] = _CHARACTER.findall(unicodedata.normalize("NFKC", run))
    return characters if len(run) > 1 else []


def _pairs(run: str) -> tuple[str, ...]:
    run = unicodedata.normalize("NFKC", run)  # half-width kana meet full-width kana
    return tuple(map("".join, pairwise(run))) or (run,)


# ---- forms of a word -----------------------------------------------------------------------------

_PARTS = regex.compile(r"[^\W_]++(?:\+\+)?", regex.UNICODE)
_HUMPS = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})", regex.VERSION1)
_NUMBER_AND_UNIT = re.compile(r"(\d+)(?:st|nd|rd|th|([A-Za-z]+))|([A-Za-z]+)(\d+)")
_ENDING = re.compile(r"'(?:s|re|ve|ll|d|m)$", re.IGNORECASE)
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
_SHORT_COMPOUND = re.compile(r"([a-z]{1,2})-([a-z]+)|([a-z]+)-([a-z]{1,2})")
_REMOVED = str.maketrans("’ʼ", "''", "\u200c\u200d\u00ad")


def split_word(word: str) -> tuple[str, ...]:
    """The terms of a word in lower case, each once: the word as it is written, then its parts.

    >>> split_word("getUserById"), split_word("John's"), split_word("1,299.00")
    (('getuserbyid', 'get', 'user', 'by', 'id'), ('john',), ('1,299.00', '1299.00', '1299', '00'))

    Single letters of the Latin alphabet say nothing as a part, and are left out.
    """
    if is_run(word):
        return _pairs(word)
    if not word.isascii():
        word = unicodedata.normalize("NFKC", word.translate(_REMOVED))
    word = _ENDING.sub("", word)
    whole = word.casefold()
    if whole.endswith("n't"):  # "won't" is not "won"
        return (whole,)
    spellings = dict.fromkeys([whole, *_joined(whole)])
    for part in _parts(word.replace(",", "")):
        term = part.casefold()
        if len(term) > 1 or not "a" <= term <= "z":
            spellings[term] = None
    return tuple(spellings)


def _joined(word: str) -> Iterator[str]:
    """Other ways to write a word: "pm" for "p.m.", "email" for "e-mail", "1299" for "1,299"."""
    if _INITIALS.fullmatch(word):
        yield word.replace(".", "")
    if _SHORT_COMPOUND.fullmatch(word):
        yield word.replace("-", "")
    if "," in word:
        yield word.replace(",", "")


def _parts(word: str) -> Iterator[str]:
    """The parts of an identifier: between marks, at humps, a number and its unit."""
    for part in _PARTS.findall(word):
        yield part
        yield from _HUMPS.split(part)
        match = _NUMBER_AND_UNIT.fullmatch(part)
        if match:
            yield from filter(None, match.groups())


# ---- accents -------------------------------------------------------------------------------------

_ACCENTS = regex.compile(r"(?<=[\p{Latin}\p{Greek}])\p{Mn}+")
_VOWEL_SIGNS = regex.compile("[\u0591-\u05c7\u064b-\u0652\u0640]")
_OTHER_LETTERS = str.maketrans(
    {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ё": "е"}
)
"""Letters that are often written as others, and that have no accent to take off."""


def fold(term: str) -> str:
    """The term without the accents of Latin and Greek letters and the vowel signs of Semitic ones.

    >>> fold("zürich"), fold("łódź"), fold("हिन्दी")
    ('zurich', 'lodz', 'हिन्दी')

    Marks of other scripts are letters, and stay.
    """
    if term.isascii():
        return term
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", term))
    plain = unicodedata.normalize("NFC", plain).translate(_OTHER_LETTERS)
    return _VOWEL_SIGNS.sub("", plain) or term
