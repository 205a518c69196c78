"""English words of time: tables, patterns that find them, and what they mean as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

__all__ = [
    "AND",
    "COUNT",
    "DAYS_OF_UNIT",
    "DAY_STEPS",
    "FROM_MONTH",
    "FULL_YEAR",
    "HINTS",
    "IN",
    "MONTH",
    "MONTH_NAME",
    "OF_YEAR",
    "ORDINALS",
    "ORDINAL_WORD",
    "SEASON",
    "STEP",
    "STEPS",
    "UNIT",
    "WEEKDAY",
    "WEEKDAYS",
    "count_limits",
    "is_verb",
    "month_number",
    "year_number",
]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]
_NUMBER_WORDS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_VAGUE_COUNTS: Mapping[str, tuple[int, int]] = {"few": (2, 6), "several": (3, 8)}
"""The least and the most that these words mean."""

STEPS: Mapping[str, int] = {"last": -1, "past": -1, "previous": -1, "this": 0, "next": 1}
DAY_STEPS: Mapping[str, int] = {
    "before yesterday": -2,
    "yesterday": -1,
    "night": -1,
    "after tomorrow": 2,
    "tomorrow": 1,
}
DAYS_OF_UNIT: Mapping[str, int] = {"day": 1, "week": 7, "weekend": 7, "month": 30, "year": 365}
_VERBS = frozenset({"may", "march", "mar", "sat", "sun", "wed", "mon"})
"""Names of months and days that are other words in lower case."""

MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
DAY_NAME = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?)\b\.?"
)
MONTH = rf"(?P<month>{MONTH_NAME})"
WEEKDAY = rf"(?P<weekday>{DAY_NAME})"
SEASON = r"(?P<season>spring|summer|autumn|fall|winter)\b"
FULL_YEAR = r"(?:19|20)\d\d(?!\d|[.:/-]\d)"
_YEAR = rf"(?P<year>\b{FULL_YEAR}|(?:last|this|next)\s+year\b|['’]\d\d\b)"
OF_YEAR = rf"(?:,?\s+(?:of\s+|in\s+)?{_YEAR})"
COUNT = (
    r"(?P<count>\b\d{1,4}|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|couple(?:\s+of)?|few|several|an?))"
)
STEP = r"\b(?P<step>last|past|previous|this|next)\s+"
AND = r"\s*(?:,|-|–|\b(?:and|or|to|through|until)\b)\s*"
IN = (
    r"\b(?:in|of|during|since|until|till|through|every|early|late|mid|before|after|around|between)"
    r"(?:\s+|-)(?:the\s+)?(?:(?:early|late|mid)[\s-])?"
)
FROM_MONTH = rf"\bfrom\s+(?={MONTH_NAME}\s*(?:to|through|until|-|–))"
ORDINAL_WORD = rf"(?:{'|'.join(ORDINALS)})"
UNIT = r"(?P<unit>day|weekend|week|month|year)"
HINTS = re.compile(
    rf"(?P<digit>\d)|\b(?:(?P<month>{MONTH_NAME})"
    r"|(?P<weekday>(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:days?)?|weekend)"
    r"|(?P<season>spring|summer|autumn|fall|winter)"
    r"|(?P<step>last|past|this|next|previous)|(?P<ago>ago|back|earlier)"
    r"|(?P<near>yesterday|tomorrow|today|tonight|night|morning|afternoon|evening))\b",
    re.IGNORECASE,
)
"""Words of time; the name of the group is the kind of word."""


def month_number(name: str) -> int:
    """1 for any English name of January."""
    return _MONTHS.index(name[:3].lower()) + 1


def year_number(text: str | None, today: date) -> int | None:
    """A year in digits, in two digits, or counted from this year."""
    if not text:
        return None
    if text[-1].isdigit():
        return int(text) if text.isdigit() else 2000 + int(text[1:])
    return today.year + STEPS[text.split()[0].lower()]


def count_limits(text: str) -> tuple[int, int]:
    """The least and the most of a count: digits, a number word, "a", "few"."""
    word = text.split()[0].lower()
    if word in _VAGUE_COUNTS:
        return _VAGUE_COUNTS[word]
    if word in _NUMBER_WORDS:
        count = _NUMBER_WORDS.index(word) + 1
    else:
        count = int(word) if word.isdigit() else 1 + (word == "couple")
    return count, count


def is_verb(name: str) -> bool:
    """True for a month or day in lower case that is more often another word ("may", "sat")."""
    return name.rstrip(".") in _VERBS
