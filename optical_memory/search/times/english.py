"""The days, weeks, months, seasons and years that an English text names."""

from __future__ import annotations

from datetime import date

from optical_memory.search.times.english_dates import LONG_DATES, SHORT_DATES
from optical_memory.search.times.english_words import (
    COUNT,
    DAY_STEPS,
    DAYS_OF_UNIT,
    HINTS,
    MONTH,
    SEASON,
    STEP,
    STEPS,
    UNIT,
    WEEKDAY,
    WEEKDAYS,
    count_limits,
    is_verb,
    month_number,
)
from optical_memory.search.times.forms import (
    Form,
    Match,
    read_forms,
)
from optical_memory.search.times.ranges import (
    DAY,
    WEEK,
    TimeRange,
    day_range,
    every_week,
    every_weekend,
    month_range,
    season_range,
    span_range,
    unit_range,
    week_range,
)

__all__ = ["english_times"]


def _weekday_of_week(match: Match, today: date) -> list[TimeRange]:
    week = week_range(today + STEPS[match["step"].lower()] * WEEK)
    return [day_range(week.start + _weekday(match) * DAY)]


def _weekday(match: Match) -> int:
    return WEEKDAYS.index(match["weekday"][:3].lower())


def _units_ago(match: Match, today: date) -> list[TimeRange]:
    low, high = count_limits(match["count"])
    unit = match["unit"].lower()
    if unit in ("minute", "hour"):
        return [day_range(today - (high // 24 if unit == "hour" else 0) * DAY)]
    if low == high:
        return [unit_range(unit, -high, today)]
    start = unit_range(unit, -high, today).start
    end = unit_range(unit, -low, today).end
    return [span_range(start, (end - start).days)]


def _last_units(match: Match, today: date) -> list[TimeRange]:
    """The last three weeks: the days up to today."""
    _, high = count_limits(match["count"] or "a")
    n_days = high * DAYS_OF_UNIT[match["unit"].lower()]
    return [span_range(today - n_days * DAY, n_days + 1)]


def _step_unit(match: Match, today: date) -> list[TimeRange]:
    return [unit_range(match["unit"].lower(), STEPS[match["step"].lower()], today)]


def _unit_before_last(match: Match, today: date) -> list[TimeRange]:
    return [unit_range(match["unit"].lower(), -2, today)]


def _step_weekday(match: Match, today: date) -> list[TimeRange]:
    """Last Tuesday is the last before today, next Tuesday the first after it."""
    if is_verb(match["weekday"]):
        return []
    step = STEPS[match["step"].lower()]
    if step == 0:
        return _weekday_of_week(match, today)
    n_days = (step * (_weekday(match) - today.weekday())) % 7 or 7
    return [day_range(today + step * n_days * DAY)]


def _step_month(match: Match, today: date) -> list[TimeRange]:
    step = STEPS[match["step"].lower()]
    if step == 0 and is_verb(match["month"]):
        return []
    month = month_number(match["month"])
    times = [month_range(today.year + i, month) for i in (-1, 0, 1)]
    return [_stepped(times, step, today)]


def _step_season(match: Match, today: date) -> list[TimeRange]:
    times = [season_range(today.year + i, match["season"].lower()) for i in (-2, -1, 0, 1)]
    return [_stepped(times, STEPS[match["step"].lower()], today)]


def _stepped(times: list[TimeRange], step: int, today: date) -> TimeRange:
    """Of a month in several years: the last that is over, this year's, or the first to come."""
    if step < 0:
        return [time for time in times if time.end <= today][-1]
    if step > 0:
        return next(time for time in times if time.start > today)
    return next(time for time in times if time.start.year == today.year)


def _near_day(match: Match, today: date) -> list[TimeRange]:
    words = " ".join(match[0].lower().split())
    steps = (step for end, step in DAY_STEPS.items() if words.endswith(end))
    step = 0 if words == "tonight" else next(steps, 0)
    return [day_range(today + step * DAY)]


def _any_weekday(match: Match, today: date) -> list[TimeRange]:
    if is_verb(match["weekday"]):
        return []
    return [every_week(_weekday(match), today)]


def _any_weekend(match: Match, today: date) -> list[TimeRange]:
    return [every_weekend(today)]


# ---- forms ---------------------------------------------------------------------------------------

_FORMS: tuple[Form, ...] = (
    *LONG_DATES,
    Form.of(rf"\b{WEEKDAY}\s+(?:of\s+)?{STEP}week\b", _weekday_of_week, "step"),
    Form.of(
        rf"{COUNT}\s+(?P<unit>minute|hour|day|weekend|week|month|year)s?\s+(?:ago|back|earlier)\b",
        _units_ago,
        "ago",
    ),
    Form.of(rf"\b(?:last|past|previous)\s+{COUNT}\s+{UNIT}s?\b", _last_units, "step"),
    Form.of(r"\bpast\s+(?P<count>)(?P<unit>week|month|year)\b", _last_units, "step"),
    Form.of(rf"\b{UNIT}\s+before\s+last\b", _unit_before_last, "step"),
    Form.of(
        r"\b(?:(?:the\s+)?day\s+before\s+yesterday|(?:the\s+)?day\s+after\s+tomorrow|yesterday"
        r"|tomorrow|today|tonight|last\s+night|this\s+(?:morning|afternoon|evening))\b",
        _near_day,
        "near",
    ),
    Form.of(rf"{STEP}(?P<unit>weekend|week|month|year)\b", _step_unit, "step"),
    Form.of(rf"{STEP}{WEEKDAY}", _step_weekday, "step"),
    Form.of(rf"{STEP}{MONTH}", _step_month, "step"),
    Form.of(rf"{STEP}{SEASON}(?!\s+of\b)", _step_season, "step"),
    Form.of(
        r"\b(?<!black\s)(?P<weekday>(?:mon|tues|wednes|thurs|fri|satur|sun)day)s?\b(?!,?\s*\0)",
        _any_weekday,
        "weekday",
    ),
    Form.of(r"\b(?:on|at|over|during)\s+the\s+weekend\b", _any_weekend, "weekday"),
    Form.of(rf"\b(?:on|since|until|till|by)\s+{WEEKDAY}(?!,?\s*\0)", _any_weekday, "weekday"),
    *SHORT_DATES,
)


def english_times(text: str, today: date) -> list[TimeRange]:
    """The times that the text names, those of the longest forms first."""
    hints = {match.lastgroup for match in HINTS.finditer(text)}
    return read_forms(text, today, [form for form in _FORMS if form.hint in hints])
