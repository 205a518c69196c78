"""Times as files write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from optical_memory.errors import InputError

__all__ = [
    "moment",
    "parse_moment",
]

_TIME_FORMATS = (
    "%I:%M %p on %d %B, %Y",  # LoCoMo: 1:56 pm on 8 May, 2023
    "%Y/%m/%d (%a) %H:%M",  # LongMemEval: 2023/05/20 (Sat) 02:21
    "%B-%d-%Y",  # BEAM: March-15-2024
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d/%m/%Y, %H:%M",  # WhatsApp
    "%d/%m/%Y, %H:%M:%S",
)

_MILLISECONDS_FROM = 1e11
"""Larger numbers are milliseconds since 1970: in seconds they lie after the year 5000."""


def moment(value: object, place: str) -> datetime | None:
    """A time as written: ISO 8601, seconds or milliseconds since 1970 (as UTC), or one of the
    formats above.

    None and "" give None. Times without a zone stay without a zone. Raises `InputError` if the
    value is no time.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):  # True is an int too
        return _epoch_moment(value, place)
    parsed_moment = parse_moment(value) if isinstance(value, str) else None
    if parsed_moment is None:
        raise InputError(
            f"{place}: {value!r} is no time that we know; write it as 2026-01-31T12:00:00"
        )
    return parsed_moment


def _epoch_moment(value: float, place: str) -> datetime:
    seconds = value / 1000 if abs(value) > _MILLISECONDS_FROM else value
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise InputError(f"{place}: {value!r} is no time: {error}") from error


def parse_moment(text: str) -> datetime | None:
    """The time that a text says as a whole; None if it says none.

    >>> parse_moment("1:56 pm on 8 May, 2023")
    datetime.datetime(2023, 5, 8, 13, 56)
    """
    text = re.sub(r"\s+", " ", text.strip())
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for time_format in _TIME_FORMATS:
        try:
            return datetime.strptime(text, time_format)
        except ValueError:
            continue
    return None
