"""What every loader shares: the conversation as a value, reading a file, checked access to JSON,
and dates.

A loader takes a `Path`, which it reads, or the data itself. It raises `InputError` with the place
of whatever it cannot read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from optical_memory.errors import InputError
from optical_memory.turns import Turn

__all__ = [
    "Conversation",
    "conversation",
    "digest_ref",
    "get",
    "moment",
    "parse_moment",
    "read_json",
    "read_text",
    "short_ref",
    "stem",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order. `meta` has the file's words about the whole (title, model, speakers), as
    strings.
    """

    id: str
    turns: tuple[Turn, ...]
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)


def conversation(id: str, turns: list[Turn], meta: Mapping[str, Any] | None = None) -> Conversation:
    """A conversation of at least one turn; of `meta`, texts and numbers are kept.

    Raises `InputError` if there are no turns.
    """
    if not turns:
        raise InputError(f"{id}: no turns in it; expected at least one message")
    items = (meta or {}).items()
    texts = {key: str(value) for key, value in items if isinstance(value, str | int | float)}
    return Conversation(id, tuple(turns), texts)


# ---- files and JSON ------------------------------------------------------------------------------


def stem(source: object, default: str = "conversation") -> str:
    """The name of a file without its ending, to name conversations and places by."""
    return source.stem if isinstance(source, Path) else default


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
    """The data in a `Path` with JSON or JSON lines; any other source is the data already.

    Raises `InputError` if the file cannot be read or parsed.
    """
    if not isinstance(source, Path):
        return source
    text = read_text(source)
    if source.suffix not in {".jsonl", ".ndjson"}:
        return _parse(text, source.name)
    lines = enumerate(text.split("\n"), 1)
    return [_parse(line, f"{source.name}:{n}") for n, line in lines if line.strip()]


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error


def get(data: Any, key: str, kind: type[T], place: str) -> T:
    """`data[key]`, which must be a `kind`. Raises `InputError` with the place if it is not."""
    if not isinstance(data, dict):
        raise InputError(f"{place}: expected an object with {key!r}, found {_excerpt(data)}")
    if key not in data:
        raise InputError(f"{place}: no {key!r} in it; it has {sorted(data)}")
    if not isinstance(data[key], kind):
        raise InputError(f"{place}.{key}: expected {kind.__name__}, found {_excerpt(data[key])}")
    value: T = data[key]
    return value


def _excerpt(value: object) -> str:
    """The type of a value and the beginning of it, for messages."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


# ---- times ---------------------------------------------------------------------------------------

_TIME_FORMATS = (
    "%I:%M %p on %d %B, %Y",  # LoCoMo: 1:56 pm on 8 May, 2023
    "%Y/%m/%d (%a) %H:%M",  # LongMemEval: 2023/05/20 (Sat) 02:21
    "%B-%d-%Y",  # BEAM: March-15-2024
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d/%m/%Y, %H:%M",  # WhatsApp
    "%d/%m/%Y, %H:%M:%S",
)

_MILLISECONDS_FROM = 1e11
"""Larger numbers are milliseconds since 1970: in seconds they lie after the year 5000."""


def moment(value: object, place: str) -> datetime | None:
    """A time as written: ISO 8601, seconds or milliseconds since 1970 (as UTC), or one of the
    formats above.

    None and "" give None. Times without a zone stay without a zone. Raises `InputError` if the
    value is no time.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):  # True is an int too
        return _epoch_moment(value, place)
    parsed_moment = parse_moment(value) if isinstance(value, str) else None
    if parsed_moment is None:
        raise InputError(
            f"{place}: {value!r} is no time that we know; write it as 2026-01-31T12:00:00"
        )
    return parsed_moment


def _epoch_moment(value: float, place: str) -> datetime:
    seconds = value / 1000 if abs(value) > _MILLISECONDS_FROM else value
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise InputError(f"{place}: {value!r} is no time: {error}") from error


def parse_moment(text: str) -> datetime | None:
    """The time that a text says as a whole; None if it says none.

    >>> parse_moment("1:56 pm on 8 May, 2023")
    datetime.datetime(2023, 5, 8, 13, 56)
    """
    text = re.sub(r"\s+", " ", text.strip())
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for time_format in _TIME_FORMATS:
        try:
            return datetime.strptime(text, time_format)
        except ValueError:
            continue
    return None


# ---- payloads ------------------------------------------------------------------------------------


def short_ref(ref: str) -> str:
    """A reference as it is; of a `data:` URL its type, digest and size instead of the payload."""
    if not ref.startswith("data:"):
        return ref
    head, _, payload = ref.partition(",")
    media_type = head.removeprefix("data:").split(";")[0] or "text/plain"
    return digest_ref(media_type, payload)


def digest_ref(media_type: str, payload: str) -> str:
    """A reference in place of a payload that is not kept.

    >>> digest_ref("image/png", "QUJD")
    'data:image/png;sha256=d9cae0dbdbf078b2;chars=4'
    """
    digest = hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"data:{media_type};sha256={digest};chars={len(payload)}"
