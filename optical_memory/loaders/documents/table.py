"""Tables in CSV or TSV with a column of speakers and a column of texts.

The first row names the columns. The delimiter is the one with which the names are known words.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
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
from optical_memory.loaders.exports.fields import attachment_part, media_kind, text_parts
from optical_memory.loaders.exports.people import Post, Speaker, post_conversation
from optical_memory.loaders.exports.reading import (
    conversation_of,
    filled_conversations,
    joined,
    read_message,
    unclear_times,
)
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.speakers import role_of
from optical_memory.loaders.times import file_times
from optical_memory.turns import Role

__all__ = [
    "chat_table",
    "is_chat_table",
    "is_unclear_table",
    "unclear_table",
]

_MORE_ROLES: dict[str, Role] = {
    "prompter": "user",
    "client": "user",
    "customer": "user",
    "chatbot": "assistant",
    "developer": "system",
    "function": "tool",
}
"""Names of speakers that are roles in tables, in lower case, besides those of logs."""


class _Row(NamedTuple):
    """A row with the place of its first line, and its time if it has one that can be read."""

    place: str
    cells: list[str]
    time: datetime | None = None


class _Table(NamedTuple):
    columns: dict[str, int]
    rows: list[_Row]
    left_out: list[LeftOut]


def is_chat_table(text: str) -> bool:
    """True if the first line names a column of speakers and a column of texts."""
    return table_delimiter(text) is not None


def chat_table(source: Path | Document | str, day_first: bool | None = None) -> list[Conversation]:
    """The conversations of a table: one, or one for each value of a column such as
    `conversation_id`.

    `day_first` says how to read 3/4/2024; by default the whole table decides. Raises `InputError`
    if the columns cannot be told or hold no texts.
    """
    name = stem(source)
    text = text_of(source)
    delimiter = table_delimiter(text)
    table = _table(text, delimiter, name) if delimiter else None
    if table is None or "text" not in table.columns:
        raise InputError(_unclear(name, text.split("\n", 1)[0]))
    stamps = [(row.place, _cell(table, row, "time")) for row in table.rows]
    times = file_times([words for _, words in stamps], day_first)
    groups: dict[str, list[_Row]] = {}
    for row, time in zip(table.rows, times.times, strict=True):
        groups.setdefault(_cell(table, row, "conversation"), []).append(row._replace(time=time))
    conversations = [_conversation(id or name, table, rows) for id, rows in groups.items()]
    return filled_conversations(
        conversations, name, [*table.left_out, *unclear_times(stamps, times)]
    )


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
    """The rows below the first; those that do not fit it are left out."""
    header, *rows = _rows(text, delimiter, name)
    n_cells = len(header.cells)
    reason = "a row with more or fewer cells than the first row"
    return _Table(
        columns_of(header.cells),
        [row for row in rows if len(row.cells) == n_cells],
        [
            LeftOut(row.place, reason, delimiter.join(row.cells))
            for row in rows
            if len(row.cells) != n_cells
        ],
    )


def _rows(text: str, delimiter: str, name: str) -> Iterator[_Row]:
    """The rows that are not blank."""
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a C long, which may have 32 bits
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        line = 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _Row(f"{name}:{line}", cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{name}:{line}: not a row of a table: {error}; save the table again as CSV"
        ) from error
    finally:
        csv.field_size_limit(limit)


def _cell(table: _Table, row: _Row, purpose: str) -> str:
    index = table.columns.get(purpose)
    return row.cells[index].strip() if index is not None else ""


# ---- turns ---------------------------------------------------------------------------------------


def _conversation(id: str, table: _Table, rows: Sequence[_Row]) -> Conversation:
    """People by name if no speaker is a role, else messages by role."""
    rows = rows[::-1] if _is_newest_first(rows) else rows
    if not any(_role(_speaker(table, row)) for row in rows):
        return post_conversation(id, [_post(table, row) for row in rows], {})
    reading = joined(read_message(_message(table, row), row.place) for row in rows)
    return conversation_of(id, reading, {})


def _is_newest_first(rows: Sequence[_Row]) -> bool:
    """True if every row has a time and the times fall from the first to the last."""
    moments = [row.time.timestamp() for row in rows if row.time]
    is_falling = all(later <= earlier for earlier, later in pairwise(moments))
    return is_falling and len(moments) == len(rows) and len(set(moments)) > 1


def _speaker(table: _Table, row: _Row) -> str:
    return _cell(table, row, "role" if "role" in table.columns else "speaker")


def _role(speaker: str) -> Role | None:
    return _MORE_ROLES.get(speaker.lower()) or role_of(speaker)


def _post(table: _Table, row: _Row) -> Post:
    speaker = _speaker(table, row)
    return Post(
        speaker=Speaker(speaker, speaker),
        text=row.cells[table.columns["text"]],
        time=row.time,
        id=_cell(table, row, "id") or None,
        place=row.place,
        attachments=tuple(_files(table, row)),
    )


def _message(table: _Table, row: _Row) -> dict[str, Any]:
    """A row as a message. A word that is no known role is a name: of a person, or of a tool if
    the column has roles.
    """
    speaker = _speaker(table, row)
    role = _role(speaker)
    name = _cell(table, row, "speaker") if "role" in table.columns else ""
    if role is None:
        name = name or speaker
        role = "tool" if "role" in table.columns else "user"
    return {
        "role": role,
        "name": name or None,
        "content": [*text_parts(row.cells[table.columns["text"]]), *_files(table, row)],
        "id": _cell(table, row, "id") or None,
        "created_at": row.time,
    }


def _files(table: _Table, row: _Row) -> list[dict[str, Any]]:
    """Addresses of files, with commas between."""
    addresses = _cell(table, row, "attachments").split(",")
    names = [address.strip() for address in addresses if address.strip()]
    return [attachment_part(media_kind(name.split("?")[0]), name) for name in names]
