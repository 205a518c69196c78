"""Days, weeks, months, seasons and years as ranges of days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

__all__ = [
    "DAY",
    "FIRST_MONTHS",
    "WEEK",
    "Grain",
    "TimeRange",
    "day_range",
    "every_week",
    "every_weekend",
    "every_year",
    "month_range",
    "months_after",
    "season_range",
    "span_range",
    "unit_range",
    "week_range",
    "year_range",
]

Grain = Literal["day", "week", "month", "season", "year"]

DAY = timedelta(days=1)
WEEK = timedelta(days=7)

FIRST_MONTHS: Mapping[str, int] = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""The first month of each season of three months, as in the north of the world.

A winter belongs to the year that it begins in.
"""

_LONGEST: tuple[tuple[Grain, int], ...] = (("day", 1), ("week", 10), ("month", 45), ("season", 200))
"""The most days that are still about a day, a week, a month and a season."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The days from `start` up to `end`, without `end`, that a text names.

    `grain` says how exact the text is: "in May" has the grain "month". `repeats` is "year" or
    "week" if the text names the same days of every year or week ("in May", "on Tuesday"). `start`
    and `end` are then the nearest of them that have begun.
    """

    start: date
    end: date
    grain: Grain
    repeats: Literal["year", "week"] | None = None

    def covers(self, day: date) -> bool:
        """True if the text names this day."""
        return bool(self.between(day, day))

    def between(self, first: date, last: date) -> list[tuple[date, date]]:
        """The (start, end) of this range and its repeats that have a day from `first` to `last`.

        They come in the order of time, and are not cut off at `first` or `last`.
        """
        return [
            (start, end) for start, end in self._all(first, last) if start <= last and end > first
        ]

    def _all(self, first: date, last: date) -> list[tuple[date, date]]:
        """This range, and its repeats from about `first` to about `last`."""
        if self.repeats == "year":
            years = range(max(first.year - 1, date.min.year), last.year + 1)
            return _in_years(self.start, self.end, years)
        if self.repeats == "week":
            first = max(first, date.min + WEEK)
            last = min(last, date.max - WEEK)
            start = self.start + (first - self.start) // WEEK * WEEK
            length = self.end - self.start
            n_weeks = (last - start) // WEEK + 1
            return [(start + i * WEEK, start + i * WEEK + length) for i in range(n_weeks)]
        return [(self.start, self.end)]


def _in_years(start: date, end: date, years: range) -> list[tuple[date, date]]:
    """The same days of each of these years. 29 February is only in leap years."""
    ranges: list[tuple[date, date]] = []
    for year in years:
        try:
            new_start = start.replace(year=year)
            new_end = end.replace(year=year + end.year - start.year)
        except ValueError:  # no such day in that year
            continue
        ranges.append((new_start, new_end))
    return ranges


def day_range(day: date, n_days: int = 1) -> TimeRange:
    """A day, or some days from it on."""
    return TimeRange(day, day + n_days * DAY, "day")


def span_range(start: date, n_days: int) -> TimeRange:
    """So many days; the grain is the least that is about as long."""
    end = start + n_days * DAY
    for grain, longest in _LONGEST:
        if n_days <= longest:
            return TimeRange(start, end, grain)
    return TimeRange(start, end, "year")


def week_range(day: date) -> TimeRange:
    """The week of a day, from Monday on."""
    start = day - day.weekday() * DAY
    return TimeRange(start, start + WEEK, "week")


def month_range(year: int, month: int) -> TimeRange:
    """A month of a year. Raises `ValueError` if there is none."""
    start = date(year, month, 1)
    return TimeRange(start, months_after(start, 1), "month")


def season_range(year: int, season: str) -> TimeRange:
    """A season that begins in this year. `season` is a key of `FIRST_MONTHS`."""
    start = date(year, FIRST_MONTHS[season], 1)
    return TimeRange(start, months_after(start, 3), "season")


def year_range(year: int) -> TimeRange:
    """A year. Raises `ValueError` if a `date` cannot hold it."""
    return TimeRange(date(year, 1, 1), date(year + 1, 1, 1), "year")


def unit_range(unit: str, step: int, today: date) -> TimeRange:
    """The day, week, weekend, month or year that comes `step` after the day's."""
    if unit == "day":
        return day_range(today + step * DAY)
    if unit == "year":
        return year_range(today.year + step)
    if unit == "month":
        start = months_after(today, step)
        return month_range(start.year, start.month)
    week = week_range(today + step * WEEK)
    return day_range(week.start + 5 * DAY, 2) if unit == "weekend" else week


def months_after(day: date, n_months: int) -> date:
    """The first day of the month that comes `n_months` after the day's; before it if negative."""
    n = day.year * 12 + day.month - 1 + n_months
    return date(n // 12, n % 12 + 1, 1)


def every_year(candidate: TimeRange, today: date) -> TimeRange:
    """The range of every year; the nearest of it is the last that began by `today`."""
    ranges = _in_years(candidate.start, candidate.end, range(today.year - 8, today.year + 1))
    nearest = [(start, end) for start, end in ranges if start <= today]
    start, end = nearest[-1] if nearest else (candidate.start, candidate.end)
    return replace(candidate, start=start, end=end, repeats="year")


def every_week(weekday: int, today: date) -> TimeRange:
    """A weekday (Monday is 0) of every week; the nearest is `today` or the last before it."""
    day = today - (today.weekday() - weekday) % 7 * DAY
    return replace(day_range(day), repeats="week")


def every_weekend(today: date) -> TimeRange:
    """Every Saturday and Sunday; the nearest are the last that began by `today`."""
    return replace(day_range(every_week(5, today).start, 2), repeats="week")
