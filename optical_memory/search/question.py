"""A question as the search sees it: keys, names, times, and the kind of answer that it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from optical_memory.search.build import day_number
from optical_memory.search.segment import NO_DAY
from optical_memory.search.terms import question_keys, unit_keys
from optical_memory.search.times import TimeRange, ask_times, question_kind
from optical_memory.turns import short_repr

__all__ = [
    "Question",
]

_SMALL_TALK = frozenset(
    unit_keys(
        "hi hello hey thanks thank ok okay yes yeah no bye goodbye please sorry good morning "
        "evening night great nice cool sure welcome well wow lol continue"
    )
)
"""A question of these words alone asks for nothing that was said before."""

_IDENTIFIER = re.compile(r"(?!(?:19|20)\d\d$|\d+(?:st|nd|rd|th|am|pm|s)$)(?=.*\d).{4,}")
"""A key with a digit that is no year, no day of a month and no hour."""

QUESTION_CHARS = 2_000
"""Characters of a question that are searched for, half at its beginning and half at its end.

A question of a user may have a whole document in it.
"""

_I = re.compile(r"\b(?:I|my|me|mine|myself|I'm|I've|I'd)\b|我")
_YOU = re.compile(r"\b(?:you|your|yours)\b|你", re.IGNORECASE)


_SAY = "recommend|suggest|tell|give|teach|share|advise|mention|say|explain"
_SAID = "recommended|suggested|told|gave|given|taught|shared|advised|mentioned|said|explained"
_WHAT_YOU_SAID = re.compile(
    rf"\b(?:did|have|had)\s+you\s+(?:\w+\s+)?(?:{_SAY}|{_SAID})\b"
    rf"|\byou(?:'ve|'d|\s+have|\s+had)?\s+(?:\w+\s+)?(?:{_SAID})\b"
    "|你[^，。？]{0,6}(?:推荐|告诉|分享|建议|教|说|提到)|你(?:曾经?)?给",
    re.IGNORECASE,
)


@short_repr
@dataclass(frozen=True, slots=True)
class Question:
    """A question that was asked at `today`.

    `keys` are the matched forms of its terms, each once; `identifiers` are their positions that
    hold numbers or codes. `times` are the days, months and years that it names.
    """

    text: str
    keys: tuple[str, ...]
    identifiers: tuple[int, ...]
    times: tuple[TimeRange, ...]
    asks_for_number: bool
    says_i: bool
    says_you: bool
    asks_what_you_said: bool
    words: frozenset[str]

    @classmethod
    def of(cls, text: str, today: datetime, *, small_talk: bool = False) -> Question:
        """The question in these words. `today` is the time that "last March" is counted from.

        "hi" and its like ask for nothing, unless `small_talk` is looked for too.
        """
        text = _clipped(text)
        keys = list(question_keys(text))
        if not small_talk and _SMALL_TALK.issuperset(keys):
            keys = []
        return cls(
            text=text,
            keys=tuple(keys),
            identifiers=tuple(i for i, key in enumerate(keys) if _IDENTIFIER.fullmatch(key)),
            times=tuple(ask_times(text, today)),
            asks_for_number=bool(question_kind(text) & {"when", "how_many", "how_long"}),
            says_i=bool(_I.search(text)),
            says_you=bool(_YOU.search(text)),
            asks_what_you_said=bool(_WHAT_YOU_SAID.search(text)),
            words=frozenset(re.findall(r"\w+", text.casefold())),
        )

    @property
    def is_empty(self) -> bool:
        """True if it has neither a term nor a time."""
        return not self.keys and not self.times

    def names_speaker(self, name: str) -> bool:
        """True if the question has a word of this speaker's name."""
        return not self.words.isdisjoint(re.findall(r"\w\w+", name.casefold()))

    def day_ranges(self, first: int, last: int) -> list[tuple[int, int, bool]]:
        """(first, last, is a single day) of the days since 1970 that the question names.

        `first` and `last` are those of the session, `NO_DAY` if its turns have no time. A month
        without a year is that month of each year of the session.
        """
        if NO_DAY in (first, last):
            return []
        ranges: list[tuple[int, int, bool]] = []
        for time in self.times:
            for start, end in time.between(_date(first), _date(last)):
                ranges.append((day_number(start), day_number(end) - 1, time.grain == "day"))
        return ranges


def _clipped(text: str) -> str:
    """The beginning and the end of a text that is too long for a question."""
    if len(text) <= QUESTION_CHARS:
        return text
    half = QUESTION_CHARS // 2
    return f"{text[:half]} {text[-half:]}"


def _date(day: int) -> date:
    return date.fromordinal(day + date(1970, 1, 1).toordinal())
