"""The days, weeks, months, seasons and years that a Chinese text names.

Simplified and traditional characters are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from optical_memory.search.times.forms import Form, Match, read_forms
from optical_memory.search.times.ranges import (
    DAY,
    TimeRange,
    day_range,
    every_week,
    every_weekend,
    every_year,
    month_range,
    months_after,
    season_range,
    span_range,
    unit_range,
    week_range,
    year_range,
)

__all__ = ["chinese_times"]

_DIGITS = "〇一二三四五六七八九"
_YEAR_STEPS: Mapping[str, int] = {
    "大前": -3,
    "前": -2,
    "去": -1,
    "今": 0,
    "明": 1,
    "后": 2,
    "後": 2,
}
_DAY_STEPS: Mapping[str, int] = {
    "大前": -3,
    "前": -2,
    "昨": -1,
    "今": 0,
    "明": 1,
    "后": 2,
    "後": 2,
}
_STEPS: Mapping[str, int] = {"上上": -2, "上": -1, "这": 0, "這": 0, "本": 0, "下": 1, "下下": 2}
_WEEKDAYS = "一二三四五六日"
_SEASONS: Mapping[str, str] = {"春": "spring", "夏": "summer", "秋": "autumn", "冬": "winter"}
_UNITS: Mapping[str, str] = {
    "天": "day",
    "日": "day",
    "周": "week",
    "週": "week",
    "星": "week",
    "礼": "week",
    "禮": "week",
    "月": "month",
    "年": "year",
}

_NUMBER = r"(?:\d{1,3}|[一二三四五六七八九十]{1,3})"
_COUNT = r"(?P<count>\d{1,4}|[一二三四五六七八九十]{1,3}|[两兩半几幾数數])"
_STEP = r"(?P<step>上上|上|下下|下|这|這|本)[个個]?"
_WEEK = r"(?:[周週]|星期|[礼禮]拜)"
_WEEKDAY = r"(?P<weekday>[一二三四五六日天])"
_YEAR = (
    r"(?:(?P<year>(?<!\d)(?:19|20)\d\d|[一二][〇零○九][〇零○一二三四五六七八九]{2})年"
    r"|(?P<near>大前|[前去今明后後])年)的?"
)
_MONTH = rf"(?P<month>{_NUMBER})月(?:份)?(?![天亮球饼餅])"
_DAY = rf"(?P<day>{_NUMBER})[日号號]"
_SEASON = r"(?P<season>[春夏秋冬])[天季]"


def _number(text: str) -> int:
    """12, 十二, 二十, 二十一, 二〇二三."""
    if text.isdecimal():
        return int(text)
    text = re.sub("[零○]", "〇", text)
    if "十" not in text:
        return int("".join(str(_DIGITS.index(char)) for char in text))
    tens, units = text.split("十")
    return 10 * (_DIGITS.index(tens) if tens else 1) + (_DIGITS.index(units) if units else 0)


def _year(match: Match, today: date) -> int | None:
    if match["year"]:
        return _number(match["year"])
    return today.year + _YEAR_STEPS[match["near"]] if match["near"] else None


# ---- readers of forms ----------------------------------------------------------------------------


def _day_of_month(match: Match, today: date) -> list[TimeRange]:
    year = _year(match, today)
    time = day_range(date(year or 2000, _number(match["month"]), _number(match["day"])))
    return [time if year else every_year(time, today)]


def _day_of_near_month(match: Match, today: date) -> list[TimeRange]:
    month = months_after(today, _STEPS[match["step"]])
    return [day_range(month.replace(day=_number(match["day"])))]


def _month(match: Match, today: date) -> list[TimeRange]:
    year = _year(match, today)
    time = month_range(year or 2000, _number(match["month"]))
    return [time if year else every_year(time, today)]


def _season(match: Match, today: date) -> list[TimeRange]:
    year = _year(match, today)
    time = season_range(year or 2000, _SEASONS[match["season"]])
    return [time if year else every_year(time, today)]


def _whole_year(match: Match, today: date) -> list[TimeRange]:
    return [year_range(_year(match, today) or today.year)]


def _weekday_of_week(match: Match, today: date) -> list[TimeRange]:
    week = unit_range("week", _STEPS[match["step"]], today)
    return [day_range(week.start + _weekday(match) * DAY)]


def _weekday(match: Match) -> int:
    return _WEEKDAYS.index(match["weekday"].replace("天", "日"))


def _any_weekday(match: Match, today: date) -> list[TimeRange]:
    return [every_week(_weekday(match), today)]


def _any_weekend(match: Match, today: date) -> list[TimeRange]:
    return [every_weekend(today)]


def _near_unit(match: Match, today: date) -> list[TimeRange]:
    unit = "weekend" if "末" in match["unit"] else _UNITS[match["unit"][0]]
    return [unit_range(unit, _STEPS[match["step"]], today)]


def _near_day(match: Match, today: date) -> list[TimeRange]:
    return [day_range(today + _DAY_STEPS[match["near"]] * DAY)]


def _units_ago(match: Match, today: date) -> list[TimeRange]:
    unit = _UNITS[match["unit"][0]]
    count = match["count"]
    if count == "半":
        return (
            [unit_range("month", -6, today)] if unit == "year" else [week_range(today - 15 * DAY)]
        )
    if count in "几幾数數":
        start = unit_range(unit, -8, today).start
        return [span_range(start, (unit_range(unit, -2, today).end - start).days)]
    return [unit_range(unit, -(2 if count in "两兩" else _number(count)), today)]


# ---- forms ---------------------------------------------------------------------------------------


_FORMS: tuple[Form, ...] = (
    Form.of(rf"(?:{_YEAR})?(?<![\d个個]){_MONTH}{_DAY}", _day_of_month),
    Form.of(rf"{_STEP}月{_DAY}", _day_of_near_month),
    Form.of(rf"(?:{_YEAR})?(?<![\d个個第]){_MONTH}", _month),
    Form.of(rf"(?:{_YEAR})?{_SEASON}", _season),
    Form.of(rf"{_YEAR}", _whole_year),
    Form.of(rf"{_COUNT}[个個]?(?P<unit>[天日周週月年]|星期|[礼禮]拜)(?:之|以)?前", _units_ago),
    Form.of(rf"{_STEP}{_WEEK}{_WEEKDAY}", _weekday_of_week),
    Form.of(rf"{_WEEK}{_WEEKDAY}(?![年岁歲])", _any_weekday),
    Form.of(rf"{_STEP}(?P<unit>[周週]末|{_WEEK}|月)", _near_unit),
    Form.of(r"[周週]末", _any_weekend),
    Form.of(r"(?P<near>大前|[前昨今明后後])(?:[天日晚]|天晚上)", _near_day),
)
_MAYBE = re.compile(r"[年月日号號天周週晚]|星期|[礼禮]拜|[春夏秋冬]")


def chinese_times(text: str, today: date) -> list[TimeRange]:
    """The times that the text names, those of the longest forms first."""
    return read_forms(text, today, _FORMS) if _MAYBE.search(text) else []
