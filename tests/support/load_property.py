"""The promise of `load_file`: each word of the file is in a turn, in `meta` or in the report, or
the file is refused with an `InputError`; no turn is empty, and nothing hangs.

Words are looked for in the bytes of the file, not in what the package has parsed.
"""

from __future__ import annotations

import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders import Conversation, LoadedFile, load_file
from optical_memory.loaders.content.json_keys import overwritten_values
from optical_memory.loaders.content.utf8 import read_bytes
from optical_memory.loaders.files import read_document
from optical_memory.turns import Turn

__all__ = [
    "broken_promises",
    "missing_words",
    "promises_of",
]

MAX_SECONDS = 5.0

_WORD = re.compile(r"[^\W\d_]{4,}")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PAYLOAD = re.compile(r"base64,[A-Za-z0-9+/=_-]+|[A-Za-z0-9+/_-]{256,}={0,2}")
_LITERALS = {"true", "false", "null", "Infinity"}


class _HangError(BaseException):
    """No `Exception`: nothing may catch it on the way."""


def broken_promises(path: Path) -> list[str]:
    """The promises that `load_file` breaks for a file; [] if it keeps them, or refuses the file."""
    try:
        with _time_limit():
            return promises_of(path)
    except _HangError:
        return [f"more than {MAX_SECONDS} seconds"]
    except Exception:  # noqa: BLE001 (any other error is what is looked for)
        return [traceback.format_exc()]


def promises_of(path: Path) -> list[str]:
    """The same, without a limit of time. Any error but `InputError` goes on."""
    try:
        file = load_file(path)
    except InputError as error:
        return _bad_refusal(error, path)
    promises = [f"an empty turn: {turn}" for turn in _turns(file) if _is_empty(turn)]
    words = missing_words(path, file)
    if words:
        promises.append(f"words that are nowhere: {words[:10]}")
    return promises


def _bad_refusal(error: InputError, path: Path) -> list[str]:
    """A refusal names the file, and says that somebody foresaw it.

    `load_file` refuses what its loaders stumble over, but they should not stumble.
    """
    if path.stem not in str(error):
        return [f"the error does not name the file: {error}"]
    if "but has another shape" in str(error):
        return ["".join(traceback.format_exception(error))]
    return []


def missing_words(path: Path, file: LoadedFile) -> list[str]:
    """Words of the file's bytes that are in no turn, no `meta` and no report.

    Keys of JSON objects are structure. Payloads are kept by their digest.
    """
    raw = path.read_bytes().decode("utf-8", "backslashreplace")
    raw = _PAYLOAD.sub(" ", _ESCAPE.sub(" ", raw))
    texts = "\n".join(filter(None, _texts(file)))
    keys = " ".join(_keys(_data(path)))
    words = dict.fromkeys(_WORD.findall(raw))
    return [w for w in words if w not in texts and w not in keys and w not in _LITERALS]


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(_signal: int, _frame: object) -> None:
        raise _HangError

    old_handler = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old_handler)


def _turns(file: LoadedFile) -> Iterator[Turn]:
    for conversation in file.conversations:
        yield from conversation.turns


def _is_empty(turn: Turn) -> bool:
    """The empty answer of a tool is no empty turn: it belongs to a call."""
    return not (turn.text.strip() or turn.tool_calls or turn.attachments or turn.tool_call_id)


def _texts(file: LoadedFile) -> Iterator[str | None]:
    for conversation in file.conversations:
        yield from _texts_of(conversation)
    for item in file.left_out:
        yield item.text


def _texts_of(conversation: Conversation) -> Iterator[str | None]:
    yield conversation.id
    yield from conversation.meta.values()
    for turn in conversation.turns:
        yield from (turn.role, turn.text, turn.name, turn.id, turn.tool_call_id)
        for call in turn.tool_calls:
            yield from (call.name, call.arguments, call.id)
        for attachment in turn.attachments:
            yield from (attachment.ref, attachment.caption)


def _data(path: Path) -> list[Any]:
    """The data of the file, and the values that others under the same key replace in it."""
    data = read_document(path).data
    if data is None:
        return []
    return [data, *(value for _, value in overwritten_values(read_bytes(path)))]


def _keys(data: Any) -> Iterator[str]:
    values = [data]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            yield from value
            values += value.values()
        elif isinstance(value, list):
            values += value
