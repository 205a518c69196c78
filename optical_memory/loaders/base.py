"""What every loader shares: the conversation as a value, reading a file, checked access to JSON,
and dates.

A loader takes a `Path`, which it reads, or the data itself. What cannot be read raises `InputError`
with the place.
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
    "get",
    "moment",
    "read_json",
    "read_text",
    "short_ref",
    "stem",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order. `meta` is what the file says about the whole (title, model, speakers), as
    strings.
    """

    id: str
    turns: tuple[Turn, ...]
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)


def conversation(id: str, turns: list[Turn], meta: Mapping[str, Any] | None = None) -> Conversation:
    """A conversation of at least one turn; of `meta`, plain values are kept."""
    if not turns:
        raise InputError(f"{id}: no turns in it; expected at least one message")
    kept = {
        key: str(value)
        for key, value in (meta or {}).items()
        if isinstance(value, str | int | float)
    }
    return Conversation(id, tuple(turns), kept)


def stem(source: object, default: str = "conversation") -> str:
    """The name of a file without its ending, to name conversations and places by."""
    return source.stem if isinstance(source, Path) else default


def read_text(path: Path) -> str:
    """The file's text, UTF-8 with or without a byte order mark. Line ends become "\\n"."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text at byte {error.start}; convert it first"
        ) from error


def read_json(source: Any) -> Any:
    """Parsed data: of a `Path` its JSON (or, one document a line, its JSON lines); anything else as
    it is.
    """
    if not isinstance(source, Path):
        return source
    text = read_text(source)
    if source.suffix in {".jsonl", ".ndjson"}:
        return [
            _parse(line, f"{source.name}:{n}")
            for n, line in enumerate(text.split("\n"), 1)
            if line.strip()
        ]
    return _parse(text, source.name)


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error


def get(data: Any, key: str, kind: type[T], where: str) -> T:
    """`data[key]`, which must be a `kind`."""
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected an object with {key!r}, found {_shown(data)}")
    if key not in data:
        raise InputError(f"{where}: no {key!r} in it; it has {sorted(data)}")
    if not isinstance(data[key], kind):
        raise InputError(f"{where}.{key}: expected {kind.__name__}, found {_shown(data[key])}")
    value: T = data[key]
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


_FORMATS = (
    "%I:%M %p on %d %B, %Y",  # LoCoMo: 1:56 pm on 8 May, 2023
    "%Y/%m/%d (%a) %H:%M",  # LongMemEval: 2023/05/20 (Sat) 02:21
    "%B-%d-%Y",  # BEAM: March-15-2024
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d/%m/%Y, %H:%M",  # WhatsApp
    "%d/%m/%Y, %H:%M:%S",
)


def moment(value: object, where: str) -> datetime | None:
    """A time as written: ISO 8601, seconds or milliseconds since 1970 (as UTC), or one of the
    formats above.

    None stays None. Times without a zone stay without one. Raises `InputError` for what is no time.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) > 1e11 else value
        try:
            return datetime.fromtimestamp(seconds, tz=UTC)
        except (OverflowError, OSError, ValueError) as error:
            raise InputError(f"{where}: {value!r} is no time: {error}") from error
    found = parse_moment(value) if isinstance(value, str) else None
    if found is None:
        raise InputError(
            f"{where}: {value!r} is no time that we know; write it as 2026-01-31T12:00:00"
        )
    return found


def parse_moment(text: str) -> datetime | None:
    """The time that a text says as a whole, or None."""
    text = re.sub(r"\s+", " ", text.strip())
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for known in _FORMATS:
        try:
            return datetime.strptime(text, known)
        except ValueError:
            continue
    return None


def short_ref(ref: str) -> str:
    """A reference as it is; of a `data:` URL its type, digest and size instead of the payload."""
    if not ref.startswith("data:"):
        return ref
    head, _, payload = ref.partition(",")
    kind = head.removeprefix("data:").split(";")[0] or "text/plain"
    return digest_ref(kind, payload)


def digest_ref(kind: str, payload: str) -> str:
    """What stands for a payload that is not kept:
    `data:image/png;sha256=0123456789abcdef;chars=5120`.
    """
    digest = hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"data:{kind};sha256={digest};chars={len(payload)}"
