"""Files as loaders take them: their text, the JSON in them, and checked access to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from optical_memory.errors import InputError
from optical_memory.loaders.content.json_keys import count_keys
from optical_memory.loaders.content.json_text import parse_json
from optical_memory.loaders.content.utf8 import decode_text, read_bytes
from optical_memory.loaders.conversation import LeftOut
from optical_memory.telemetry.event_table import ROW_LEFT_OUT
from optical_memory.telemetry.events import emit
from optical_memory.turns import short_repr

__all__ = [
    "Document",
    "document_of",
    "excerpt",
    "get",
    "read_document",
    "read_json",
    "read_text",
    "stem",
    "text_of",
]

JSON_LINES_ENDINGS = {".jsonl", ".ndjson"}
JSON_ENDINGS = {".json", *JSON_LINES_ENDINGS}

T = TypeVar("T")


@short_repr
@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read once. `data` is its JSON; None if it is text. `left_out` has the lines
    that could not be read. Rows of JSON lines have their numbers in `line_numbers`. `n_keys` is the
    number of keys of JSON objects in the file, as `count_keys` has it.
    """

    path: Path
    text: str
    data: Any = None
    left_out: tuple[LeftOut, ...] = ()
    line_numbers: Sequence[int] = ()
    n_keys: int | None = None

    @property
    def stem(self) -> str:
        return _stem(self.path)

    def row_place(self, n: int) -> str:
        """The place of item n of the data, counted from 0."""
        return f"line {self.line_numbers[n]}" if self.line_numbers else f"[{n}]"


def stem(source: object, default: str = "conversation") -> str:
    """The name of a file without its ending, to name conversations and places by."""
    if isinstance(source, Document):
        return source.stem
    return _stem(source) if isinstance(source, Path) else default


def _stem(path: Path) -> str:
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


# ---- reading -------------------------------------------------------------------------------------


def read_document(path: Path, with_n_keys: bool = False) -> Document:
    """The file, read once: JSON in any of its forms, or a text. The content decides, not the name.

    To count the keys takes time of its own. Raises `InputError` if the file cannot be read, or is
    neither JSON nor UTF-8 text.
    """
    return document_of(read_bytes(path), path, with_n_keys)


def document_of(raw: bytes, path: Path, with_n_keys: bool = False) -> Document:
    """The same of a file's content as UTF-8 (`utf8_bytes`); `path` names it in errors."""
    content = parse_json(raw, path.name)
    endings = {ending.lower() for ending in path.suffixes[-2:]}  # of chat.json.gz too
    if content is None:
        if endings & JSON_ENDINGS:
            raise _not_json(raw, path.name)
        text, left_out = decode_text(raw, path.name)
        return Document(path, text, left_out=left_out)
    if isinstance(content.data, dict) and endings & JSON_LINES_ENDINGS:
        # The first line of a file that may grow.
        content = replace(content, data=[content.data], line_numbers=(1,))
    return Document(
        path,
        text="",
        data=content.data,
        left_out=content.left_out,
        line_numbers=content.line_numbers,
        n_keys=count_keys(raw) if with_n_keys else None,
    )


def _not_json(raw: bytes, name: str) -> InputError:
    if not raw.strip():
        return InputError(f"{name}: not JSON at line 1: the file is empty; export it again")
    return InputError(
        f"{name}: not JSON at line 1, though it is named so; give a text the ending .txt"
    )


def read_text(path: Path) -> str:
    """The file's text, UTF-8, or UTF-16 with a byte order mark. Line ends become "\\n".

    Raises `InputError` if the file cannot be read or is no such text.
    """
    return decode_text(read_bytes(path), path.name)[0]


def read_json(source: Any) -> Any:
    """The data in a `Path` with JSON or JSON lines, or of a `Document`; any other source is the
    data already.

    Rows that are not JSON go to the log; `load_file` tells them. Raises `InputError` if the file
    cannot be read or is not JSON.
    """
    if isinstance(source, Document):
        return source.data
    if not isinstance(source, Path):
        return source
    document = read_document(source)
    if document.data is None:
        raise InputError(f"{source.name}: a text, not JSON; optical_memory.loaders.load reads it")
    for row in document.left_out:
        emit(ROW_LEFT_OUT, file=source.name, place=row.place, reason=row.reason)
    return document.data


def text_of(source: Path | Document | str) -> str:
    """The text of a file or of a `Document`; any other source is the text already.

    Raises `InputError` if the file cannot be read.
    """
    if isinstance(source, Document):
        return source.text
    return read_text(source) if isinstance(source, Path) else source


# ---- checked access ------------------------------------------------------------------------------


def get(data: Any, key: str, kind: type[T], place: str) -> T:
    """`data[key]`, which must be a `kind`. Raises `InputError` with the place if it is not."""
    if not isinstance(data, dict):
        raise InputError(f"{place}: expected an object with {key!r}, found {excerpt(data)}")
    if key not in data:
        raise InputError(f"{place}: no {key!r} in it, which has {sorted(data)}")
    if not isinstance(data[key], kind):
        raise InputError(f"{place}.{key}: expected {kind.__name__}, found {excerpt(data[key])}")
    value: T = data[key]
    return value


def excerpt(value: object) -> str:
    """The type of a value and the beginning of it, for messages."""
    if isinstance(value, list | dict) and value:
        return f"{type(value).__name__} of {len(value)}"  # it may be huge, or nested deeply
    text = repr(value[:61] if isinstance(value, str) else value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
