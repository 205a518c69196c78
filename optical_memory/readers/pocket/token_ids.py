"""pocket's token ids: a few special tokens, then the characters of `CHARSET`. Loads no torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readings import UNREAD

__all__ = [
    "BOS",
    "EOS",
    "FIRST_CHAR",
    "IMAGE",
    "MASK",
    "PAD",
    "UNKNOWN",
    "VOCAB",
    "chars_to_ids",
    "ids_to_text",
]

BOS, EOS, PAD, IMAGE, MASK, UNKNOWN = range(6)
"""`MASK` stands before a cell whose previous character is not known; `UNKNOWN` is any character
outside `CHARSET`.
"""

FIRST_CHAR = 8
"""The id of the first character; 6 and 7 are free."""

VOCAB = 512
"""Ids in all; those after the last character are free."""

CODE_POINTS = 0x110000  # of Unicode


def _ids_of_code_points() -> npt.NDArray[np.int64]:
    """(0x110000,) The id of every code point."""
    ids = np.full(CODE_POINTS, UNKNOWN, np.int64)
    ids[[ord(char) for char in CHARSET]] = np.arange(FIRST_CHAR, FIRST_CHAR + len(CHARSET))
    return ids


def _chars_of_ids() -> npt.NDArray[np.str_]:
    """(VOCAB,) The character of every id, `UNREAD` for special tokens."""
    chars = np.full(VOCAB, UNREAD)
    chars[FIRST_CHAR : FIRST_CHAR + len(CHARSET)] = list(CHARSET)
    return chars


_IDS = _ids_of_code_points()
_CHARS = _chars_of_ids()


def chars_to_ids(code_points: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Code points of any shape to token ids of the same shape; `UNKNOWN` outside `CHARSET`."""
    ids: npt.NDArray[np.int64] = _IDS[code_points]
    return ids


def ids_to_text(ids: npt.NDArray[np.integer]) -> str:
    """(n,) token ids to n characters; U+FFFD for `UNKNOWN` and special tokens."""
    return "".join(_CHARS[ids].tolist())
