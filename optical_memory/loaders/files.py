"""Files as loaders take them: their text, the JSON in them, and checked access to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from optical_memory.errors import InputError

__all__ = [
    "Document",
    "excerpt",
    "get",
    "parse_json",
    "read_json",
    "read_text",
    "stem",
    "text_of",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read once. `data` is its JSON; None if it is text."""

    path: Path
    text: str
    data: Any = None

    @property
    def stem(self) -> str:
        return self.path.stem


def stem(source: object, default: str = "conversation") -> str:
    """The name of a file without its ending, to name conversations and places by."""
    return source.stem if isinstance(source, Path | Document) else default


def read_text(path: Path) -> str:
    """The file's text, UTF-8 with or without a byte order mark. Line ends become "\\n".

    Raises `InputError` if the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text at byte {error.start}; convert it first"
        ) from error


def read_json(source: Any) -> Any:
    """The data in a `Path` with JSON or JSON lines, or of a `Document`; any other source is the
    data already.

    Raises `InputError` if the file cannot be read or parsed.
    """
    if isinstance(source, Document):
        return source.data
    if not isinstance(source, Path):
        return source
    return parse_json(read_text(source), source)


def parse_json(text: str, path: Path) -> Any:
    """The data in the text of a file with JSON or JSON lines.

    Raises `InputError` if it cannot be parsed.
    """
    if path.suffix.lower() not in {".jsonl", ".ndjson"}:
        return _parse(text, path.name)
    lines = enumerate(text.split("\n"), 1)
    return [_parse(line, f"{path.name}:{n}") for n, line in lines if line.strip()]


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error


def text_of(source: Path | Document | str) -> str:
    """The text of a file or of a `Document`; any other source is the text already.

    Raises `InputError` if the file cannot be read.
    """
    if isinstance(source, Document):
        return source.text
    return read_text(source) if isinstance(source, Path) else source


def get(data: Any, key: str, kind: type[T], place: str) -> T:
    """`data[key]`, which must be a `kind`. Raises `InputError` with the place if it is not."""
    if not isinstance(data, dict):
        raise InputError(f"{place}: expected an object with {key!r}, found {excerpt(data)}")
    if key not in data:
        raise InputError(f"{place}: no {key!r} in it; it has {sorted(data)}")
    if not isinstance(data[key], kind):
        raise InputError(f"{place}.{key}: expected {kind.__name__}, found {excerpt(data[key])}")
    value: T = data[key]
    return value


def excerpt(value: object) -> str:
    """The type of a value and the beginning of it, for messages."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
