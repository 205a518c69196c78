"""Tables in CSV or TSV with a column of speakers and a column of texts.

The first row names the columns. The delimiter is the one with which the names are known words.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.documents.columns import (
    columns_of,
    has_unknown_columns,
    table_delimiter,
)
from optical_memory.loaders.exports.fields import attachment_part, media_kind, text_parts, time_of
from optical_memory.loaders.exports.people import Post, Speaker, post_conversation
from optical_memory.loaders.exports.reading import (
    conversation_of,
    filled_conversations,
    joined,
    read_message,
)
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.turns import Role

__all__ = [
    "chat_table",
    "is_chat_table",
    "is_unclear_table",
    "unclear_table",
]

_ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "client": "user",
    "customer": "user",
    "me": "user",
    "you": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "claude": "assistant",
    "gemini": "assistant",
    "model": "assistant",
    "agent": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
"""Names of speakers that are roles, in lower case."""


class _Table(NamedTuple):
    columns: dict[str, int]
    header: list[str]
    rows: list[tuple[int, list[str]]]
    """Each row with the number of its line."""


def is_chat_table(text: str) -> bool:
    """True if the first line names a column of speakers and a column of texts."""
    return table_delimiter(text) is not None


def chat_table(source: Path | Document | str) -> list[Conversation]:
    """The conversations of a table: one, or one for each value of a column such as
    `conversation_id`.

    Raises `InputError` if the columns cannot be told or hold no texts.
    """
    name = stem(source)
    text = text_of(source)
    delimiter = table_delimiter(text)
    if delimiter is None:
        raise InputError(_unclear(name, text.split("\n", 1)[0]))
    table = _table(text, delimiter, name)
    groups: dict[str, list[tuple[int, list[str]]]] = {}
    left_out = []
    for line, row in table.rows:
        if len(row) == len(table.header):
            groups.setdefault(_cell(table, row, "conversation"), []).append((line, row))
        else:
            reason = "a row with more or fewer cells than the first row"
            left_out.append(LeftOut(f"{name}:{line}", reason, delimiter.join(row)))
    conversations = [_conversation(id or name, table, rows, name) for id, rows in groups.items()]
    return filled_conversations(conversations, name, left_out)


def is_unclear_table(text: str) -> bool:
    """True if the text is a table, but its first row does not name speakers and texts."""
    return has_unknown_columns(text)


def unclear_table(source: Path | Document | str) -> list[Conversation]:
    """Raises `InputError` that says which columns a table needs."""
    raise InputError(_unclear(stem(source), text_of(source).split("\n", 1)[0]))


def _unclear(name: str, header: str) -> str:
    return (
        f"{name}:1: a table whose columns cannot be told: {header[:80]!r}, expected a column of "
        "speakers (role, sender, author or from) and a column of texts (content, text or "
        "message); rename the columns in the first row"
    )


# ---- the columns and the rows --------------------------------------------------------------------


def _table(text: str, delimiter: str, name: str) -> _Table:
    rows = list(_rows(text, delimiter, name))
    header = rows[0][1] if rows else []
    return _Table(columns_of(header), header, rows[1:])


def _rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its first line."""
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a C long, which may have 32 bits
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        line = 1
        for row in reader:
            if any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{name}:{line}: not a row of a table: {error}; save the table again as CSV"
        ) from error
    finally:
        csv.field_size_limit(limit)


def _cell(table: _Table, row: list[str], purpose: str) -> str:
    index = table.columns.get(purpose)
    return row[index].strip() if index is not None else ""


# ---- turns ---------------------------------------------------------------------------------------


def _conversation(
    id: str, table: _Table, rows: list[tuple[int, list[str]]], name: str
) -> Conversation:
    """People by name if no speaker is a role, else messages by role."""
    left_out = _unknown_times(table, rows, name)
    rows = rows[::-1] if _is_newest_first(table, rows) else rows
    speakers = {_speaker(table, row).lower() for _, row in rows}
    if not speakers & _ROLES.keys():
        posts = [_post(table, row, f"{name}:{line}") for line, row in rows]
        return post_conversation(id, posts, {}, left_out)
    reading = joined(read_message(_message(table, row), f"{name}:{line}") for line, row in rows)
    return conversation_of(id, reading, {}, left_out)


def _unknown_times(table: _Table, rows: list[tuple[int, list[str]]], name: str) -> list[LeftOut]:
    """Times that cannot be read: their turns have none."""
    stamps = [(line, _cell(table, row, "time")) for line, row in rows]
    reason = "a time that we do not know how to read"
    return [
        LeftOut(f"{name}:{line}", reason, stamp)
        for line, stamp in stamps
        if stamp and time_of(stamp) is None
    ]


def _is_newest_first(table: _Table, rows: list[tuple[int, list[str]]]) -> bool:
    """True if every row has a time and the times fall from the first to the last."""
    times = [time_of(_cell(table, row, "time")) for _, row in rows]
    moments = [time.timestamp() for time in times if time]
    is_falling = all(later <= earlier for earlier, later in pairwise(moments))
    return is_falling and len(moments) == len(rows) and len(set(moments)) > 1


def _speaker(table: _Table, row: list[str]) -> str:
    return _cell(table, row, "role" if "role" in table.columns else "speaker")


def _post(table: _Table, row: list[str], place: str) -> Post:
    speaker = _speaker(table, row)
    return Post(
        speaker=Speaker(speaker, speaker),
        text=row[table.columns["text"]],
        time=time_of(_cell(table, row, "time")),
        id=_cell(table, row, "id") or None,
        place=place,
        attachments=tuple(_files(table, row)),
    )


def _message(table: _Table, row: list[str]) -> dict[str, Any]:
    """A row as a message. A word that is no known role is a name: of a person, or of a tool if
    the column has roles.
    """
    speaker = _speaker(table, row)
    role = _ROLES.get(speaker.lower())
    name = _cell(table, row, "speaker") if "role" in table.columns else ""
    if role is None:
        name = name or speaker
        role = "tool" if "role" in table.columns else "user"
    return {
        "role": role,
        "name": name or None,
        "content": [*text_parts(row[table.columns["text"]]), *_files(table, row)],
        "id": _cell(table, row, "id") or None,
        "created_at": time_of(_cell(table, row, "time")),
    }


def _files(table: _Table, row: list[str]) -> list[dict[str, Any]]:
    """Addresses of files, with commas between."""
    addresses = _cell(table, row, "attachments").split(",")
    names = [address.strip() for address in addresses if address.strip()]
    return [attachment_part(media_kind(name.split("?")[0]), name) for name in names]
