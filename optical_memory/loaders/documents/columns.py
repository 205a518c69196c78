"""The columns of a table: for whom and for what each is, by the names in the first row."""

from __future__ import annotations

import csv
import re

__all__ = [
    "columns_of",
    "has_unknown_columns",
    "table_delimiter",
]

_DELIMITERS = (",", ";", "\t", "|")

_COLUMNS = {
    "role": ("role",),
    "speaker": (
        "sender",
        "author",
        "from",
        "speaker",
        "sendername",
        "authorname",
        "sentby",
        "name",
        "username",
        "nickname",
        "user",
        "participant",
    ),
    "text": ("content", "text", "message", "body", "utterance", "messagetext", "msg"),
    "time": ("timestamp", "time", "datetime", "date", "createdat", "sentat", "createtime"),
    "id": ("messageid", "id", "msgid"),
    "conversation": (
        "conversationid",
        "conversation",
        "sessionid",
        "threadid",
        "chatid",
        "dialogueid",
        "dialogid",
        "session",
        "thread",
        "chat",
    ),
    "attachments": ("attachments",),
}
"""What a column is for, by its name in lower case without blanks and signs; the first counts."""

_NAME = re.compile(r"[^\W\d_][\w .#/()-]{0,39}")
"""A name of a column, as tables have it: it begins with a letter and holds no sentence."""


def table_delimiter(text: str) -> str | None:
    """The delimiter with which the first line names speakers and texts."""
    first_line = text[:10_000].split("\n", 1)[0]
    for delimiter in _DELIMITERS:
        columns = columns_of(_cells(first_line, delimiter))
        if "text" in columns and columns.keys() & {"role", "speaker"}:
            return delimiter
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line; none if it cannot be part of a table."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def columns_of(header: list[str]) -> dict[str, int]:
    """The number of the column for each purpose that the names in the first row tell.

    >>> columns_of(["Sent at", "Sender", "Message"])
    {'speaker': 1, 'text': 2, 'time': 0}
    """
    names = [re.sub(r"[\W_]+", "", name).lower() for name in header]
    columns = {}
    for purpose, known_names in _COLUMNS.items():
        name = next((name for name in known_names if name in names), None)
        if name is not None:
            columns[purpose] = names.index(name)
    return columns


def has_unknown_columns(text: str) -> bool:
    """True if the text is a table: three rows or more with the same number of cells, of which the
    first has only names.
    """
    lines = text[:20_000].split("\n", 6)[:6]
    return any(_is_regular(lines, delimiter) for delimiter in (",", ";", "\t"))


def _is_regular(lines: list[str], delimiter: str) -> bool:
    header = lines[0].strip("\r").split(delimiter)
    lines = [line for line in lines[1:-1] or lines[1:] if line.strip()]
    if len(header) < 2 or len(lines) < 2 or not _are_names([name.strip('"') for name in header]):
        return False
    return all(len(_cells(line, delimiter)) == len(header) for line in lines)


def _are_names(header: list[str]) -> bool:
    """True if all cells may name columns, and no two are the same."""
    return all(map(_NAME.fullmatch, header)) and len(set(header)) == len(header)
