"""JSON in the bytes of a file: a document, documents in a row, or a document in each line.

A row that is not JSON is passed over among others that are, and so is an end that is cut off: a
program is still writing the file, or was stopped. Both are told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from optical_memory.errors import InputError
from optical_memory.loaders.contents import NEWLINE
from optical_memory.loaders.conversation import LeftOut

__all__ = [
    "JsonContent",
    "parse_json",
]

CUT_OFF = "the file ends in the middle of it: a program is still writing, or was stopped"
NO_CONTAINER = "neither an object nor an array"
TOO_DEEP = "nested too deeply to be read"

MIN_JSON_SHARE = 0.5
"""Of the lines of a file whose first line is not JSON."""

_BLANK = b" \t\r\n\0"
"""NUL too: a disk may fill the end of a file with it if the power goes while it is written."""

_BEGINNING = re.compile(rb'\s*(\{\s*("|\}|$)|\[\s*([\]\{"]|$|\[\s*[\]\[\{"]))')
"""Of a JSON object, or of an array of objects, arrays or texts. A log may begin with `[12:01]`."""

_BLANKS = re.compile(r"[\s,\0]*")
"""Between documents. People join them with commas too."""

_LINE_END = "\n"
_NEXT_DOCUMENT = re.compile(r"\n(?=[\[{])")


@dataclass(frozen=True, slots=True)
class JsonContent:
    """The data of a file, a list if there are several documents in it, and the rows that are not
    JSON. Documents that stand each in a line have their numbers in `line_numbers`, from 1.
    """

    data: Any
    left_out: tuple[LeftOut, ...] = ()
    line_numbers: Sequence[int] = ()


_DECODER = json.JSONDecoder()
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


@dataclass(frozen=True, slots=True)
class _Piece:
    """Documents of a text up to `end`. If there is a reason, what stands from `rest` on could not
    be read.
    """

    documents: list[Any]
    rest: int
    end: int
    reason: str | None


class _DeepNestingError(ValueError):
    pass


def parse_json(raw: bytes, name: str) -> JsonContent | None:
    """The data in UTF-8; None if it is no JSON, but a text of another kind.

    Raises `InputError` with the place if it begins as JSON and none of it can be read.
    """
    begins_as_json = _BEGINNING.match(raw) is not None
    if not begins_as_json:
        return _parse_lines(raw) if _has_json_lines(raw) else None
    if _is_document_a_line(raw):
        return _parse_lines(raw)
    try:
        return JsonContent(_decode(raw))
    except ValueError as error:
        content = _parse_lines(raw) if _has_json_lines(raw) else _parse_documents(raw)
        if content is None:
            raise InputError(f"{name}: {_reason(error)}; {_advice(error, raw)}") from error
        return content


def _decode(raw: bytes | memoryview) -> Any:
    """The data of a document. Raises `ValueError` if it is none, or is nested too deeply.

    msgspec is fast and accepts less than Python's own reader, which decides if msgspec refuses.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError as error:
        raise _DeepNestingError(TOO_DEEP) from error
    try:
        return json.loads(str(raw, "utf-8", "surrogatepass"))
    except RecursionError as error:
        raise _DeepNestingError(TOO_DEEP) from error


