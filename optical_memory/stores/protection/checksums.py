"""Checksums over a session's records, pictures and parts of the index: a CRC-32 of the session's
name, kind, key and content. Sums without the name, as earlier versions made them, are taken too.

A JSON record stays JSON that any program can read: the sum is its first field. A picture stays a
PNG: the sum is a chunk of its own. Records without a sum (an older version or a person wrote them)
are read as they are. Cached tokens have a sum of their own already (`tokens`). A sum has no key: it
tells accidents, not attackers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final
from zlib import crc32

from optical_memory.errors import DamagedRecord, KeyMismatch
from optical_memory.stores.base import to_bytes
from optical_memory.stores.protection.base import (
    BLOB,
    ENCRYPTED_HEAD,
    KEY_RECORD,
    Protected,
    Protection,
)
from optical_memory.stores.protection.code_words import LETTERS, sum_letters
from optical_memory.stores.protection.png_sum import PNG_SIGNATURE, with_png_sum, without_png_sum

__all__ = ["Checksums", "without_sum"]

SUM_FIELD: Final = b'{"sum"'
JSON_HEAD: Final = b'{"sum":"'
JSON_TAIL: Final = b'",'
JSON_CONTENT: Final = len(JSON_HEAD) + LETTERS + len(JSON_TAIL)
"""A JSON record is `JSON_HEAD`, eight letters, `JSON_TAIL`, and its own fields from here.

The letters make the CRC-32 of key and record end as it began, with `start_of` the kind.
"""

INDEX_HEAD: Final = b"OMI1"
"""Four bytes before the sum of a part of the index. Parts without a sum begin with a brace."""

INDEX_CONTENT: Final = len(INDEX_HEAD) + 4

AT_ONCE: Final = 256
"""So many records are checked in one call: few enough to stay in the processor's cache."""

NAMELESS: Final = ""
"""In place of the session's name in the sums of earlier versions. No session has this name."""

WRONG_SUM: Final = "its checksum does not match: it was changed or damaged, or belongs elsewhere"

Pairs = Sequence[tuple[str, bytes]]


class Checksums(Protection):
    """Adds a sum to what is written, and checks it when it is read."""

    def wrap(self, session: str, kind: Protected, key: str, value: bytes) -> bytes:
        """The value with its sum. A value that is no JSON object and no PNG stays as it is."""
        if kind == BLOB:
            return value
        if kind == "picture":
            is_png = value.startswith(PNG_SIGNATURE)
            return with_png_sum(value, sum_start(session, kind, key)) if is_png else value
        if kind == "index":
            start = sum_start(session, kind, key)
            return INDEX_HEAD + crc32(value, start).to_bytes(4, "big") + value
        if not value.startswith(b'{"'):
            return value
        tail = JSON_TAIL + without_sum(value)[1:]
        start = start_of(session, kind)
        letters = sum_letters(to_bytes(key) + JSON_HEAD, tail, start, start)
        return JSON_HEAD + letters + tail

    def unwrap(self, session: str, kind: Protected, key: str, data: bytes) -> bytes:
        """The value without its sum. Raises `DamagedRecord` if the sum does not match.

        Raises `KeyMismatch` if the session is encrypted: that is no damage, and nobody may mend it
        without the key.
        """
        if kind == BLOB:
            return data
        if data.startswith(ENCRYPTED_HEAD) or (kind, key) == KEY_RECORD:
            raise KeyMismatch(
                f"session {session!r} is encrypted: give its key "
                "(key=…, --key-file, OPTICAL_MEMORY_KEY)"
            )
        starts = [sum_start(name, kind, key) for name in (session, NAMELESS)]
        if kind == "picture":
            return without_png_sum(data, starts)
        if kind == "index":
            return _index_value(data, starts)
        if not data.startswith(SUM_FIELD):
            return data
        if not data.startswith(JSON_HEAD) or not _is_right(session, kind, [(key, data)]):
            raise DamagedRecord(WRONG_SUM)
        return without_sum(data)

    def unwrap_all(
        self, session: str, kind: Protected, pairs: Sequence[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]]:
        """As `unwrap`, but JSON records that are right keep their sums: `without_sum` takes it off.

        Opening a long session looks at every record, so many are checked in one call.
        """
        if kind in ("picture", "index", BLOB):
            return super().unwrap_all(session, kind, pairs)
        values: list[tuple[str, bytes]] = []
        for i in range(0, len(pairs), AT_ONCE):
            some_pairs = pairs[i : i + AT_ONCE]
            if not _is_right(session, kind, some_pairs):
                some_pairs = [
                    (key, self.value_of(session, kind, key, data))
                    if data.startswith((SUM_FIELD, ENCRYPTED_HEAD)) or (kind, key) == KEY_RECORD
                    else (key, data)
                    for key, data in some_pairs
                ]
            values += some_pairs
        return values


def without_sum(data: bytes) -> bytes:
    """A JSON record without the sum that it may have; nobody checks the sum here."""
    return b"{" + data[JSON_CONTENT:] if data.startswith(JSON_HEAD) else data


def start_of(session: str, kind: str) -> int:
    """The CRC-32 with which the sum of a JSON record of this kind begins and ends."""
    return crc32(kind.encode(), crc32(to_bytes(session)))


def sum_start(session: str, kind: str, key: str) -> int:
    """Where the sum of a picture or of a part of the index begins."""
    return crc32(to_bytes(key), start_of(session, kind))


def _is_right(session: str, kind: str, pairs: Pairs) -> bool:
    """True if the sums of all these JSON records match."""
    keys, values = zip(*pairs, strict=True)
    texts = chain.from_iterable(zip(_encoded(keys), values, strict=True))
    content = b"".join(texts)
    starts = [start_of(name, kind) for name in (session, NAMELESS)]
    return any(crc32(content, start) == start for start in starts)


def _encoded(keys: Sequence[str]) -> list[bytes]:
    """The bytes of many keys, in one call if no key has a line end."""
    encoded = to_bytes("\n".join(keys)).split(b"\n")
    return encoded if len(encoded) == len(keys) else [to_bytes(key) for key in keys]


def _index_value(data: bytes, starts: Sequence[int]) -> bytes:
    if data.startswith(b"{"):  # an older version wrote it
        return data
    value = data[INDEX_CONTENT:]
    sums = [INDEX_HEAD + crc32(value, start).to_bytes(4, "big") for start in starts]
    if data[:INDEX_CONTENT] not in sums:
        raise DamagedRecord(WRONG_SUM)
    return value
