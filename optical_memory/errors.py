"""Every error the package raises, in one tree.

OpticalMemoryError
├── LayoutError         a turn cannot be put on any page
├── MissingExtra        also ImportError; names the extra to install
├── ReaderMismatch      another model, revision or rung made the tokens
├── CheckpointError     a checkpoint lacks keys, has others, or is of no family that we read
├── NotEnoughMemory     a model would not fit; raised before it is loaded
├── CorruptTokens       a blob does not parse or does not match its key
├── ReadingFailed       the decoder looped, stopped early or fell below the certificate
├── ReaderUnavailable   no server answered in time, a server refused, or a device does not exist
├── InputError          an argument or a file is not what it must be
├── StoreError          Redis or SQLite said no; the original error is in __cause__
│   ├── Conflict        another process changed the session first; nothing was written
│   ├── CorruptPicture  a picture in the store is broken
│   ├── DamagedRecord   the checksum of a record or a part of it does not match
│   ├── KeyMismatch     a session is encrypted and no key or another key was given, or is not
│   ├── NewerFormat     a newer version of this package wrote it; upgrade to read it
│   ├── SessionLost     acknowledged turns are gone from the store
│   └── StoreTimeout    the store did not answer within the time of the call or the turn
└── BudgetTooSmall      the turns that must stay do not fit
Forgotten(LookupError)  the page has faded past the last rung, or the turn was forgotten
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection
from numbers import Integral, Real

__all__ = [
    "BudgetTooSmall",
    "CheckpointError",
    "Conflict",
    "CorruptPicture",
    "CorruptTokens",
    "DamagedRecord",
    "Forgotten",
    "InputError",
    "KeyMismatch",
    "LayoutError",
    "MissingExtra",
    "NewerFormat",
    "NotEnoughMemory",
    "OpticalMemoryError",
    "ReaderMismatch",
    "ReaderUnavailable",
    "ReadingFailed",
    "SessionLost",
    "StoreError",
    "StoreTimeout",
]


class OpticalMemoryError(Exception):
    """The root of every error below. Catch it to catch them all, except `Forgotten`."""


class LayoutError(OpticalMemoryError, ValueError):
    """A turn cannot be put on any page: the caller's grid is too small for it."""


class MissingExtra(OpticalMemoryError, ImportError):
    """An optional dependency is absent; the message names the extra that brings it."""


class ReaderMismatch(OpticalMemoryError, ValueError):
    """Another model, revision or rung made the tokens than the reader that shall read them."""


class CheckpointError(OpticalMemoryError, ValueError):
    """A checkpoint lacks keys, has others, or is of no family that we read; nothing was loaded."""


class NotEnoughMemory(OpticalMemoryError, MemoryError):
    """A model needs more memory than its device has free; nothing was loaded."""


class CorruptTokens(OpticalMemoryError, ValueError):
    """A blob does not parse or does not match its key; the cache drops it and encodes again."""


class ReadingFailed(OpticalMemoryError):
    """The decoder looped, stopped early or fell below the page's certificate."""


class ReaderUnavailable(OpticalMemoryError):
    """No server answered in time, a server refused, or a device does not exist.

    The message says how to change that.
    """


class InputError(OpticalMemoryError, ValueError):
    """An argument or a file is not what it must be; the message says which value, and where."""


class StoreError(OpticalMemoryError):
    """Redis or SQLite said no; the original error is in `__cause__`."""


class Conflict(StoreError):
    """Another process changed the session first; nothing was written, so read again and retry."""


class CorruptPicture(StoreError):
    """A picture in the store is broken; `check(repair=True)` draws it again if the text is kept."""


class DamagedRecord(StoreError):
    """A record in the store is not as it was written; `check` tells, and `repair` mends it."""


class KeyMismatch(StoreError):
    """The key given does not open the session; nothing of it was read, written or mended.

    It needs a key and none was given, it has another key, or it is not encrypted.
    """


class NewerFormat(StoreError):
    """A newer version of this package wrote it; nothing of it is read, written or mended here."""


class SessionLost(StoreError):
    """Acknowledged turns are gone from the store: it was emptied, or lost its last writes."""


class StoreTimeout(StoreError):
    """The store did not answer within the time of the call or the turn; nobody knows of a write."""


class BudgetTooSmall(OpticalMemoryError, ValueError):
    """The turns that must stay do not fit the budget; the message says how much they need."""


class Forgotten(LookupError):
    """The page has faded past the last rung, or the turn was forgotten: there is no text left."""


# ---- checks at the door --------------------------------------------------------------------------


def require_number(name: str, value: int, *, minimum: int) -> None:
    """Raises `InputError` unless `value` is a whole number of at least `minimum`."""
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)  # numpy's are fine too
    if not is_whole or value < minimum:
        raise InputError(f"{name} must be a whole number of at least {minimum}, not {value!r}")


def is_amount(value: float) -> bool:
    """True for a number from 0 on that a float can hold, and for `math.inf`."""
    is_number = isinstance(value, Real)  # numpy's are fine too
    return is_number and (0 <= value <= sys.float_info.max or value == math.inf)


def require_word(name: str, value: str, words: Collection[str]) -> None:
    """Raises `InputError` unless `value` is one of `words`."""
    if not isinstance(value, str) or value not in words:
        raise InputError(f"{name} must be one of {', '.join(words)}, not {value!r}")


def require_text(name: str, value: str) -> None:
    """Raises `InputError` unless `value` is a text."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be text, not {type(value).__name__}")
