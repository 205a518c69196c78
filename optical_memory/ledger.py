"""The exact facts of a page, kept as text beside its picture: found by shape, and put over any
reading of the page.

Offsets are offsets into `page.text`. Every pattern is bounded, so the time to find facts grows no
faster than the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from optical_memory.counting import count_tokens
from optical_memory.errors import NewerFormat

__all__ = [
    "CODE_LIMIT",
    "KINDS",
    "Ledger",
    "LedgerSpan",
    "blank",
    "extract",
    "splice",
]

LEDGER_FORMAT = 1
"""Of the JSON that `Ledger.to_json` writes."""

CODE_LIMIT = 2_000
"""Characters of the longest fenced code block that is kept whole; a longer block keeps its
identifiers and numbers.
"""


@dataclass(frozen=True, slots=True)
class LedgerSpan:
    """One exact fact: `page.text[start:end] == text`."""

    start: int
    end: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The exact facts of one page, in order, never overlapping."""

    spans: tuple[LedgerSpan, ...] = ()

    @property
    def n_tokens(self) -> int:
        """DeepSeek tokens of the facts, each on a line: the price of a stub that keeps them.

        Raises `MissingExtra` like `count_tokens`.
        """
        if not self.spans:
            return 0
        return count_tokens("\n".join(span.text for span in self.spans))

    def to_json(self) -> dict[str, Any]:
        """Compact JSON: each span as the list of its fields."""
        spans = [[span.start, span.end, span.kind, span.text] for span in self.spans]
        return {"v": LEDGER_FORMAT, "spans": spans}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Ledger:
        """The ledger that `to_json` wrote. Raises `NewerFormat`."""
        if data["v"] > LEDGER_FORMAT:
            raise NewerFormat(f"a ledger of format {data['v']}: upgrade optical-memory to read it")
        return cls(tuple(LedgerSpan(*span) for span in data["spans"]))


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
        r"(?<!\w)(?<!\d[.,'’])[#№]?[-+−±~]?(?:" + _NUMBER + r"(?:[eE][-+]?\d{1,4})?)" + _TELLING,
    ),
    ("identifier", r"(?<![\w@#-])[@#][A-Za-z_]\w{1,63}+(?:[.-]\w{1,63}+){0,4}"),
    ("identifier", _MIXED + r"\w{1,128}+(?:[-._:/#]\w{1,128}+){0,8}"),
    ("identifier", r"(?<![\w-])[A-Z]{6}(?![\w-])"),  # a reservation code may have no digit
)

_PATTERNS = tuple(re.compile(shape) for _, shape in _SHAPES)
_KIND_BY_RANK = tuple(kind for kind, _ in _SHAPES)

KINDS: tuple[str, ...] = (*dict.fromkeys(_KIND_BY_RANK), "unreadable")
"""Every kind of span, the more particular first: of two equally long candidates the earlier kind
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


def extract(text: str, *, charset: frozenset[str] | None = None) -> Ledger:
    """Find the exact facts of a page.

    >>> [(span.kind, span.text) for span in extract("Order ORD-2024-881 for $12.50").spans]
    [('identifier', 'ORD-2024-881'), ('amount', '$12.50')]

    Of overlapping candidates the longest wins, then the leftmost, then the more particular kind.
    With `charset`, every other character except blank and line break is kept too, in spans of kind
    "unreadable".
    """
    is_fact = bytearray(len(text))  # 1 for each character of a fact; `find` searches it in C
    spans = []
    for candidate in sorted(_candidates(text)):
        start, end = candidate.start, candidate.end
        if is_fact.find(1, start, end) < 0:
            is_fact[start:end] = b"\1" * (end - start)
            spans.append(LedgerSpan(start, end, _KIND_BY_RANK[candidate.rank], text[start:end]))
    if charset is not None:
        for start, end in _unreadable(text, charset, is_fact):
            spans.append(LedgerSpan(start, end, "unreadable", text[start:end]))
    return Ledger(tuple(sorted(spans, key=lambda span: span.start)))


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


_OUTSIDE = "\ufffd"
_MARK = "\ufffe"
_RUN = re.compile(r"(?:\S?\ufffe|\ufffd)+(?: (?:\S?\ufffe|\ufffd)+)*")
"""Characters outside a charset, over single blanks between them; a mark with its letter."""


def _unreadable(
    text: str, charset: frozenset[str], is_fact: bytearray
) -> Iterator[tuple[int, int]]:
    """Maximal runs of characters outside the charset that no fact holds, over single blanks.

    A combining mark takes the character before it along: the two are drawn as one.
    """
    outside = set(text) - charset - {" ", "\n"}
    signs = {ord(char): _MARK if unicodedata.combining(char) else _OUTSIDE for char in outside}
    for match in _RUN.finditer(text.translate(signs)):
        yield from _free_parts(*match.span(), is_fact)


def _free_parts(start: int, end: int, is_fact: bytearray) -> Iterator[tuple[int, int]]:
    """The parts of `start:end` that no fact holds."""
    while start < end:
        next_fact = is_fact.find(1, start, end)
        stop = end if next_fact < 0 else next_fact
        if stop > start:
            yield start, stop
        fact_end = is_fact.find(0, stop, end)
        start = end if fact_end < 0 else fact_end


def splice(text: str, ledger: Ledger) -> str:
    """A reading of the page with the exact facts put over it.

    >>> splice("the code is 4K7QZZ", extract("the code is 4K7Q2Z"))
    'the code is 4K7Q2Z'

    Raises `ValueError` if the reading is too short for the ledger.
    """
    parts = []
    position = 0
    for span in ledger.spans:
        parts += [text[position : span.start], span.text]
        position = span.end
    if position > len(text):
        raise ValueError(
            f"the ledger reaches to character {position}, but the reading has {len(text)}: "
            "not the same page"
        )
    return "".join([*parts, text[position:]])


def blank(ledger: Ledger, start: int, end: int) -> Ledger:
    """The ledger without a word of `page.text[start:end]`.

    A span that reaches over the border keeps its part outside. Offsets stay.
    """
    spans: list[LedgerSpan] = []
    for span in ledger.spans:
        spans += _span_outside(span, start, end)
    return Ledger(tuple(spans))


def _span_outside(span: LedgerSpan, start: int, end: int) -> Iterable[LedgerSpan]:
    if end <= start or span.end <= start or span.start >= end:
        yield span
        return
    if span.start < start:
        yield LedgerSpan(span.start, start, span.kind, span.text[: start - span.start])
    if span.end > end:
        yield LedgerSpan(end, span.end, span.kind, span.text[end - span.start :])
