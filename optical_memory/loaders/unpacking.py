"""Files out of a zip file that a stranger may have made: bounded, whatever its headers say."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from optical_memory.errors import InputError

__all__ = [
    "DAMAGED_ZIP",
    "unpacked",
    "unpacked_entries",
]

DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)
"""Errors that `zipfile` raises for damaged, unknown or encrypted content."""

MAX_BYTES = 1 << 30
"""Of a file, unpacked. The largest exports of chats have a few hundred MB."""

MAX_RATIO = 200
"""Unpacked to packed bytes. Text packs to a tenth, and a zip bomb to a thousandth; deflate cannot
do better than 1,032.
"""

FREE_RATIO_BYTES = 1 << 24
"""A smaller file may have any ratio: rows that repeat pack well, and it does no harm."""


MAX_TOTAL_RATIO = 100
"""Unpacked to packed bytes of a whole export. Records pack to a tenth, pictures hardly at all."""

FREE_TOTAL_BYTES = 1 << 26
"""A smaller export may have any ratio: it does no harm."""


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The content of a file in a zip file.

    Raises `InputError` if it is too large for its packed size, damaged, or encrypted.
    """
    limit = min(MAX_BYTES, max(FREE_RATIO_BYTES, MAX_RATIO * entry.compress_size))
    try:
        with archive.open(entry) as file:
            data = file.read(limit + 1)  # headers may lie
    except (*DAMAGED_ZIP, OSError) as error:
        raise InputError(
            f"{entry.filename}: cannot be unpacked: {error}; unpack the zip file yourself"
        ) from error
    if len(data) > limit:
        raise InputError(
            f"{entry.filename}: more than {limit:,} bytes, unpacked from {entry.compress_size:,}; "
            "if you trust it, unpack the zip file yourself"
        )
    return data


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
