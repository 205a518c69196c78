"""Checksums over a session's records, pictures and parts of the index: a CRC-32 of kind, key and
content.

A JSON record stays JSON that any program can read: the sum is its first field. A picture stays a
PNG: the sum is a chunk of its own. Records without a sum (an older version or a person wrote them)
are read as they are. Cached tokens have a sum of their own already (`tokens`). A sum has no key: it
tells accidents, not attackers.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from optical_memory.errors import DamagedRecord, KeyMismatch
from optical_memory.stores.base import to_bytes
from optical_memory.stores.protection.base import (
    ENCRYPTED_HEAD,
    KEY_RECORD,
    Protected,
    Protection,
)
from optical_memory.stores.protection.png_sum import (
    PNG_SIGNATURE,
    with_png_sum,
    without_png_sum,
)

__all__ = ["Checksums"]

JSON_HEAD: Final = b'{"sum":"'
JSON_TAIL: Final = b'",'
SUM_DIGITS: Final = 8
JSON_CONTENT: Final = len(JSON_HEAD) + SUM_DIGITS + len(JSON_TAIL)
"""A JSON record is `JSON_HEAD`, eight hex digits, `JSON_TAIL`, and its own fields from here."""

INDEX_HEAD: Final = b"OMI1"
"""Four bytes before the sum of a part of the index. Parts without a sum begin with a brace."""

INDEX_CONTENT: Final = len(INDEX_HEAD) + 4

WRONG_SUM: Final = "its checksum does not match: it was changed or damaged, or belongs elsewhere"


class Checksums(Protection):
    """Adds a sum to what is written, and checks it when it is read."""

    def wrap(self, session: str, kind: Protected, key: str, value: bytes) -> bytes:
        """The value with its sum. A value that is no JSON object and no PNG stays as it is."""
        if kind == "blob":
            return value
        start = sum_start(kind, key)
        if kind == "picture":
            is_png = value.startswith(PNG_SIGNATURE)
            return with_png_sum(value, start) if is_png else value
        if kind == "index":
            return b"%s%s%s" % (INDEX_HEAD, crc32(value, start).to_bytes(4, "big"), value)
        if not value.startswith(b'{"'):
            return value
        return b"%s%08x%s%s" % (JSON_HEAD, crc32(value, start), JSON_TAIL, value[1:])

    def unwrap(self, session: str, kind: Protected, key: str, data: bytes) -> bytes:
        """The value without its sum. Raises `DamagedRecord` if the sum does not match.

        Raises `KeyMismatch` if the session is encrypted: that is no damage, and nobody may mend it
        without the key.
        """
        if kind == "blob":
            return data
        if data.startswith(ENCRYPTED_HEAD) or (kind, key) == KEY_RECORD:
            raise KeyMismatch(
                f"session {session!r} is encrypted: give its key "
                "(key=…, --key-file, OPTICAL_MEMORY_KEY)"
            )
        if kind == "picture":
            return without_png_sum(data, sum_start(kind, key))
        if kind == "index":
            return _index_value(data, sum_start(kind, key))
        if not data.startswith(JSON_HEAD):
            return data
        value = b"{" + data[JSON_CONTENT:]
        if data[:JSON_CONTENT] != json_head(crc32(value, sum_start(kind, key))):
            raise DamagedRecord(WRONG_SUM)
        return value


def sum_start(kind: str, key: str) -> int:
    """Where a sum begins: the CRC-32 of the kind and the key."""
    return crc32(to_bytes(key), crc32(kind.encode()))


def json_head(checksum: int) -> bytes:
    """The first bytes of a JSON record with this sum."""
    return b"%s%08x%s" % (JSON_HEAD, checksum, JSON_TAIL)


def _index_value(data: bytes, start: int) -> bytes:
    if data.startswith(b"{"):  # an older version wrote it
        return data
    value = data[INDEX_CONTENT:]
    if data[:INDEX_CONTENT] != INDEX_HEAD + crc32(value, start).to_bytes(4, "big"):
        raise DamagedRecord(WRONG_SUM)
    return value
