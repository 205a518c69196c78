"""Files with private words: their owner's alone, also if they were there before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, cast

from optical_memory.stores.sqlite_path import OWNER_ONLY, private_folder, private_opener

__all__ = [
    "open_private",
    "private_folder",
    "write_private",
]


def open_private(path: Path, mode: str) -> BinaryIO:
    """The file, open in a binary mode that writes. A file that is there loses its readers."""
    file = open(path, mode, opener=private_opener)  # noqa: SIM115 - the caller closes it
    try:
        if os.name == "posix":
            os.fchmod(file.fileno(), OWNER_ONLY)
    except PermissionError:  # another's file, which we may write: its owner decides
        pass
    except OSError:
        file.close()
        raise
    return cast(BinaryIO, file)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that is its owner's alone."""
    with open_private(path, "wb") as file:
        file.write(data)
