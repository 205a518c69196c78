"""Encrypted sessions of a test: their key, and every form in which their words may lie in bytes."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path

from optical_memory.stores import TenantKey

KEY = TenantKey(b"t" * 32)
OTHER_KEY = TenantKey(b"o" * 32)


def forms(word: str) -> Iterator[bytes]:
    """A word as it may lie in a file: UTF-8, UTF-16, hex digits, and base64 at each offset."""
    yield word.encode()
    yield word.encode("utf-16-le")
    yield word.encode("utf-16-be")
    yield word.encode().hex().encode()
    yield word.encode().hex().upper().encode()
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + word.encode() + b"\0\0")
        whole = text[4 if offset else 0 : len(text) - 4]  # what its neighbours do not change
        yield whole[: len(whole) // 4 * 4]


def bytes_under(*folders: Path) -> bytes:
    """Every byte of every file in these folders, and the names of the files."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\n".join(str(path.name).encode() + b"\n" + path.read_bytes() for path in files)


def traces(words: Sequence[str], data: bytes) -> list[str]:
    """The words of which any form is in the data, whatever the case of its letters."""
    low_data = data.lower()
    return [
        word
        for word in words
        if any(form in data or form.lower() in low_data for form in forms(word))
    ]
