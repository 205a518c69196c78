"""Forms: the ways in which a language writes a time, and how a text is read by them.

Forms are tried in order, the longest first. A text that a form reads is not read by the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from optical_memory.search.times.ranges import TimeRange

__all__ = [
    "READ_MARK",
    "Form",
    "Match",
    "read_forms",
]

Match = re.Match[str]

READ_MARK = "\0"
"""The character that stands for a text that a form has read."""


@dataclass(frozen=True, slots=True)
class Form:
    """A way to write a time.

    A text without any word of the kind `hint` has no such time and need not be searched for it.
    `parse` turns a match of `pattern` into times, counted from today. It gives none if the match is
    no time after all, and raises `ValueError` or `OverflowError` if there is no such day.
    """

    pattern: re.Pattern[str]
    parse: Callable[[Match, date], list[TimeRange]]
    hint: str = ""

    @classmethod
    def of(
        cls, pattern: str, parse: Callable[[Match, date], list[TimeRange]], hint: str = ""
    ) -> Form:
        """The form with this regular expression, in capitals or not."""
        return cls(re.compile(pattern, re.IGNORECASE), parse, hint)

    def times(self, match: Match, today: date) -> list[TimeRange] | None:
        """The times of a match, or None if it is no time after all.

        They are empty for 30 February, or a year that no `date` holds.
        """
        try:
            return self.parse(match, today) or None
        except (ValueError, OverflowError):
            return []


def read_forms(text: str, today: date, forms: Iterable[Form]) -> list[TimeRange]:
    """The times that the text names in these forms; a part of the text is read once."""
    times: list[TimeRange] = []
    for form in forms:
        pieces: list[str] = []
        position = 0
        for match in form.pattern.finditer(text):
            new_times = form.times(match, today)
            if new_times is not None:
                times += new_times
                pieces += (text[position : match.start()], READ_MARK)
                position = match.end()
        if pieces:
            text = "".join([*pieces, text[position:]])
    return times
