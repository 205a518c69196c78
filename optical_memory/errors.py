"""Every error the package raises, in one tree.

OpticalMemoryError
├── LayoutError         a turn cannot be put on any page
├── MissingExtra        also ImportError; names the extra to install
├── ReaderMismatch      tokens were made by another model, revision or rung
├── CheckpointError     a checkpoint lacks keys, has others, or is not one of ours
├── NotEnoughMemory     a model would not fit; told before it is loaded
├── CorruptTokens       a blob does not parse or does not match its key
├── ReadingFailed       the decoder looped, stopped early or fell below the certificate
├── ReaderUnavailable   no server that reads answered in time, one refused, or a device is not there
├── InputError          a file or message list is not a conversation that we can read
├── StoreError          Redis or SQLite said no; the original in __cause__
│   ├── Conflict        another process changed the session first; nothing was written
│   └── NewerFormat     a newer version of this package wrote it; upgrade to read it
└── BudgetTooSmall      the turns that must stay do not fit
Forgotten(LookupError)  asked for a page that has faded past the last rung
"""

from __future__ import annotations

__all__ = [
    "BudgetTooSmall",
    "CheckpointError",
    "Conflict",
    "CorruptTokens",
    "Forgotten",
    "InputError",
    "LayoutError",
    "MissingExtra",
    "NewerFormat",
    "NotEnoughMemory",
    "OpticalMemoryError",
    "ReaderMismatch",
    "ReaderUnavailable",
    "ReadingFailed",
    "StoreError",
]


class OpticalMemoryError(Exception):
    """The root of every error below; catch it to catch them all (but `Forgotten`)."""


class LayoutError(OpticalMemoryError, ValueError):
    """A turn cannot be put on any page: the caller's grid is too small for it."""


class MissingExtra(OpticalMemoryError, ImportError):
    """An optional dependency is absent; the message names the extra that brings it."""


class ReaderMismatch(OpticalMemoryError, ValueError):
    """Tokens were made by another model, revision or rung than the one asked to read them."""


class CheckpointError(OpticalMemoryError, ValueError):
    """A checkpoint lacks keys, has others, or is not one of ours; nothing was loaded."""


class NotEnoughMemory(OpticalMemoryError, MemoryError):
    """A model needs more memory than its device has free; nothing was loaded."""


class CorruptTokens(OpticalMemoryError, ValueError):
    """A blob does not parse or does not match its key; the cache drops it and encodes again."""


class ReadingFailed(OpticalMemoryError):
    """The decoder looped, stopped early or fell below the page's certificate."""


class ReaderUnavailable(OpticalMemoryError):
    """No server that reads answered in time, one refused, or a device is not there; the message
    says what to change.
    """


class InputError(OpticalMemoryError, ValueError):
    """A file or message list is not a conversation that we can read; the message says where."""


class StoreError(OpticalMemoryError):
    """Redis or SQLite said no; the original error is in `__cause__`."""


class Conflict(StoreError):
    """Another process changed the session first; nothing was written, so read again and retry."""


class NewerFormat(StoreError):
    """A newer version of this package wrote it; nothing of it is read, written or mended here."""


class BudgetTooSmall(OpticalMemoryError, ValueError):
    """The turns that must stay do not fit the budget; the message says what they need."""


class Forgotten(LookupError):
    """Asked for a page that has faded past the last rung, or a turn that was forgotten."""
