"""Times in words, and when a frame tells the time again."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

__all__ = [
    "is_news",
    "time_in_words",
]

SILENCE = timedelta(hours=1)
"""After so long a time the clock is told again. Round number: a pause, and not an answer."""

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9+:-]{0,31}")
"""Names of zones in a time: an object that says its own name may say anything."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def time_in_words(time: datetime, last_time: datetime | None = None) -> str:
    """A time with its day of the week and its zone; the clock alone on the day of `last_time`.

    >>> time_in_words(datetime(2023, 5, 8, 13, 56)), time_in_words(datetime(2023, 5, 8))
    ('Mon 2023-05-08, 13:56', 'Mon 2023-05-08')

    Midnight without a zone is a day of which nobody knows the hour.
    """
    clock = f"{time:%H:%M}"
    zone = _zone(time)
    if last_time is not None and _day(last_time) == _day(time):
        return clock
    day = f"{DAYS[time.weekday()]} {time.date().isoformat()}"
    if time.tzinfo is None and time.time() == time.min.time():
        return day
    return f"{day}, {clock} {zone}" if zone else f"{day}, {clock}"


def is_news(time: datetime, last_time: datetime | None) -> bool:
    """True on another day, or an hour later, than the time that was told last, in its zone."""
    if time is last_time:
        return False
    if last_time is None or (time.tzinfo is None) != (last_time.tzinfo is None):
        return True
    since = time - last_time
    if abs(since) >= SILENCE:
        return True
    return (last_time.replace(tzinfo=None) + since).date() != last_time.date()


def _day(time: datetime) -> tuple[int, str | None]:
    """A day, and the zone in which it is this day."""
    return time.toordinal(), _zone(time)


def _zone(time: datetime) -> str | None:
    """The name of the zone; its offset if the name is no name."""
    name = time.tzname()
    if name is None or _ZONE.fullmatch(name):
        return name
    return f"UTC{time:%z}"
