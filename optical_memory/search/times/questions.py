"""Times and kinds of a question: which days it names, and whether it asks when, how many or who.

English and Chinese. Small tables and regular expressions: a question takes a fraction of a
millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from optical_memory.search.times.chinese import chinese_times
from optical_memory.search.times.english import english_times
from optical_memory.search.times.ranges import TimeRange

__all__ = [
    "QuestionKind",
    "ask_times",
    "question_kind",
]

QuestionKind = Literal["when", "how_many", "how_long", "who", "where"]

QUESTION_CHARS = 2_000
"""Of a longer question only its first and last half of so many characters are read."""


def ask_times(question: str, now: datetime) -> list[TimeRange]:
    """The days, weeks, months, seasons and years that a question names, each once.

    >>> [str(time.start) for time in ask_times("What broke on May 8th?", datetime(2024, 3, 1))]
    ['2023-05-08']

    `now` is the day, in the asker's own zone, that "yesterday" is counted from. A month or day
    without a year is that of every year (`TimeRange.repeats`). A date that can be read in two ways
    (05/08/2023) gives both.
    """
    today = now.date()
    question = _ends(question)
    times = english_times(question, today)
    if not question.isascii():
        times += chinese_times(question, today)
    return list(dict.fromkeys(times))


# ---- kinds ---------------------------------------------------------------------------------------

# A question word asks at the head of a clause, after a verb of asking, or before an auxiliary verb.
_SENTENCE = r"(?:^|[.?!\n])[\s\"“(]{0,9}(?:(?:exactly|so|and|but|since|until|by|from|about)\s+)*"
_INSIDE = (
    r"(?:[,;:(\"“]|\b(?:and|or|but|so|hey|hi|ok|okay|please|exactly|know|tell|me|us|say|said|ask"
    r"|asked|wonder|remember|recall|remind|forgot|check|out|sure|idea|between)\b)[\s\"“]{0,9}"
    r"(?:(?:exactly|about|around|at|by|since|from|for|to|with|until|in|on|and|or|but|so|of)\s+)*"
)
_ASKS = rf"(?:{_SENTENCE}|{_INSIDE})"
_AUXILIARY = (
    r"(?:is|was|were|are|am|did|does|do|has|have|had|will|would|can|could|should|shall|must|might)"
)
_NUMBER_NOUN = r"(?:number|price|cost|amount|total|count|age|percentage|score|budget|size|height)"
_PLACE = r"(?:city|country|place|town|state|street|restaurant|hotel|school|venue|location|address)"
_DATE = r"(?:day|date|time|month|year|week|weekend|season|hour|weekday)"

_KINDS: Mapping[QuestionKind, re.Pattern[str]] = {
    "when": re.compile(
        rf"{_SENTENCE}when(?:['’]s|\s*[?!.]|\s*$|\s+(?:and|exactly|about|in|{_AUXILIARY})\b)"
        rf"|{_INSIDE}when\b|\bwhen\s+(?:did|does|do|will)\b"
        rf"|\b(?:what|which)(?:'s|\s+(?:is|was|were))?\s+(?:the\s+|my\s+)?(?:exact\s+)?{_DATE}\b"
        r"|\bhow\s+long\s+ago\b|\bhow\s+recently\b"
        r"|什[么麼]时[候间]|什[么麼]時[候間]|何[时時]|几[点號号]|幾[點號号]|哪一?[天年日]"
        r"|哪一?[个個]?月|[几幾]月|(?:星期|[周週]|礼拜|禮拜)[几幾]"
        r"|啥时|[什甚][么麼]日[子期]|哪[个個]?(?:星期|[周週])|いつ",
        re.IGNORECASE,
    ),
    "how_many": re.compile(
        r"\bhow\s+(?:many|much|often|old|tall|far|big|large|heavy|fast|high|deep|wide|expensive)\b"
        rf"|\b(?:what|which)(?:'s|\s+(?:is|was|were|are))?\s+(?:the\s+|my\s+|your\s+|\w+'s\s+)?"
        rf"(?:\w+\s+)?{_NUMBER_NOUN}\b|\bthe\s+number\s+of\b"
        r"|多少|[几幾][个個只隻本张張条條位件次岁歲块塊种種双雙辆輛遍杯瓶人]"
        r"|多[大高远遠重深宽寬快贵貴]|いくつ",
        re.IGNORECASE,
    ),
    "how_long": re.compile(
        r"\bhow\s+long\b|\bhow\s+many\s+(?:\w+\s+)?(?:second|minute|hour|day|week|month|year)s?\b"
        r"|\bhow\s+much\s+time\b|\bwhat\s+duration\b|\bsince\s+when\b"
        r"|多久|多[长長][时時][间間]|[几幾](?:天|年|分[钟鐘])|[几幾][个個]?(?:月|小[时時]|星期|[周週])"
        r"|多少(?:天|年|[周週]|小[时時]|分[钟鐘])|どのくらい",
        re.IGNORECASE,
    ),
    "who": re.compile(
        rf"{_ASKS}who(?:m|se)?\b|\b(?:with|to|from|by|for)\s+whom\b"
        r"|\b(?:which|what)\s+(?:person|people|friend|colleague|one\s+of\s+us)\b"
        r"|[谁誰]|哪一?位|什[么麼]人|哪[个個]人|どなた",
        re.IGNORECASE,
    ),
    "where": re.compile(
        rf"{_ASKS}where(?:abouts)?\b|\bwhere\s+(?:did|does|do|will)\b|\b(?:what|which)\s+{_PLACE}\b"
        rf"|\bwhat(?:'s|\s+(?:is|was))\s+(?:the\s+|my\s+|your\s+)?{_PLACE}\b"
        r"|哪[里裡裏儿兒边邊]|哪[个個]?(?:城市|[国國]家|地方)|什[么麼]地方|何[处處]|[在去到]哪|どこ",
        re.IGNORECASE,
    ),
}


def question_kind(question: str) -> frozenset[QuestionKind]:
    """The kinds of answer that a question asks for; empty if none of these.

    >>> sorted(question_kind("How many cats do I have, and where do they sleep?"))
    ['how_many', 'where']
    """
    text = _ends(question)
    return frozenset(kind for kind, pattern in _KINDS.items() if pattern.search(text))


def _ends(question: str) -> str:
    """The question without the middle of a long paste, so that it costs little."""
    if len(question) <= QUESTION_CHARS:
        return question
    return question[: QUESTION_CHARS // 2] + "\n" + question[-QUESTION_CHARS // 2 :]
