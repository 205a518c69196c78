"""The places of records in an exported file, which a stranger may have made: each record must be
what its place says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from optical_memory.errors import InputError
from optical_memory.stores.base import Kind, Put

__all__ = [
    "is_key_of",
    "refuse_misplaced",
]

_KEYS: Mapping[str, re.Pattern[str]] = {
    "session": re.compile("session|data-key"),
    "turn": re.compile(r"\d{9}"),
    "page": re.compile(r"\d{7}"),
    "picture": re.compile(r"\d{7}/[\w.+-]{1,64}", re.ASCII),
}
"""The keys of records by kind (`records`). Keys of other kinds are words."""

_WORD = re.compile(r"[\w.+-]{1,64}", re.ASCII)


def is_key_of(kind: Kind, key: str) -> bool:
    """True if records of this kind have keys of this form."""
    return _KEYS.get(kind, _WORD).fullmatch(key) is not None


def refuse_misplaced(changes: Sequence[Put]) -> None:
    """Raises `InputError` if a record has a key of another form, or says that it is another."""
    for change in changes:
        if not is_key_of(change.kind, change.key) or not _is_own(change):
            raise InputError(f"a {change.kind} is not in its place: the file was changed")


def _is_own(change: Put) -> bool:
    """True if a turn or page says the number of its key. Encrypted records say nothing here."""
    if change.kind not in ("turn", "page") or not change.value.startswith(b"{"):
        return True
    try:
        record = json.loads(change.value)
    except (ValueError, RecursionError):
        return True  # whoever parses it says why not
    number = record.get("ordinal")
    is_number = number == int(change.key) and not isinstance(number, bool | float)
    return is_number and (change.kind == "turn" or record.get("id") == change.key)
