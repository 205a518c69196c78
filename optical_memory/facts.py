"""Exact facts by their shapes: identifiers, numbers, dates, amounts, addresses, paths, code.

Every pattern is bounded, so the time to find facts grows no faster than the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = [
    "CODE_LIMIT",
    "FACT_KINDS",
    "Fact",
    "find_facts",
]

CODE_LIMIT = 2_000
"""Characters of the longest fenced code block that is kept whole; a longer block keeps its
identifiers and numbers.
"""


class Fact(NamedTuple):
    """A fact of a kind at `text[start:end]`."""

    start: int
    end: int
    kind: str


# ---- shapes --------------------------------------------------------------------------------------
# Every repetition has an upper bound or gives nothing back ("++", "}+"), so that no text makes a
# pattern try one place again and again: see test_time_grows_no_faster_than_the_text.

_START = r"(?<![0-9A-Za-z])"
_END = r"(?![0-9A-Za-z])"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]{0,6}\.?"
_AMPM = r"[AaPp](?:m\b|M\b|\.[Mm]\.)"
_ZONE = r"(?:\s?(?:UTC|GMT|Z\b|[+-]\d{2}:?\d{2}))?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s?" + _AMPM + r")?" + _ZONE
_CURRENCY = r"(?:USD|EUR|GBP|JPY|CNY|RMB|INR|CHF|AUD|CAD|[$€£¥₹₩₽฿])"
_MONEY_WORD = r"(?:dollars|euros|pounds|yen|yuan|rupees|cents)\b"
_UNIT = rf"(?:{_CURRENCY}(?!\w)|{_MONEY_WORD})"
_MANY = r"(?:k|K|m|M|bn|thousand|million|billion)"
_NUMBER = r"\d{1,40}(?:[.,'’]\d{1,40}){0,12}"
_POWER = r"(?:[⁺⁻]?[⁰¹²³⁴-⁹]{1,9}|[₀-₉]{1,9}|[¼-¾⅐-⅞])?"  # 10⁶ is not 10, and 3½ is not 3
_SCHEME = r"(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|www\.|mailto:)"
_ROOT = r"(?<![\w/.~<-])(?:~|\.{1,2})?/"
_FOLDER = r"[\w@%+=.-]{1,255}+/"
_FILE = r"(?:[\w@%+=.-]{0,254}[\w@%+=-])"  # a dot at the end belongs to the sentence
_DRIVE = r"(?<!\w)(?:[A-Za-z]:|\\)\\"
_PART = r"[^\s\\/:*?\"<>|]"
_SEVEN_DIGITS = r"(?<![\w.])(?=(?:[^\d\n]{0,3}\d){7})"
_RELEASE = r"(?:[-+.]?(?:rc|alpha|beta|dev|post|a|b)[.-]?\d{0,8})?(?!\w)"
# A number is kept if it has two digits or more, a sign, a point, an exponent, "%" or "°".
_TELLING = r"(?:\s?[%‰°]|(?<=\d\d)|(?<=[.,'’eE+−-]\d))"
# An identifier has letters and digits, is snake_case or camelCase, or joins numbers by marks.
_MIXED = (
    r"(?<![\w-])(?=[^\W\d_]{1,128}(?:[-._:/]?[\d_]|(?<=[a-z])[A-Z])|[A-Za-z-]{1,128}\d"
    r"|\d{1,128}[-._:/]?[A-Za-z_]|_{1,9}\w)"
)

_SHAPES: tuple[tuple[str, str], ...] = (
    ("code", r"(?<!`)`[^`\n]{1,200}`(?!`)"),
    ("uuid", _START + r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}" + _END),
    ("url", _SCHEME + r"[^\s<>\"'`]{0,2000}[^\s<>\"'`.,;:!?)\]}*]"),
    ("email", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    ("date", r"(?<!\d)\d{4}([-/.])\d{1,2}\1\d{1,2}(?:[T ]" + _CLOCK + r")?(?!\d)"),
    ("date", r"(?<!\d)\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})(?!\d)"),
    ("date", r"\b" + _MONTH + r"\s\d{1,2}(?:st|nd|rd|th)?\b(?:,?\s\d{4}\b)?"),
    ("date", r"\b\d{1,2}(?:st|nd|rd|th)?\s(?:of\s)?" + _MONTH + r"(?:,?\s\d{4}\b)?"),
    ("time", r"(?<![\d:])" + _CLOCK + r"(?![\d:])"),
    ("time", r"(?<!\w)\d{1,2}\s?" + _AMPM),
    ("amount", r"[-+−]?" + _CURRENCY + r"\s?[-−]?" + _NUMBER + r"(?:\s?" + _MANY + r"\b)?"),
    ("amount", r"(?<![\w.,'’])[-+−]?" + _NUMBER + rf"(?:\s?{_MANY})?\s?" + _UNIT),
    ("path", _ROOT + r"(?:" + _FOLDER + r"){0,200}+" + _FILE + r"?(?<=\w\w|\w/)"),
    ("path", r"(?<![\w/.~@%+=-])(?:" + _FOLDER + r"){2,200}+" + _FILE + r"?"),  # not "and/or"
    ("path", r"(?<![\w/.~@%+=-])" + _FOLDER + r"[\w@%+=-]{0,255}+(?:\.[\w-]{1,64}+){1,8}+"),
    (
        "path",
        _DRIVE + r"(?:" + _PART + r"{1,255}+\\){0,40}+" + _PART + r"{0,255}[^\s\\/:*?\"<>|.,;)]",
    ),
    (
        "path",
        r"(?<![\w.-])[\w-]{2,100}+(?:\.[\w-]{1,64}+){0,4}?\.(?:[a-z]{1,5}[0-9]?|[A-Z]{2,4})(?!\w)",
    ),
    ("hash", _START + r"(?:(?:sha\d{1,3}|md5):[0-9a-fA-F]{6,128}|0x[0-9a-fA-F]{1,128})" + _END),
    ("hash", _START + r"[0-9a-fA-F]{32,128}" + _END),  # MD5 to SHA-512
    ("hash", _START + r"(?=[a-f]{0,31}\d)(?=\d{0,31}[a-f])[0-9a-f]{7,31}" + _END),  # git's
    ("ip", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?(?!\w)"),
    ("mac", r"(?<![\w:-])[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}(?![\w:-])"),
    ("ip", r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])"),
    (
        "phone",
        _SEVEN_DIGITS + r"(?:\(\+?\d{1,4}\)|\+?\d{1,4})(?:[ .-](?:\(\d{2,5}\)|\d{2,5})){2,5}(?!\w)",
    ),
    (
        "version",
        r"(?<![\w.])(?:[vV]\d{1,8}(?:\.\d{1,8}){0,4}|\d{1,8}(?:\.\d{1,8}){2,4})" + _RELEASE,
    ),
    (
        "number",
        r"(?<!\w)(?<!\d[.,'’])[#№]?[-+−±~]?(?:"
        + _NUMBER
        + r"(?:[eE][-+]?\d{1,4})?)"
        + _TELLING
        + _POWER,
    ),
    ("identifier", r"(?<![\w@#-])[@#][A-Za-z_]\w{1,63}+(?:[.-]\w{1,63}+){0,4}"),
    ("identifier", _MIXED + r"\w{1,128}+(?:[-._:/#]\w{1,128}+){0,8}"),
    ("identifier", r"(?<![\w-])[A-Z]{6}(?![\w-])"),  # a reservation code may have no digit
)

_PATTERNS = tuple(re.compile(shape) for _, shape in _SHAPES)
_KIND_BY_RANK = tuple(kind for kind, _ in _SHAPES)

FACT_KINDS: tuple[str, ...] = tuple(dict.fromkeys(_KIND_BY_RANK))
"""Every kind of fact, the more particular first: of two equally long candidates the earlier kind
wins.
"""


class _Candidate(NamedTuple):
    """A place that has the shape of a fact. Sorted: the longest first, then the leftmost, then the
    more particular kind.
    """

    minus_length: int
    start: int
    rank: int  # index into `_SHAPES`

    @property
    def end(self) -> int:
        return self.start - self.minus_length


def find_facts(text: str) -> list[Fact]:
    """The facts of a text, in order, never overlapping.

    Of overlapping candidates the longest wins, then the leftmost, then the more particular kind.
    """
    is_fact = bytearray(len(text))  # 1 for each character of a fact; `find` searches it in C
    facts: list[Fact] = []
    for candidate in sorted(_candidates(text)):
        fact = Fact(candidate.start, candidate.end, _KIND_BY_RANK[candidate.rank])
        if is_fact.find(1, fact.start, fact.end) < 0:
            is_fact[fact.start : fact.end] = b"\1" * (fact.end - fact.start)
            facts.append(fact)
    return sorted(facts)


def _candidates(text: str) -> Iterator[_Candidate]:
    for start, end in _fenced_blocks(text):
        yield _Candidate(start - end, start, 0)
    for rank, pattern in enumerate(_PATTERNS):
        for match in pattern.finditer(text):
            start, end = match.span()
            yield _Candidate(start - end, start, rank)


_FENCE = re.compile(r"^[ \t]{0,3}(?:```|~~~)([^\n`]{0,100})$", re.MULTILINE)


def _fenced_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Fenced code blocks of at most `CODE_LIMIT` characters, fences included.

    A block that the end of the page cuts runs to it.
    """
    block_start: int | None = None
    for fence in _FENCE.finditer(text):
        language = fence[1].strip()
        if block_start is None or language:  # a fence with a language only opens
            block_start = fence.start()
            continue
        if fence.end() - block_start <= CODE_LIMIT:
            yield block_start, fence.end()
        block_start = None
    if block_start is not None and len(text) - block_start <= CODE_LIMIT:
        yield block_start, len(text)
