"""Words in written times: months, days of the week, halves of the day, zones, and small words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "AFTERNOON",
    "FILLERS",
    "HALF",
    "HOURS_OF_ZONES",
    "MONTHS",
    "WEEKDAYS",
]

_MONTHS = (
    "jan january januar janvier enero ene janeiro gennaio gen januari янв января",
    "feb february februar février févr febrero fevereiro fev febbraio februari фев февраля",
    "mar march märz mär mars marzo março maart mrt марта",
    "apr april avril avr abril abr aprile апр апреля",
    "may mai mayo maio maggio mag mei мая",
    "jun june juni juin junio junho giugno giu июн июня",
    "jul july juli juillet juil julio julho luglio lug июл июля",
    "aug august août agosto ago augustus авг августа",
    "sep sept september septembre septiembre setembro set settembre сен сентября",
    "oct october oktober okt octobre octubre outubro out ottobre ott окт октября",
    "nov november novembre noviembre novembro ноя ноября",
    "dec december dezember dez décembre déc diciembre dic dezembro dicembre дек декабря",
)
"""January to December, in the languages of most exports; no word means two months."""


def _numbers(names: Sequence[str], first: int) -> dict[str, int]:
    """The number of each word; the words of a text have the same."""
    numbers: dict[str, int] = {}
    for number, words in enumerate(names, first):
        numbers |= dict.fromkeys(words.split(), number)
    return numbers


MONTHS: Mapping[str, int] = _numbers(_MONTHS, 1)

_WEEKDAYS = (
    "mon monday 月 月曜日 星期一 周一 월 월요일",
    "tue tues tuesday 火 火曜日 星期二 周二 화 화요일",
    "wed wednesday 水 水曜日 星期三 周三 수 수요일",
    "thu thur thurs thursday 木 木曜日 星期四 周四 목 목요일",
    "fri friday 金 金曜日 星期五 周五 금 금요일",
    "sat saturday 土 土曜日 星期六 周六 토 토요일",
    "sun sunday 日 日曜日 星期日 周日 일 일요일",
)
WEEKDAYS: Mapping[str, int] = _numbers(_WEEKDAYS, 0)

_MORNING = (r"[aA]\.?\s?[mM]\b\.?", "上午", "午前", "오전", "ص", r"π\.?μ\.?", "ΠΜ", "vorm\\.")
AFTERNOON = (r"[pP]\.?\s?[mM]\b\.?", "下午", "午後", "오후", "م", r"μ\.?μ\.?", "ΜΜ", "nachm\\.")
"""Patterns of the halves of the day."""

HALF = rf"(?:{'|'.join((*_MORNING, *AFTERNOON))})"
"""The pattern of a half of the day, whichever."""

FILLERS = ("at", "on", "um", "klo", r"kl\.", "às", "a las", "à", "alle", "om", "o'clock", "uhr")
"""Patterns of words between a date and its clock."""

HOURS_OF_ZONES: Mapping[str, float] = {
    "UT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3,
    "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10, "BRT": -3, "ART": -3, "SGT": 8, "HKT": 8,
    "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "ACST": 9.5, "NZST": 12, "NZDT": 13,
}  # fmt: skip
"""Hours east of UTC. CST, IST, BST and AST are not here: each is the name of several zones."""
