"""The checksum in a PNG: a private chunk after the header, that other programs pass over.

Every chunk of a PNG has a CRC-32 of its own, which image libraries need not look at. Those are
checked here for pictures without a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from zlib import crc32

from optical_memory.errors import DamagedRecord

__all__ = [
    "PNG_SIGNATURE",
    "with_png_sum",
    "without_png_sum",
]

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

HEADER_END: Final = 33
"""The signature has 8 bytes, the header chunk 25."""

SUM_HEAD: Final = b"\x00\x00\x00\x04omSM"
"""Length and name of our chunk: ancillary, private, not to be copied when the picture changes."""

SUM_END: Final = HEADER_END + len(SUM_HEAD) + 8

BROKEN: Final = "its checksum does not match: the picture was changed or damaged"


def with_png_sum(png: bytes, start: int) -> bytes:
    """The picture with a chunk that holds its sum."""
    content = crc32(png, start).to_bytes(4, "big")
    end = crc32(SUM_HEAD[4:] + content).to_bytes(4, "big")
    return b"".join([png[:HEADER_END], SUM_HEAD, content, end, png[HEADER_END:]])


def without_png_sum(data: bytes, starts: Sequence[int]) -> bytes:
    """The picture without that chunk.

    Raises `DamagedRecord` if a sum in it matches from none of these starts.
    """
    if data[HEADER_END : HEADER_END + len(SUM_HEAD)] != SUM_HEAD:
        _check_chunks(data)
        return data
    png = data[:HEADER_END] + data[SUM_END:]
    sums = [with_png_sum(png, start)[HEADER_END:SUM_END] for start in starts]
    if data[HEADER_END:SUM_END] not in sums:
        raise DamagedRecord(BROKEN)
    return png


def _check_chunks(png: bytes) -> None:
    """Raises `DamagedRecord` unless the bytes are a PNG whose chunks all have the right sum."""
    names = list(_chunks(png))
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"]:
        raise DamagedRecord("it is no whole PNG picture")


def _chunks(png: bytes) -> Iterator[bytes]:
    """The names of the chunks of a PNG."""
    if not png.startswith(PNG_SIGNATURE):
        raise DamagedRecord("it is no PNG picture")
    offset = len(PNG_SIGNATURE)
    while offset < len(png):
        end = offset + 8 + int.from_bytes(png[offset : offset + 4], "big")
        if crc32(png[offset + 4 : end]).to_bytes(4, "big") != png[end : end + 4]:
            raise DamagedRecord(BROKEN)
        yield png[offset + 4 : offset + 8]
        offset = end + 4
