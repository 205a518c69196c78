"""Times as files write them: ISO 8601, numbers since 1970, and texts as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.date_order import DateOrder, date_order
from optical_memory.loaders.written_times import MAX_LENGTH, Order, WrittenTime, plain, written_time

__all__ = [
    "FileTimes",
    "file_times",
    "moment",
    "moment_or_none",
    "parse_moment",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = (1, 10**3, 10**6, 10**9)
"""Parts of a second: seconds, milliseconds, microseconds and nanoseconds since 1970."""

_FIRST_SECOND = 10**8
_LAST_SECOND = 10**10
"""March 1973 and November 2286: no number is in this range in two units. Smaller numbers are
counters and durations, not times.
"""


def moment(value: object, place: str, day_first: bool | None = None) -> datetime | None:
    """A time as written; None and "" give None. Times without a zone stay without a zone.

    Raises `InputError` if the value is no time. See `moment_or_none` for what is a time.
    """
    if value is None or value == "":
        return None
    time = moment_or_none(value, day_first)
    if time is None:
        raise InputError(
            f"{place}: {value!r} is no time that we know; write it as 2026-01-31T12:00:00"
        )
    return time


def moment_or_none(value: object, day_first: bool | None = None) -> datetime | None:
    """The time that a value says; None if it says none that is certain.

    >>> moment_or_none("Mon, 8 May 2023 13:56:00 +0200").isoformat()
    '2023-05-08T13:56:00+02:00'
    >>> moment_or_none(1683554160000000), moment_or_none(1.3), moment_or_none("today")
    (datetime.datetime(2023, 5, 8, 13, 56, tzinfo=datetime.timezone.utc), None, None)

    Times are `datetime`s, ISO 8601, seconds, milliseconds, microseconds and nanoseconds since 1970
    (as UTC, as numbers or text), texts with a date, and the objects of MongoDB and Firestore.
    3/4/2024 is a time only if `day_first` is given: `file_times` decides that for a whole file.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):  # True is an int too
        return _since_1970(value)
    if isinstance(value, str):
        return parse_moment(value, day_first)
    return _from_object(value) if isinstance(value, dict) else None


def parse_moment(text: str, day_first: bool | None = None) -> datetime | None:
    """The time that a text says as a whole; None if it says none that is certain.

    >>> parse_moment("1:56 pm on 8 May, 2023")
    datetime.datetime(2023, 5, 8, 13, 56)
    """
    time = _in_one_way(text)
    if time is not None:
        return time
    parts = written_time(text)
    return None if parts is None else _fixed_zone(parts.moment(_order(day_first)))


@dataclass(frozen=True, slots=True)
class FileTimes:
    """The times of a file, None for each value that is none, and the order of day and month.

    `unclear` are the positions of the values that another order would read as another day.
    """

    times: tuple[datetime | None, ...]
    order: DateOrder
    unclear: tuple[int, ...] = ()


def file_times(values: Sequence[object], day_first: bool | None = None) -> FileTimes:
    """The times of a file in its order. Day and month are read in one order in all of them.

    >>> file_times(["1/12/2024", "1/13/2024"]).times[0]
    datetime.datetime(2024, 1, 12, 0, 0)
    """
    times: list[datetime | None] = []
    texts: dict[int, WrittenTime] = {}
    for i, value in enumerate(values):
        if value == "":
            times.append(None)
            continue
        times.append(_in_one_way(value) if isinstance(value, str) else moment_or_none(value))
        time = written_time(value) if times[i] is None and isinstance(value, str) else None
        if time is not None:
            texts[i] = time
    order = date_order(list(texts.values()), day_first)
    for i, time in texts.items():
        times[i] = _fixed_zone(time.moment(order.order))
    unclear = [i for i, time in texts.items() if len(set(time.days.values())) > 1]
    return FileTimes(tuple(times), order, tuple(unclear))


def _order(day_first: bool | None) -> Order | None:
    if day_first is None:
        return None
    return "dmy" if day_first else "mdy"


def _in_one_way(text: str) -> datetime | None:
    """A number since 1970, or ISO 8601; both can be read in one way only."""
    if len(text) > MAX_LENGTH:
        return None
    text = plain(text)
    digits = re.fullmatch(r"(\d{8,19})(?:\.\d*)?", text)
    if digits:
        return _from_digits(text, digits[1])
    if not re.match(r"\d{4}-", text):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.year == 1 else time  # Go and C# write year 1 for no time


def _from_digits(text: str, digits: str) -> datetime | None:
    time_format = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}.get(len(digits))
    if time_format is None:
        return _since_1970(int(digits) if text == digits else float(text))
    try:
        time = datetime.strptime(text, time_format)
    except ValueError:
        return None
    return time if 1970 <= time.year < 2100 else None


_LAST_NUMBER = _LAST_SECOND * _UNITS[-1]


def _since_1970(number: float) -> datetime | None:
    if not -_LAST_NUMBER < number < _LAST_NUMBER:  # nor is it a number at all
        return None
    for unit in _UNITS:
        if _FIRST_SECOND <= number / unit < _LAST_SECOND:
            return _EPOCH + timedelta(microseconds=_microseconds(number, unit))
    return None


def _microseconds(number: float, unit: int) -> int:
    """Without rounding if the number is whole: a float has too few digits for microseconds."""
    if isinstance(number, int):
        return number * 10**6 // unit
    return round(number * (10**6 / unit))


def _from_object(value: dict[str, Any]) -> datetime | None:
    """MongoDB writes {"$date": …}, Firestore {"_seconds": …, "_nanoseconds": …}."""
    for key in ("$date", "$numberLong"):
        if key in value:
            return moment_or_none(value[key])
    for key in ("_seconds", "seconds"):
        if key in value and isinstance(value[key], int | str):
            return moment_or_none(value[key])
    return None


def _fixed_zone(time: datetime | None) -> datetime | None:
    """The same time with its offset from UTC in place of rules for summer time."""
    if time is None or time.tzinfo is None:
        return time
    offset = time.utcoffset()
    return time.replace(tzinfo=timezone(offset)) if offset else time.astimezone(UTC)
