"""A time as people and programs write it, taken apart: date, clock, zone, day of the week.

Nothing is guessed. A text that is not a time from its first character to its last is no time. A
date such as 3/4/2024 keeps both of its orders; `date_order` chooses for a whole file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from optical_memory.loaders.time_words import (
    AFTERNOON,
    FILLERS,
    HALF,
    HOURS_OF_ZONES,
    MONTHS,
    WEEKDAYS,
)

__all__ = [
    "MAX_LENGTH",
    "Order",
    "WrittenTime",
    "plain",
    "written_time",
]

Order = Literal["dmy", "mdy", "ymd"]
"""Day, month and year as they stand."""

MAX_LENGTH = 100
"""Characters of a time; a longer text is no time."""

_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Signs that set the direction of text; WhatsApp writes them into lines."""

_NAME = r"(?P<month>[^\W\d_]{3,10})"
_LINK = r"(?:[\s.,-]|\bde\b|\bof\b)*"
_TH = r"(?:st|nd|rd|th|\.|º)?"
_DATES = (
    re.compile(
        r"(?<!\d)(?P<a>[12]\d{3})\s?[-/.年년]\s?(?P<b>\d{1,2})\s?[-/.月월]\s?(?P<c>\d{1,2})"
        r"(?:日|일|\.(?!\d)|(?!\d))"
    ),
    re.compile(
        r"(?<!\d)(?P<a>\d{1,2})(?P<sign>\s?[-/.]\s?)(?P<b>\d{1,2})(?P=sign)"
        r"(?P<c>[12]\d{3}|\d{2})(?!\d)\.?"
    ),
    re.compile(rf"(?<!\d)(?P<day>\d{{1,2}}){_TH}{_LINK}{_NAME}{_LINK}(?P<year>\d{{4}})(?!\d)"),
    re.compile(rf"{_NAME}{_LINK}(?P<day>\d{{1,2}}){_TH}{_LINK}(?P<year>\d{{4}})(?!\d)"),
)
_CLOCK_BEFORE_YEAR = re.compile(
    rf"{_NAME} (?P<day>\d{{1,2}}) (?P<clock>\d{{1,2}}:\d\d(?::\d\d)?(?: [A-Z]{{3,5}})?) "
    r"(?P<year>[12]\d{3})"
)
"""Mar 03 11:00:00 2026, as C's `ctime` and `date` write it."""

