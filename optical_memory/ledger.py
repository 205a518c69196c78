"""The exact facts of a page, kept as text beside its picture: found by shape, spliced over any
reading of the page.

Offsets are offsets into `page.text`. Every pattern is bounded, so that finding takes time linear in
the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from optical_memory.counting import count_tokens

__all__ = ["CODE_LIMIT", "KINDS", "Ledger", "LedgerSpan", "blank", "extract", "splice", "tokens"]

CODE_LIMIT = 2_000
"""Characters of the longest fenced code block that is kept whole; a longer one keeps its
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

    def to_json(self) -> dict[str, Any]:
        return {"v": 1, "spans": [[s.start, s.end, s.kind, s.text] for s in self.spans]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Ledger:
        if data["v"] != 1:
            raise ValueError(f"a ledger of format {data['v']!r}: upgrade optical-memory to read it")
        return cls(tuple(LedgerSpan(*span) for span in data["spans"]))


_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]{0,6}\.?"
_AMPM = r"[AaPp](?:m\b|M\b|\.[Mm]\.)"
_CLOCK = (
    r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s?"
    + _AMPM
    + r")?(?:\s?(?:UTC|GMT|Z\b|[+-]\d{2}:?\d{2}))?"
)
_CURRENCY = r"(?:USD|EUR|GBP|JPY|CNY|RMB|INR|CHF|AUD|CAD|[$€£¥₹₩₽฿])"
_MONEY_WORD = r"(?:dollars|euros|pounds|yen|yuan|rupees|cents)\b"
_MANY = r"(?:k|K|m|M|bn|thousand|million|billion)"
_NUMBER = r"\d{1,40}(?:[.,'’]\d{1,40}){0,12}"
_SEGMENT = r"[\w@%+=.-]"
_LAST = r"(?:[\w@%+=.-]{0,254}[\w@%+=-])"

