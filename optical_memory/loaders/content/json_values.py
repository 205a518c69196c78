"""JSON data, as strict as Python's own reader and faster, and why something is no JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from optical_memory.loaders.conversation import LeftOut
from optical_memory.turns import short_repr

__all__ = [
    "BLANK",
    "CUT_OFF",
    "NO_CONTAINER",
    "TOO_DEEP",
    "DeepNestingError",
    "JsonContent",
    "decode",
    "reason",
    "row_reason",
]

CUT_OFF = "the file ends in the middle of it: a program is still writing, or was stopped"
NO_CONTAINER = "neither an object nor an array"
TOO_DEEP = "nested too deeply to be read"

BLANK = b" \t\r\n\0"
"""NUL too: a disk may fill the end of a file with it if the power goes while it is written."""


@short_repr
@dataclass(frozen=True, slots=True)
class JsonContent:
    """The data of a file, a list if there are several documents in it, and the rows that are not
    JSON. Documents that stand each in a line have their numbers in `line_numbers`, from 1.
    """

    data: Any
    left_out: tuple[LeftOut, ...] = ()
    line_numbers: Sequence[int] = ()


class DeepNestingError(ValueError):
    """Lists and objects stand in each other too deeply to be read."""


def decode(raw: bytes | memoryview) -> Any:
    """The data of a document. Raises `ValueError` if it is none, or is nested too deeply.

    msgspec is fast and accepts less than Python's own reader, which decides if msgspec refuses.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError as error:
        raise DeepNestingError(TOO_DEEP) from error
    try:
        return json.loads(str(raw, "utf-8", "surrogatepass"))
    except RecursionError as error:
        raise DeepNestingError(TOO_DEEP) from error


def reason(error: ValueError) -> str:
    """Why a document is not JSON, and its place."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text at byte {error.start}"
    return str(error)


def row_reason(error: ValueError) -> str:
    """Why a row among others is not JSON; its place is known."""
    if isinstance(error, DeepNestingError):
        return TOO_DEEP
    message = error.msg if isinstance(error, json.JSONDecodeError) else reason(error)
    return f"not JSON: {message}"