_CLOCK = (
    rf"(?P<before>{HALF})?\s?(?P<hour>\d{{1,2}})"
    r"(?:\s?(?P<sign>[:.h])\s?(?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?)?"
    rf"(?:\s?(?P<after>{HALF}))?"
)
_ZONE = (
    r"(?P<zone>Z|(?:UTC|GMT)?\s?[+\-−]\d{1,2}(?::?\d\d)?|[A-Z]{2,5}"
    r"|\[?[A-Z][A-Za-z]+/[A-Za-z_/+\-]+\]?)(?:\s?(?:\([^()]*\)|\[[A-Za-z_/]+\]))?"
)
_REST = tuple(
    re.compile(pattern)
    for pattern in (rf"(?:{_CLOCK})?(?:\s?{_ZONE})?", rf"(?:{_ZONE})\s(?:{_CLOCK})")
)
_AFTERNOON = re.compile("|".join(AFTERNOON))
_WEEKDAY = re.compile(
    rf"\(?\b(?P<name>{'|'.join(sorted(WEEKDAYS, key=len, reverse=True))})\b\.?,?\)?", re.IGNORECASE
)
_FILLER = re.compile(rf"(?<!\w)(?:{'|'.join(FILLERS)})(?!\w)|[,،]|(?<=\s)T(?=\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """A time as written: `numbers` are the three numbers of the date as they stand, `orders` the
    orders in which they may be read. `weekday` is 0 for Monday. `is_american` says that the form is
    that of the United States: 2/4/23, 10:35 PM.
    """

    numbers: tuple[int, int, int]
    orders: tuple[Order, ...]
    clock: time
    weekday: int | None = None
    is_american: bool = False

    @property
    def days(self) -> Mapping[Order, date]:
        """The possible days, by order."""
        return _days(self.numbers, self.orders, self.weekday)

    def moment(self, order: Order | None = None) -> datetime | None:
        """The time in this order. None if there is no such time, or if no order is given and the
        orders give different days.
        """
        days = self.days
        if order is None or order not in self.orders:
            is_certain = len(set(days.values())) == 1
            day = next(iter(days.values())) if is_certain else None
        else:
            day = days.get(order)
        return None if day is None else datetime.combine(day, self.clock)


@lru_cache(maxsize=4096)  # messages of a day have one date
def _days(
    numbers: tuple[int, int, int], orders: tuple[Order, ...], weekday: int | None
) -> Mapping[Order, date]:
    """The days that three numbers say in each order. No day if the text says another weekday."""
    days: dict[Order, date] = {}
    for order in orders:
        year, month, day = (numbers[order.index(part)] for part in "ymd")
        if year < 100:
            year += 2000 if year < 70 else 1900  # as POSIX reads two digits
        try:
            possible_day = date(year, month, day)
        except ValueError:
            continue
        if weekday in {None, possible_day.weekday()}:
            days[order] = possible_day
    return days


def plain(text: str) -> str:
    """The text without marks of direction, with plain blanks and digits, without blanks around."""
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKC", text))
        text = re.sub(r"\d", lambda digit: str(int(digit[0])), text)
    return " ".join(text.split())


def written_time(text: str) -> WrittenTime | None:
    """The parts of a text that says a time with a date; None for any other text.

    >>> written_time("8 May 2023, 1:56 PM").moment()
    datetime.datetime(2023, 5, 8, 13, 56)
    >>> written_time("3/4/2024").moment("mdy")
    datetime.datetime(2024, 3, 4, 0, 0)
    """
    if len(text) > MAX_LENGTH:
        return None
    text = _CLOCK_BEFORE_YEAR.sub(r"\g<month> \g<day> \g<year> \g<clock>", plain(text))
    for pattern in _DATES:
        match = pattern.search(text)
        if match is not None:
            return _with_clock(match, f"{text[: match.start()]} {text[match.end() :]}")
    return None


def _with_clock(match: re.Match[str], rest: str) -> WrittenTime | None:
    date_read = _date(match)
    weekdays = list(_WEEKDAY.finditer(rest))
    rest = plain(_FILLER.sub(" ", _WEEKDAY.sub(" ", f" {rest} ")))
    clock = _clock(rest)
    if date_read is None or clock is None or len(weekdays) > 1:
        return None
    numbers, orders = date_read
    weekday = WEEKDAYS[weekdays[0]["name"].lower()] if weekdays and len(orders) > 1 else None
    is_american = len(orders) > 1 and _is_american(match[0], rest)
    return WrittenTime(numbers, orders, clock, weekday, is_american)


def _date(match: re.Match[str]) -> tuple[tuple[int, int, int], tuple[Order, ...]] | None:
    parts = match.groupdict()
    if "month" in parts:
        month = MONTHS.get(match["month"].lower())
        if month is None:
            return None
        return (int(match["day"]), month, int(match["year"])), ("dmy",)
    numbers = int(match["a"]), int(match["b"]), int(match["c"])
    if "sign" not in parts:
        return numbers, ("ymd",)
    return numbers, _orders(match["a"], match["b"], match["c"], match["sign"])


def _orders(first: str, second: str, third: str, sign: str) -> tuple[Order, ...]:
    """The orders that are in use for numbers with this sign between them."""
    if sign.strip() == ".":  # Europe; Korea and Hungary put the year first, and blanks
        return ("ymd",) if len(third) == 2 and sign != "." else ("dmy",)
    is_padded = len(first) == len(second) == len(third) == 2
    return ("dmy", "mdy", "ymd") if is_padded else ("dmy", "mdy")


def _is_american(day: str, rest: str) -> bool:
    """CLDR's form for en-US: no zero before a number, AM or PM in capitals."""
    is_short = re.fullmatch(r"[1-9]\d?/[1-9]\d?/\d\d(?:\d\d)?", day) is not None
    return is_short and rest.endswith(("AM", "PM"))


def _clock(text: str) -> time | None:
    """The time of day with its zone; midnight for no text, None for a text that is no time."""
    if not text:
        return time()
    matches = (pattern.fullmatch(text) for pattern in _REST)
    match = next(filter(None, matches), None)
    if match is None or match["hour"] is None:
        return None
    hour = _hour(match)
    zone = _zone(match["zone"]) if match["zone"] else None
    if hour is None or (match["zone"] and zone is None):
        return None
    return _time_of_day(hour, match, zone)


def _time_of_day(hour: int, match: re.Match[str], zone: tzinfo | None) -> time | None:
    minute, second, part = (match[name] or "0" for name in ("minute", "second", "part"))
    microsecond = int(part.ljust(6, "0")[:6])
    try:
        return time(hour, int(minute), int(second), microsecond, zone)
    except ValueError:
        return None


def _hour(match: re.Match[str]) -> int | None:
    hour = int(match["hour"])
    half = match["before"] or match["after"]
    if half is None:
        return hour if match["minute"] else None
    is_afternoon = _AFTERNOON.fullmatch(half) is not None
    if hour > 12:
        return hour if is_afternoon else None
    return hour % 12 + (12 if is_afternoon else 0)


def _zone(text: str) -> tzinfo | None:
    """A zone by its offset or its name; None for a name that several zones have."""
    if text in {"Z", "UTC", "GMT"}:
        return UTC
    offset = re.fullmatch(r"(?:UTC|GMT)?\s?([+\-−])(\d{1,2}):?(\d\d)?", text)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return _fixed(minutes if offset[1] == "+" else -minutes)
    if text in HOURS_OF_ZONES:
        return _fixed(int(HOURS_OF_ZONES[text] * 60))
    try:
        return ZoneInfo(text.strip("[]")) if "/" in text else None
    except (KeyError, OSError, ValueError):  # `ZoneInfo` raises all three if there is no such zone
        return None


def _fixed(minutes: int) -> tzinfo | None:
    return timezone(timedelta(minutes=minutes)) if abs(minutes) < 24 * 60 else None
