"""The files of an exported session, which a stranger may have made: each must be one record, in its
place, and all together bounded, whatever the headers say.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.loaders.unpacking import unpacked
from optical_memory.stores.base import Put

__all__ = [
    "refuse_misplaced",
    "unpacked_entries",
]

MAX_TOTAL_RATIO = 100
"""Unpacked to packed bytes of a whole export. Records pack to a tenth, pictures hardly at all."""

FREE_TOTAL_BYTES = 1 << 26
"""A smaller export may have any ratio: it does no harm."""

_KEYS: Mapping[str, re.Pattern[str]] = {
    "session": re.compile("session"),
    "turn": re.compile(r"\d{9}"),
    "page": re.compile(r"\d{7}"),
    "picture": re.compile(r"\d{7}/[\w.+-]{1,64}", re.ASCII),
}
"""The keys of records by kind (`records`). Keys of other kinds are words."""

_WORD = re.compile(r"[\w.+-]{1,64}", re.ASCII)


def unpacked_entries(
    path: Path, file: zipfile.ZipFile, names: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    """The name and content of each file but those of `names`.

    Raises `InputError` if a name stands twice, files overlap, or all are too large together.
    """
    entries = [entry for entry in file.infolist() if entry.filename not in names]
    counts = Counter(entry.filename for entry in file.infolist())
    if counts and max(counts.values()) > 1:
        raise InputError(f"{path} has the same name twice: it was changed")
    n_packed = sum(entry.compress_size for entry in entries)
    if n_packed > path.stat().st_size:
        raise InputError(f"{path} has files that overlap: it was changed")
    limit = max(FREE_TOTAL_BYTES, MAX_TOTAL_RATIO * n_packed)
    for entry in entries:
        data = unpacked(file, entry)
        limit -= len(data)
        if limit < 0:
            raise InputError(f"{path} is too large unpacked for its {n_packed:,} packed bytes")
        yield entry.filename, data


def refuse_misplaced(changes: Sequence[Put]) -> None:
    """Raises `InputError` if a record has a key of another form, or says that it is another."""
    for change in changes:
        form = _KEYS.get(change.kind, _WORD)
        if not form.fullmatch(change.key) or not _is_own(change):
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
