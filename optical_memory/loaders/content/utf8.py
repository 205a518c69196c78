"""The bytes of a file as UTF-8: unpacked if they are gzip, without a byte order mark.

Knows encodings and the signs of binary files, nothing of JSON or conversations.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from io import BytesIO
from pathlib import Path
from typing import IO, cast

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import LeftOut

__all__ = [
    "NEWLINE",
    "decode_text",
    "read_bytes",
    "read_up_to",
    "utf8_bytes",
]

NEWLINE = b"\n"

MAX_BYTES = 2**30
"""Of a file. Its conversations take several times as much memory."""

MAX_UNPACKED_BYTES = 2**28
"""Of a gzip file, unpacked: a file of some kilobytes may unpack to gigabytes."""

CHUNK_BYTES = 2**20
"""Read at once, so that a limit takes no memory that a file does not need."""

MAX_BAD_SHARE = 0.1
"""Of the lines of a text. With more lines that are not UTF-8, the text has another encoding."""

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_GZIP = b"\x1f\x8b"

_EXPORT_AS_TEXT = "export it as text or JSON"
_UNPACK = "unpack it first"

_BINARY_KINDS = (
    (rb"%PDF-", "a PDF", _EXPORT_AS_TEXT),
    (rb"PK\x03\x04", "a zip archive", "load it with `optical-memory import FILE`, or unpack it"),
    (rb"PK\x05\x06", "an empty zip archive", "export it again"),
    (rb"SQLite format 3\x00", "an SQLite database", "export its messages as JSON"),
    (rb"PAR1[\x00-\x1f]", "a Parquet table", "write it as JSON lines, with pandas for example"),
    (rb"ARROW1\x00", "an Arrow table", "write it as JSON lines, with pandas for example"),
    (rb"\x89PNG", "a PNG picture", _EXPORT_AS_TEXT),
    (rb"\xff\xd8\xff", "a JPEG picture", _EXPORT_AS_TEXT),
    (rb"GIF8[79]a", "a GIF picture", _EXPORT_AS_TEXT),
    (rb"RIFF....(WEBP|WAVE|AVI )", "a picture, a sound or a film", _EXPORT_AS_TEXT),
    (rb"....ftyp", "a film or a sound", "load its words as text"),
    (rb"ID3[\x00-\x08]|OggS\x00|fLaC\x00", "a sound", "load its words as text"),
    (rb"\xd0\xcf\x11\xe0", "an Office document", _EXPORT_AS_TEXT),
    (rb"\{\\rtf1", "a rich text document", _EXPORT_AS_TEXT),
    (rb"BZh[1-9]1AY&SY", "a bzip2 archive", _UNPACK),
    (rb"\xfd7zXZ", "an xz archive", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (rb"7z\xbc\xaf", "a 7-Zip archive", _UNPACK),
    (rb"Rar!\x1a", "a RAR archive", _UNPACK),
)
"""How files begin that hold no text: (pattern, kind, what to do)."""

_MAX_NUL_SHARE = 0.1
"""Of the first bytes of a text, which may have some NUL characters."""


def read_bytes(path: Path) -> bytes:
    """The file's text as UTF-8, without a byte order mark.

    Raises `InputError` if the file cannot be read, is too large, or is no text.
    """
    try:
        with path.open("rb") as file:
            raw = read_up_to(file, MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise InputError(
            f"{path}: cannot be read: it is a folder; load it with `optical-memory import {path}`"
        ) from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror or error}; check its name and its rights"
        ) from error
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{str(path)!r}: cannot be read: {error}; check its name") from error
    if len(raw) > MAX_BYTES:
        raise InputError(
            f"{path}: larger than {MAX_BYTES:,} bytes; split it into files of whole conversations"
        )
    return utf8_bytes(raw, path.name)


def read_up_to(file: IO[bytes], limit: int) -> bytes:
    """The rest of a file, at most `limit` bytes of it.

    `read(limit)` takes memory for all of `limit` before it reads a byte.
    """
    data = BytesIO()
    while data.tell() < limit:
        chunk = file.read(min(CHUNK_BYTES, limit - data.tell()))
        if not chunk:
            break
        data.write(chunk)
    return data.getvalue()


def utf8_bytes(raw: bytes, name: str) -> bytes:
    """The text in raw bytes as UTF-8, without a byte order mark.

    Raises `InputError` if they are no text.
    """
    if raw.startswith(_GZIP):
        raw = _unpacked(raw, name)
    _refuse_binary(raw, name)
    for mark, encoding in _ENCODINGS:
        if raw.startswith(mark):
            return raw[len(mark) :] if encoding == "utf-8" else _recoded(raw, encoding, name)
    beginning = raw[:1024].rstrip(b"\0")
    if beginning.count(0) > _MAX_NUL_SHARE * len(beginning):
        raise InputError(
            f"{name}: no text: it has many NUL bytes; {_EXPORT_AS_TEXT} "
            "(UTF-16 needs a byte order mark at its beginning)"
        )
    return raw


def decode_text(raw: bytes, name: str) -> tuple[str, tuple[LeftOut, ...]]:
    r"""UTF-8 as text, and the bytes of it that are no characters. Line ends become "\n".

    Such bytes stand in the text as escapes. A character that is cut off at the end is left out.
    Raises `InputError` if too many lines have such bytes: the text has another encoding.
    """
    left_out: list[LeftOut] = []
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if _ends_within_character(raw, error):
            place = f"line {raw.count(NEWLINE) + 1}"
            left_out.append(LeftOut(place, "the file ends within a character", ""))
            raw = raw[: error.start]
        text = raw.decode("utf-8", "backslashreplace")
        left_out += _bad_lines(raw, name)
    text = text.rstrip("\0")  # a disk fills the end of a file with it if the power goes
    return text.replace("\r\n", "\n").replace("\r", "\n"), tuple(left_out)


def _ends_within_character(raw: bytes, error: UnicodeDecodeError) -> bool:
    """The bytes end in the middle of a character, and are UTF-8 by other characters too."""
    is_at_end = error.end == len(raw) and error.reason == "unexpected end of data"
    return is_at_end and not (error.end - error.start == 1 and raw[: error.start].isascii())


def _bad_lines(raw: bytes, name: str) -> list[LeftOut]:
    """The first bytes of each line that are no characters.

    Raises `InputError` if too many lines have some.
    """
    left_out: list[LeftOut] = []
    errors: list[int] = []
    lines = raw.split(NEWLINE)
    offset = 0
    for n, line in enumerate(lines, 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            errors.append(offset + error.start)
            escapes = line[error.start : error.end].decode("utf-8", "backslashreplace")
            left_out.append(LeftOut(f"line {n}", "not UTF-8, so kept as an escape", escapes))
        offset += len(line) + 1
    if len(errors) > MAX_BAD_SHARE * len(lines):
        raise InputError(
            f"{name}: not UTF-8 text at byte {errors[0]}; convert it first, for example with "
            f"iconv -f WINDOWS-1252 -t UTF-8"
        )
    return left_out


def _unpacked(raw: bytes, name: str) -> bytes:
    try:
        with gzip.open(BytesIO(raw)) as file:
            content = read_up_to(cast(IO[bytes], file), MAX_UNPACKED_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{name}: gzip, but damaged: {error}; pack it again") from error
    if len(content) > MAX_UNPACKED_BYTES:
        raise InputError(
            f"{name}: gzip of more than {MAX_UNPACKED_BYTES:,} bytes; unpack it first, "
            "if you know what is in it"
        )
    return content


def _refuse_binary(raw: bytes, name: str) -> None:
    for beginning, kind, advice in _BINARY_KINDS:
        if re.match(beginning, raw, re.DOTALL):
            raise InputError(f"{name}: {kind}, not a text; {advice}")


def _recoded(raw: bytes, encoding: str, name: str) -> bytes:
    """The bytes as UTF-8. Half a character at the end, of a file that is being written, goes."""
    width = 4 if encoding == "utf-32" else 2
    whole = raw[: len(raw) - len(raw) % width]
    try:
        text = whole.decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: not {encoding.upper()} text at byte {error.start}; save it as UTF-8"
        ) from error
    return text.encode("utf-8", "surrogatepass")
