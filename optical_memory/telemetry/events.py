"""Events in the log: a fixed message, and fields that a program can read.

The library writes to the logger `optical_memory` and its children, and installs no handler but
`NullHandler`. Each record has the name of its event as `event`, and the fields of the event as
attributes. No field holds the text of a turn or a password.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from optical_memory.errors import Forgotten, OpticalMemoryError

__all__ = [
    "LOGGER",
    "SESSIONS_VARIABLE",
    "Event",
    "emit",
    "error_words",
    "session_digest",
]

LOGGER: Final = "optical_memory"
"""The logger of the package; some events have a child of it."""

SESSIONS_VARIABLE: Final = "OPTICAL_MEMORY_LOG_SESSIONS"
"""How the log names sessions: `name` (default), `digest`, or `none`."""

DIGEST_DIGITS: Final = 12
"""Hex digits of a session's digest: 48 bits, so that a million sessions have different ones."""

MAX_ERROR_CHARS: Final = 500
"""A longer error is cut: some libraries put whole arguments into their messages."""

HIDDEN: Final = "…"

_SAFE_ERRORS = (OpticalMemoryError, Forgotten, OSError, MemoryError, RuntimeError)
"""Errors whose words are logged. Those of this package never hold a turn's text, and those of the
system and of torch speak of files, addresses and sizes. A ValueError or a KeyError of anybody may
quote the value at fault, so the log names only its type.
"""

logging.getLogger(LOGGER).addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of line in the log.

    `message` is a %-format of the event's fields. `logger` is the logger's name.
    """

    name: str
    level: int
    message: str
    logger: str = LOGGER


def emit(
    event: Event,
    *,
    session: str | None = None,
    error: BaseException | None = None,
    **fields: object,
) -> None:
    """Write an event to the log, with its fields as `extra`.

    Of an error the log has the type and, if these can hold no text of a turn, the words.
    """
    logger = logging.getLogger(event.logger)
    if not logger.isEnabledFor(event.level):
        return
    values = dict(fields)
    shows_names = _session_form() == "name"
    if session is not None:
        values["session"] = session if shows_names else _hidden_name(session)
    if error is not None:
        values["error_type"] = type(error).__name__
        values["error"] = error_words(error) if shows_names else HIDDEN  # it may name the session
    extra = {"event": event.name} | values
    arguments = (values,) if values else ()  # logging takes an empty mapping for a value
    logger.log(event.level, event.message, *arguments, extra=extra, stacklevel=2)


def error_words(error: BaseException) -> str:
    """The words of an error; only its type if they may quote what somebody wrote."""
    if not isinstance(error, _SAFE_ERRORS):
        return HIDDEN
    words = str(error)
    return words if len(words) <= MAX_ERROR_CHARS else words[:MAX_ERROR_CHARS] + HIDDEN


def session_digest(session: str) -> str:
    """A short digest of a session's name. Whoever guesses the name can confirm the guess."""
    return sha256(session.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_DIGITS]


def _session_form() -> str:
    return os.environ.get(SESSIONS_VARIABLE) or "name"


def _hidden_name(session: str) -> str:
    """The digest; "…" if the variable says `none` or a word that nobody knows."""
    return session_digest(session) if _session_form() == "digest" else HIDDEN
