"""JSON lines: a document in each line.

A row that is not JSON is passed over among others that are, and so is a last line that is cut off:
a program is still writing the file, or was stopped. Both are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from optical_memory.loaders.content.json_documents import parse_documents
from optical_memory.loaders.content.json_values import (
    BLANK,
    CUT_OFF,
    NO_CONTAINER,
    JsonContent,
    decode,
    row_reason,
)
from optical_memory.loaders.content.utf8 import NEWLINE
from optical_memory.loaders.conversation import LeftOut

__all__ = [
    "has_json_lines",
    "is_document_a_line",
    "parse_lines",
]

MIN_JSON_SHARE = 0.5
"""Of the lines of a file whose first line is not JSON."""

_NO_BLANK = re.compile(rb"[^ \t\r\n\0]")

_SAMPLE_BYTES = 1_000_000
_SAMPLE_ROWS = 10_000

_LINES = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class _Row:
    """A line that is not blank: its number, from 1, its offset and its bytes."""

    number: int
    offset: int
    content: memoryview

    @property
    def place(self) -> str:
        return f"line {self.number}"


def _rows(raw: bytes) -> Iterator[_Row]:
    view = memoryview(raw)
    number = 0
    offset = 0
    while offset < len(raw):
        end = raw.find(NEWLINE, offset)
        end = len(raw) if end < 0 else end
        number += 1
        if _NO_BLANK.search(raw, offset, end):
            yield _Row(number, offset, view[offset:end])
        offset = end + 1


def is_document_a_line(raw: bytes) -> bool:
    """The first line is a document, and more lines come."""
    rows = _rows(raw)
    first = next(rows, None)
    return first is not None and next(rows, None) is not None and bool(_containers(first.content))


def has_json_lines(raw: bytes) -> bool:
    """At least half of the lines are objects or arrays; those of a large file are sampled."""
    rows = list(islice(_rows(raw[:_SAMPLE_BYTES]), _SAMPLE_ROWS))
    if len(rows) < 2:
        return False
    n_documents = sum(bool(_containers(_without_comma(row.content))) for row in rows)
    return n_documents >= max(1, MIN_JSON_SHARE * len(rows))


def _containers(content: bytes | memoryview) -> list[Any]:
    """The document in a line, an object or an array, in a list; empty if the line is none."""
    if bytes(content[:50]).lstrip()[:1] not in (b"{", b"["):
        return []
    try:
        document = decode(content)
    except ValueError:
        return []
    return [document]


def _without_comma(content: memoryview) -> bytes:
    """A line of an array that was written an item a line is a document, but for the comma."""
    return bytes(content).strip(BLANK).removesuffix(b",")


def parse_lines(raw: bytes) -> JsonContent | None:
    """The documents of all lines; None if no line is one."""
    return _parse_good_lines(raw) or _parse_odd_lines(raw)


def _parse_good_lines(raw: bytes) -> JsonContent | None:
    """The documents of lines, all at once; None if a line is blank, or no object or array."""
    n_lines = raw.count(NEWLINE) + (not raw.endswith(NEWLINE))
    try:
        documents = _LINES.decode_lines(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    are_containers = all(type(document) in (dict, list) for document in documents)
    if len(documents) != n_lines or not are_containers:
        return None
    return JsonContent(documents, (), range(1, n_lines + 1))


def _parse_odd_lines(raw: bytes) -> JsonContent | None:
    """As `parse_lines`, a line after the other."""
    documents: list[Any] = []
    line_numbers: list[int] = []
    left_out: list[LeftOut] = []
    end = len(raw.rstrip(BLANK))
    for row in _rows(raw):
        row_documents, reason = _documents_of(row)
        documents += row_documents
        line_numbers += [row.number] * len(row_documents)
        if reason is not None:
            is_cut_off = row.offset + len(row.content) >= end and _is_cut_off(row.content)
            text = str(row.content, "utf-8", "backslashreplace").strip()
            left_out.append(LeftOut(row.place, CUT_OFF if is_cut_off else reason, text))
    return JsonContent(documents, tuple(left_out), line_numbers) if documents else None


def _documents_of(row: _Row) -> tuple[list[Any], str | None]:
    """The documents in a row, and why there are none."""
    content = _without_comma(row.content)
    if content in (b"[", b"]"):  # around rows that end in commas
        return [], None
    try:
        document = decode(row.content)
        is_container = isinstance(document, dict | list)
        return ([document], None) if is_container else ([], NO_CONTAINER)
    except ValueError as error:
        documents = _containers(content) if content.endswith((b"}", b"]")) else []
        if not documents and "Extra data" in str(error):
            documents = _documents_in(content)
        return documents, None if documents else row_reason(error)


def _is_cut_off(content: memoryview) -> bool:
    text = bytes(content).strip(BLANK)
    return text.startswith((b"{", b"[")) and not text.endswith((b"}", b"]"))


def _documents_in(content: bytes) -> list[Any]:
    """Documents that stand in the same line without a line end between; [] if there is more."""
    documents = parse_documents(content)
    return documents.data if documents and not documents.left_out else []
