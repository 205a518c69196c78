"""Dates in English: days, months, seasons and years with their names or numbers."""

from __future__ import annotations

import re
from datetime import date

from optical_memory.search.times.english_words import (
    AND,
    FROM_MONTH,
    FULL_YEAR,
    IN,
    MONTH,
    MONTH_NAME,
    OF_YEAR,
    ORDINAL_WORD,
    ORDINALS,
    SEASON,
    is_verb,
    month_number,
    year_number,
)
from optical_memory.search.times.forms import (
    READ_MARK,
    Form,
    Match,
)
from optical_memory.search.times.ranges import (
    DAY,
    WEEK,
    TimeRange,
    day_range,
    every_year,
    month_range,
    season_range,
    span_range,
    year_range,
)

__all__ = [
    "LONG_DATES",
    "SHORT_DATES",
]


def _iso_day(match: Match, today: date) -> list[TimeRange]:
    return [day_range(date(*(int(number) for number in match.group("y", "m", "d"))))]


def _iso_month(match: Match, today: date) -> list[TimeRange]:
    return [month_range(int(match["y"]), int(match["m"]))]


def _numbers_day(match: Match, today: date) -> list[TimeRange]:
    """05/08/2023: both 8 May and 5 August. 8.5.2023: the day comes first."""
    first, second, year = (int(number) for number in match.group("first", "second", "y"))
    pairs = {(second, first)}
    if match["separator"] != ".":
        pairs.add((first, second))
    return [day_range(date(year, *pair)) for pair in sorted(pairs) if pair[0] <= 12]


def _day_of_month(match: Match, today: date) -> list[TimeRange]:
    word = match["day"].split()[-1 if match["day"].startswith("the") else 0].lower()
    digits = word.rstrip("stndrh")
    is_plain = digits == word and not match["year"] and not _follows_on(match)
    if is_plain and is_verb(match["month"]):
        return []
    day = int(digits) if digits.isdigit() else ORDINALS.index(word) + 1
    year = year_number(match["year"], today)
    # 2000 has a 29 February.
    time = day_range(date(2000 if year is None else year, month_number(match["month"]), day))
    return [every_year(time, today) if year is None else time]


def _follows_on(match: Match) -> bool:
    """True if a word such as "on" or "since" stands before the match."""
    words = match.string[max(match.start() - 12, 0) : match.start()].lower().split()
    return bool(words) and words[-1] in ("on", "since", "until", "till", "by", "the")


def _week_of_month(match: Match, today: date) -> list[TimeRange]:
    year = year_number(match["year"], today)
    month = month_range(2000 if year is None else year, month_number(match["month"]))
    if year is None:
        month = every_year(month, today)
    nth = match["nth"].lower()
    start = month.end - WEEK if nth == "last" else month.start + ORDINALS.index(nth) * WEEK
    if match["part"].lower() == "week":
        return [span_range(start, 7)]
    return [day_range(start + (5 - start.weekday()) % 7 * DAY, 2)]


def _month_of_year(match: Match, today: date) -> list[TimeRange]:
    return [
        month_range(year_number(match["year"], today) or today.year, month_number(match["month"]))
    ]


def _season_of_year(match: Match, today: date) -> list[TimeRange]:
    return [season_range(year_number(match["year"], today) or today.year, match["season"].lower())]


def _months(match: Match, today: date) -> list[TimeRange]:
    names = re.findall(MONTH_NAME, match[0], re.IGNORECASE)
    return [every_year(month_range(2000, month_number(name)), today) for name in names]


def _seasons(match: Match, today: date) -> list[TimeRange]:
    return [every_year(season_range(2000, match["season"].lower()), today)]


def _years(match: Match, today: date) -> list[TimeRange]:
    return [year_range(int(year)) for year in re.findall(FULL_YEAR, match[0])]


# ---- forms ---------------------------------------------------------------------------------------

LONG_DATES: tuple[Form, ...] = (
    Form.of(
        r"(?<![\w./-])(?P<y>(?:19|20)\d\d)([/-])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?![\d-]|\.\d)",
        _iso_day,
        "digit",
    ),
    Form.of(
        r"(?<![\w./-])(?P<y>(?:19|20)\d\d)-(?P<m>0[1-9]|1[0-2])(?![\w-]|\.\d)", _iso_month, "digit"
    ),
    Form.of(
        r"(?<![\w./-])(?P<first>\d{1,2})(?P<separator>[./-])(?P<second>\d{1,2})(?P=separator)"
        r"(?P<y>(?:19|20)\d\d)(?![\w/-]|\.\d)",
        _numbers_day,
        "digit",
    ),
    Form.of(
        rf"\b(?P<nth>first|second|third|fourth|last)\s+(?P<part>week(?:end)?)\s+(?:of|in)\s+"
        rf"{MONTH}{OF_YEAR}?",
        _week_of_month,
        "month",
    ),
    Form.of(
        rf"(?<![\w.:/$€£-])(?P<day>\d{{1,2}}(?:st|nd|rd|th)?(?:\s+of)?|{ORDINAL_WORD}\s+of)"
        rf"\s+{MONTH}{OF_YEAR}?",
        _day_of_month,
        "month",
    ),
    Form.of(
        rf"\b{MONTH}\s+(?P<day>(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?(?![\w:%]|\.\d)"
        rf"|the\s+{ORDINAL_WORD})\b{OF_YEAR}?",
        _day_of_month,
        "month",
    ),
    Form.of(rf"\b{MONTH}{OF_YEAR}", _month_of_year, "month"),
    Form.of(rf"\b{SEASON}{OF_YEAR}", _season_of_year, "season"),
)
"""Dates of more than a word: they are read before any other time."""

SHORT_DATES: tuple[Form, ...] = (
    Form.of(
        rf"(?:{IN}|{READ_MARK}{AND}|{FROM_MONTH}){MONTH_NAME}(?:{AND}{MONTH_NAME})*",
        _months,
        "month",
    ),
    Form.of(
        r"\b(?:january|february|july|september|october|november|december)\b"
        rf"(?:{AND}{MONTH_NAME})*",
        _months,
        "month",
    ),
    Form.of(
        rf"(?:{IN}|\bover\s+the\s+){SEASON}(?!\s+(?:(?-i:[A-Z])|rolls?\b|onions?\b|of\b))",
        _seasons,
        "season",
    ),
    Form.of(
        rf"(?:{IN}|\b(?:from|by|year)\s+|{READ_MARK}{AND}){FULL_YEAR}(?:{AND}{FULL_YEAR})*"
        r"(?!\s+(?!(?:is|was|does|has|as|this|vs|us)\b)[a-z]+s\b)",
        _years,
        "digit",
    ),
)
"""Months, seasons and years by themselves: they are read after any other time."""
