"""The JSON in the bytes of a file, in any of its forms."""

from __future__ import annotations

import re

from optical_memory.errors import InputError
from optical_memory.loaders.content.json_documents import parse_documents
from optical_memory.loaders.content.json_lines import (
    has_json_lines,
    is_document_a_line,
    parse_lines,
)
from optical_memory.loaders.content.json_values import (
    BLANK,
    DeepNestingError,
    JsonContent,
    decode,
    reason,
)

__all__ = ["parse_json"]

_BEGINNING = re.compile(rb'\s*(\{\s*("|\}|$)|\[\s*([\]\{"]|$|\[\s*[\]\[\{"]))')
"""Of a JSON object, or of an array of objects, arrays or texts. A log may begin with `[12:01]`."""


def parse_json(raw: bytes, name: str) -> JsonContent | None:
    """The data in UTF-8; None if it is no JSON, but a text of another kind.

    Raises `InputError` with the place if it begins as JSON and none of it can be read.
    """
    begins_as_json = _BEGINNING.match(raw) is not None
    if not begins_as_json:
        return parse_lines(raw) if has_json_lines(raw) else None
    if is_document_a_line(raw):
        return parse_lines(raw)
    try:
        return JsonContent(decode(raw))
    except ValueError as error:
        content = parse_lines(raw) if has_json_lines(raw) else parse_documents(raw)
        if content is None:
            raise InputError(f"{name}: {reason(error)}; {_advice(error, raw)}") from error
        return content


def _advice(error: ValueError, raw: bytes) -> str:
    if isinstance(error, DeepNestingError):
        return "a conversation has a few levels of lists and objects; export it again"
    if isinstance(error, UnicodeDecodeError):
        return "save it as UTF-8"
    if not raw.rstrip(BLANK).endswith((b"]", b"}")):
        return "the file seems to be cut off: export it again, or wait until it is written"
    return "mend it there, or export it again"