_SHAPES: tuple[tuple[str, str], ...] = (
    ("code", r"(?<!`)`[^`\n]{1,200}`(?!`)"),
    (
        "uuid",
        r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])",
    ),
    (
        "url",
        r"(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|www\.|mailto:)"
        r"[^\s<>\"'`]{0,2000}[^\s<>\"'`.,;:!?)\]}*]",
    ),
    ("email", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    ("date", r"(?<!\d)\d{4}([-/.])\d{1,2}\1\d{1,2}(?:[T ]" + _CLOCK + r")?(?!\d)"),
    ("date", r"(?<!\d)\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})(?!\d)"),
    ("date", r"\b" + _MONTH + r"\s\d{1,2}(?:st|nd|rd|th)?\b(?:,?\s\d{4}\b)?"),
    ("date", r"\b\d{1,2}(?:st|nd|rd|th)?\s(?:of\s)?" + _MONTH + r"(?:,?\s\d{4}\b)?"),
    ("time", r"(?<![\d:])" + _CLOCK + r"(?![\d:])"),
    ("time", r"(?<!\w)\d{1,2}\s?" + _AMPM),
    ("amount", r"[-+−]?" + _CURRENCY + r"\s?[-−]?" + _NUMBER + r"(?:\s?" + _MANY + r"\b)?"),
    (
        "amount",
        r"(?<![\w.,'’])[-+−]?"
        + _NUMBER
        + rf"(?:\s?{_MANY})?\s?(?:{_CURRENCY}(?!\w)|{_MONEY_WORD})",
    ),
    (
        "path",
        r"(?<![\w/.~<-])(?:~|\.{1,2})?/(?:"
        + _SEGMENT
        + r"{1,255}+/){0,200}+"
        + _LAST
        + r"?(?<=\w\w|\w/)",
    ),
    ("path", r"(?<![\w/.~@%+=-])(?:" + _SEGMENT + r"{1,255}+/){2,200}+" + _LAST + r"?"),
    (
        "path",
        r"(?<![\w/.~@%+=-])" + _SEGMENT + r"{1,255}+/[\w@%+=-]{0,255}+(?:\.[\w-]{1,64}+){1,8}+",
    ),
    (
        "path",
        r"(?<!\w)(?:[A-Za-z]:|\\)\\(?:[^\s\\/:*?\"<>|]{1,255}+\\){0,40}+"
        r"[^\s\\/:*?\"<>|]{0,255}[^\s\\/:*?\"<>|.,;)]",
    ),
    (
        "path",
        r"(?<![\w.-])[\w-]{2,100}+(?:\.[\w-]{1,64}+){0,4}?\.(?:[a-z]{1,5}[0-9]?|[A-Z]{2,4})(?!\w)",
    ),
    (
        "hash",
        r"(?<![0-9A-Za-z])(?:(?:sha\d{1,3}|md5):[0-9a-fA-F]{6,128}|0x[0-9a-fA-F]{1,128})(?![0-9A-Za-z])",
    ),
    ("hash", r"(?<![0-9A-Za-z])[0-9a-fA-F]{32,128}(?![0-9A-Za-z])"),
    ("hash", r"(?<![0-9A-Za-z])(?=[a-f]{0,31}\d)(?=\d{0,31}[a-f])[0-9a-f]{7,31}(?![0-9A-Za-z])"),
    ("ip", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?(?!\w)"),
    ("mac", r"(?<![\w:-])[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}(?![\w:-])"),
    ("ip", r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])"),
    (
        "phone",  # at least seven digits
        r"(?<![\w.])(?=(?:[^\d\n]{0,3}\d){7})(?:\(\+?\d{1,4}\)|\+?\d{1,4})(?:[ .-](?:\(\d{2,5}\)|\d{2,5})){2,5}(?!\w)",
    ),
    (
        "version",
        r"(?<![\w.])(?:[vV]\d{1,8}(?:\.\d{1,8}){0,4}|\d{1,8}(?:\.\d{1,8}){2,4})"
        r"(?:[-+.]?(?:rc|alpha|beta|dev|post|a|b)[.-]?\d{0,8})?(?!\w)",
    ),
    (
        "number",  # of two digits or more, or with a sign, a decimal point, an exponent, a percent or degree mark
        r"(?<!\w)(?<!\d[.,'’])[#№]?[-+−±~]?(?:" + _NUMBER + r"(?:[eE][-+]?\d{1,4})?)"
        r"(?:\s?[%‰°]|(?<=\d\d)|(?<=[.,'’eE+−-]\d))",
    ),
    ("identifier", r"(?<![\w@#-])[@#][A-Za-z_]\w{1,63}+(?:[.-]\w{1,63}+){0,4}"),
    (
        "identifier",  # letters and digits, snake_case, camelCase, numbers joined by marks
        r"(?<![\w-])(?=[^\W\d_]{1,128}(?:[-._:/]?[\d_]|(?<=[a-z])[A-Z])|[A-Za-z-]{1,128}\d"
        r"|\d{1,128}[-._:/]?[A-Za-z_]|_{1,9}\w)"
        r"\w{1,128}+(?:[-._:/#]\w{1,128}+){0,8}",
    ),
    ("identifier", r"(?<![\w-])[A-Z]{6}(?![\w-])"),  # a reservation code may have no digit
)

_PATTERNS = tuple(re.compile(shape) for _, shape in _SHAPES)
_RANKED = tuple(kind for kind, _ in _SHAPES)

KINDS: tuple[str, ...] = (*dict.fromkeys(_RANKED), "unreadable")
"""Every kind of span, the more particular first: of two equally long candidates the earlier kind
wins.
"""


def extract(text: str, *, charset: frozenset[str] | None = None) -> Ledger:
    """Find the exact facts of a page. Where candidates overlap the longest wins, then the more
    particular kind.

    With `charset`, every other character but blank and line break is kept too, in spans of kind
    "unreadable".
    """
    covered = bytearray(len(text))
    spans = []
    for minus_length, start, rank in sorted(_candidates(text)):
        end = start - minus_length
        if covered.find(1, start, end) < 0:
            covered[start:end] = b"\1" * -minus_length
            spans.append(LedgerSpan(start, end, _RANKED[rank], text[start:end]))
    if charset is not None:
        spans += [
            LedgerSpan(a, b, "unreadable", text[a:b])
            for a, b in _unreadable(text, charset, covered)
        ]
    return Ledger(tuple(sorted(spans, key=lambda span: span.start)))