def _reason(error: ValueError) -> str:
    """Why a document is not JSON, and its place."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text at byte {error.start}"
    return str(error)


def _advice(error: ValueError, raw: bytes) -> str:
    if isinstance(error, _DeepNestingError):
        return "a conversation has a few levels of lists and objects; export it again"
    if isinstance(error, UnicodeDecodeError):
        return "save it as UTF-8"
    if not raw.rstrip(_BLANK).endswith((b"]", b"}")):
        return "the file seems to be cut off: export it again, or wait until it is written"
    return "mend it there, or export it again"


# ---- a document in each line ---------------------------------------------------------------------


def _rows(raw: bytes) -> Iterator[_Row]:
    view = memoryview(raw)
    number = 0
    offset = 0
    while offset < len(raw):
        end = raw.find(NEWLINE, offset)
        end = len(raw) if end < 0 else end
        number += 1
        if raw[offset:end].strip(_BLANK):
            yield _Row(number, offset, view[offset:end])
        offset = end + 1


def _is_document_a_line(raw: bytes) -> bool:
    """The first line is a document, and more lines come."""
    rows = _rows(raw)
    first = next(rows, None)
    return first is not None and next(rows, None) is not None and bool(_containers(first.content))


def _has_json_lines(raw: bytes) -> bool:
    """At least half of the lines are objects or arrays; those of a large file are sampled."""
    rows = list(_rows(raw[:1_000_000]))
    if len(rows) < 2:
        return False
    n_documents = sum(bool(_containers(_without_comma(row.content))) for row in rows)
    return n_documents >= max(1, MIN_JSON_SHARE * len(rows))


def _containers(content: bytes | memoryview) -> list[Any]:
    """The document in a line, an object or an array, in a list; empty if the line is none."""
    if bytes(content[:50]).lstrip()[:1] not in (b"{", b"["):
        return []
    try:
        document = _decode(content)
    except ValueError:
        return []
    return [document]


def _without_comma(content: memoryview) -> bytes:
    """A line of an array that was written an item a line is a document, but for the comma."""
    return bytes(content).strip(_BLANK).removesuffix(b",")


def _parse_lines(raw: bytes) -> JsonContent | None:
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
    """As `_parse_lines`, a line after the other."""
    documents: list[Any] = []
    line_numbers: list[int] = []
    left_out: list[LeftOut] = []
    end = len(raw.rstrip(_BLANK))
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
    try:
        document = _decode(row.content)
        is_container = isinstance(document, dict | list)
        return ([document], None) if is_container else ([], NO_CONTAINER)
    except ValueError as error:
        if content in (b"[", b"]"):  # around rows that end in commas
            return [], None
        documents = _containers(content) or _documents_in(content)
        return documents, None if documents else _row_reason(error)


def _row_reason(error: ValueError) -> str:
    reason = error.msg if isinstance(error, json.JSONDecodeError) else _reason(error)
    return reason if isinstance(error, _DeepNestingError) else f"not JSON: {reason}"


def _is_cut_off(content: memoryview) -> bool:
    text = bytes(content).strip(_BLANK)
    return text.startswith((b"{", b"[")) and not text.endswith((b"}", b"]"))


def _documents_in(content: bytes) -> list[Any]:
    """Documents that stand in the same line without a line end between; [] if there is more."""
    documents = _parse_documents(content)
    return documents.data if documents and not documents.left_out else []


# ---- documents in a row --------------------------------------------------------------------------


def _parse_documents(raw: bytes) -> JsonContent | None:
    """Documents one after the other, each over as many lines as it likes; None if there is none.

    An array that is cut off counts as its items.
    """
    text = str(raw, "utf-8", "backslashreplace").rstrip(" \t\r\n\0")
    is_cut_off = not text.endswith(("]", "}"))
    documents: list[Any] = []
    left_out: list[LeftOut] = []
    number = 1
    offset = _end_of_blanks(text, 0)
    while offset < len(text):
        piece = _piece_at(text, offset)
        start = offset
        if piece.reason and is_cut_off and piece.end == len(text):
            piece = _cut_off_array(text, offset)
            start = piece.rest
        documents += piece.documents
        if piece.reason:
            place = f"line {number + text.count(_LINE_END, offset, start)}"
            left_out.append(LeftOut(place, piece.reason, text[start : piece.end].strip()))
        end = _end_of_blanks(text, piece.end)
        number += text.count(_LINE_END, offset, end)
        offset = end
    return JsonContent(documents, tuple(left_out)) if documents else None


def _piece_at(text: str, offset: int) -> _Piece:
    """The document at the offset, or the text up to the next line that may begin one."""
    try:
        document, end = _DECODER.raw_decode(text, offset)
    except RecursionError:
        return _Piece([], offset, len(text), TOO_DEEP)
    except ValueError as error:
        position = error.pos if isinstance(error, json.JSONDecodeError) else offset
        next_document = _NEXT_DOCUMENT.search(text, max(position, offset + 1))
        end = next_document.end() if next_document else len(text)
        return _Piece([], offset, end, _row_reason(error))
    if isinstance(document, dict | list):
        return _Piece([document], end, end, None)
    return _Piece([], offset, end, NO_CONTAINER)


def _cut_off_array(text: str, offset: int) -> _Piece:
    """The items of the array at the offset, up to the item that is not whole."""
    items: list[Any] = []
    if text[offset] == "[":
        offset = _end_of_blanks(text, offset + 1)
        while True:
            try:
                item, offset = _DECODER.raw_decode(text, offset)
            except (ValueError, RecursionError):
                break
            items.append(item)
            offset = _end_of_blanks(text, offset)
    return _Piece(items, offset, len(text), CUT_OFF)


def _end_of_blanks(text: str, offset: int) -> int:
    match = _BLANKS.match(text, offset)
    return match.end() if match else offset
