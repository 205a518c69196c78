"""JSON documents one after the other in a text, each over as many lines as it likes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from optical_memory.loaders.content.json_values import (
    CUT_OFF,
    NO_CONTAINER,
    TOO_DEEP,
    JsonContent,
    row_reason,
)
from optical_memory.loaders.conversation import LeftOut

__all__ = ["parse_documents"]

_BLANKS = re.compile(r"[\s,\0]*")
"""Between documents. People join them with commas too."""

MAX_BAD_DOCUMENTS = 100
"""Python's reader counts the lines before each mistake: with thousands it would take minutes. What
comes after so many is left out as a whole.
"""

_LINE_END = "\n"
_NEXT_DOCUMENT = re.compile(r"\n(?=[\[{])")

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class _Piece:
    """Documents of a text up to `end`. If there is a reason, what stands from `rest` on could not
    be read.
    """

    documents: list[Any]
    rest: int
    end: int
    reason: str | None


def parse_documents(raw: bytes, decoder: json.JSONDecoder = _DECODER) -> JsonContent | None:
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
        piece = _piece_at(text, offset, decoder)
        if piece.reason and len(left_out) >= MAX_BAD_DOCUMENTS:
            piece = _Piece([], offset, len(text), piece.reason)
        start = offset
        if piece.reason and is_cut_off and piece.end == len(text):
            piece = _cut_off_array(text, offset, decoder)
            start = piece.rest
        documents += piece.documents
        if piece.reason:
            place = f"line {number + text.count(_LINE_END, offset, start)}"
            left_out.append(LeftOut(place, piece.reason, text[start : piece.end].strip()))
        end = _end_of_blanks(text, piece.end)
        number += text.count(_LINE_END, offset, end)
        offset = end
    return JsonContent(documents, tuple(left_out)) if documents else None


def _piece_at(text: str, offset: int, decoder: json.JSONDecoder) -> _Piece:
    """The document at the offset, or the text up to the next line that may begin one."""
    try:
        document, end = decoder.raw_decode(text, offset)
    except RecursionError:
        return _Piece([], offset, len(text), TOO_DEEP)
    except ValueError as error:
        position = error.pos if isinstance(error, json.JSONDecodeError) else offset
        next_document = _NEXT_DOCUMENT.search(text, max(position, offset + 1))
        end = next_document.end() if next_document else len(text)
        return _Piece([], offset, end, row_reason(error))
    if isinstance(document, dict | list):
        return _Piece([document], end, end, None)
    return _Piece([], offset, end, NO_CONTAINER)


def _cut_off_array(text: str, offset: int, decoder: json.JSONDecoder) -> _Piece:
    """The items of the array at the offset, up to the item that is not whole."""
    items: list[Any] = []
    if text[offset] == "[":
        offset = _end_of_blanks(text, offset + 1)
        while True:
            try:
                item, offset = decoder.raw_decode(text, offset)
            except (ValueError, RecursionError):
                break
            items.append(item)
            offset = _end_of_blanks(text, offset)
    return _Piece(items, offset, len(text), CUT_OFF)


def _end_of_blanks(text: str, offset: int) -> int:
    match = _BLANKS.match(text, offset)
    return match.end() if match else offset