def _candidates(text: str) -> Iterator[tuple[int, int, int]]:
    """(-length, start, index of the shape) of everything that has the shape of a fact."""
    yield from ((start - end, start, 0) for start, end in _fenced(text))
    for rank, pattern in enumerate(_PATTERNS):
        for match in pattern.finditer(text):
            start, end = match.span()
            yield start - end, start, rank


def _fenced(text: str) -> Iterator[tuple[int, int]]:
    """Fenced code blocks of at most `CODE_LIMIT` characters, fences included; one that a page end
    cuts runs to it.
    """
    opened: int | None = None
    for fence in re.finditer(r"^[ \t]{0,3}(?:```|~~~)([^\n`]{0,100})$", text, re.MULTILINE):
        if opened is None or fence[1].strip():  # a fence with a language only opens
            opened = fence.start()
            continue
        if fence.end() - opened <= CODE_LIMIT:
            yield opened, fence.end()
        opened = None
    if opened is not None and len(text) - opened <= CODE_LIMIT:
        yield opened, len(text)


_OUTSIDE, _MARK = "\ufffd", "\ufffe"
_RUN = re.compile(r"(?:\S?\ufffe|\ufffd)+(?: (?:\S?\ufffe|\ufffd)+)*")


def _unreadable(
    text: str, charset: frozenset[str], covered: bytearray
) -> Iterator[tuple[int, int]]:
    """Maximal runs of uncovered characters outside the charset, over single blanks between them.

    A combining mark takes the character before it along: the two are drawn as one.
    """
    outside = set(text) - charset - {" ", "\n"}
    mask = text.translate(
        {ord(c): _MARK if unicodedata.combining(c) else _OUTSIDE for c in outside}
    )
    for match in _RUN.finditer(mask):
        yield from _uncovered(*match.span(), covered)


def _uncovered(start: int, end: int, covered: bytearray) -> Iterator[tuple[int, int]]:
    """The parts of a run that no fact has taken."""
    while start < end:
        taken = covered.find(1, start, end)
        stop = end if taken < 0 else taken
        if stop > start:
            yield start, stop
        free = covered.find(0, stop, end)
        start = end if free < 0 else free


def splice(text: str, ledger: Ledger) -> str:
    """A reading of the page with the exact facts put over it. Raises `ValueError` if it is too
    short for them.
    """
    parts, at = [], 0
    for span in ledger.spans:
        parts += [text[at : span.start], span.text]
        at = span.end
    if at > len(text):
        raise ValueError(
            f"the ledger reaches to character {at}, but the reading has {len(text)}: not the same page"
        )
    return "".join([*parts, text[at:]])


def blank(ledger: Ledger, start: int, end: int) -> Ledger:
    """The ledger without a word of `page.text[start:end]`; what a span has outside is kept, offsets
    stay.
    """
    kept = (piece for span in ledger.spans for piece in _outside(span, start, end))
    return Ledger(tuple(kept))


def _outside(span: LedgerSpan, start: int, end: int) -> Iterator[LedgerSpan]:
    if end <= start or span.end <= start or span.start >= end:
        yield span
        return
    if span.start < start:
        yield LedgerSpan(span.start, start, span.kind, span.text[: start - span.start])
    if span.end > end:
        yield LedgerSpan(end, span.end, span.kind, span.text[end - span.start :])


def tokens(ledger: Ledger) -> int:
    """DeepSeek tokens of the facts written one a line: what a stub that keeps them costs."""
    return count_tokens("\n".join(span.text for span in ledger.spans)) if ledger.spans else 0
