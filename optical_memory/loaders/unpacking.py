"""Files out of a zip file that a stranger may have made: bounded, whatever its headers say."""

from __future__ import annotations

import zipfile
import zlib

from optical_memory.errors import InputError

__all__ = [
    "DAMAGED_ZIP",
    "unpacked",
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
