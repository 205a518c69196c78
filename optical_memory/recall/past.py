"""The past: questions that ask for what was said before it was corrected."""

from __future__ import annotations

import re

__all__ = [
    "asks_about_past",
]

_PAST = re.compile(
    r"""\b(?:
        before | used\ to | first | at\ first | original(?:ly)? | initial(?:ly)? | previous(?:ly)?
        | earlier | former(?:ly)? | no\ longer | any\ ?more | changed? | replaced | corrected
        | history | old(?:er)?\ (?:version|address|number|code|name|plan|value|one)s?
    )\b
    | 之前 | 以前 | 原来 | 最初 | 曾经 | 本来 | 起初 | 先前 | 更正 | 改
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Words by which people ask for an older state, in English and Chinese. Found by hand, not fitted.
A word too many costs little: what was replaced is marked.
"""


def asks_about_past(query: str) -> bool:
    """True if the question asks for what was so before.

    >>> asks_about_past("Where did I live before?"), asks_about_past("Where do I live?")
    (True, False)
    """
    return _PAST.search(query) is not None
