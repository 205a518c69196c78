"""Texts that mention a time or a number: an answer to "when", "how many" or "how long"."""

from __future__ import annotations

import re

__all__ = ["has_time_or_number"]

_TIME_WORDS = (
    "monday tuesday wednesday thursday friday saturday sunday january february april june july "
    "august september october november december ago last next yesterday tomorrow today tonight "
    "weekend two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred hundreds thousand thousands million millions billion billions dozen dozens twice"
)
# Words that are something else in lower case ("march", "sat") count with a capital only.
_TIME_NAMES = (
    "Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Jan Feb Mar March Apr May Jun Jul Aug Sep Sept "
    "Oct Nov Dec"
)
_HAS_WORDS = frozenset(
    f"{_TIME_WORDS} {_TIME_WORDS.title()} {_TIME_WORDS.upper()} {_TIME_NAMES}".split()
)
_WORD = re.compile("[A-Za-z]+")
_DIGIT = re.compile(r"\d")
_MAY_ASKS = re.compile(r"\bMay\s+(?:I|we|you|he|she|it|they|the)\b")
_CHINESE = re.compile(
    r"[昨今明后後前][天日晚]|[去今明前]年|[上下这這本][个個]?(?:[周週月]|星期|[礼禮]拜)"
    r"|星期|[礼禮]拜|[周週][一二三四五六日末]|[以之]前"
    r"|[一二三四五六七八九十百千万萬两兩几幾半][个個年月日天号號点點岁歲次周週块塊位只本张張分元万百千十]"
)


def has_time_or_number(text: str) -> bool:
    """True if the text has a digit, a number word, a weekday, a month, "ago", "last" or the like.

    >>> has_time_or_number("We moved three years ago."), has_time_or_number("May I come in?")
    (True, False)
    """
    if _DIGIT.search(text):
        return True
    time_words = _HAS_WORDS.intersection(_WORD.findall(text))
    if time_words == {"May"}:
        return _MAY_ASKS.search(text) is None
    return bool(time_words) or (not text.isascii() and _CHINESE.search(text) is not None)
