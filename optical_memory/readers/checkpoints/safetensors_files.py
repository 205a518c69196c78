"""What a checkpoint folder's files say before any weight is read: JSON objects, safetensors
headers, the index.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from safetensors import SafetensorError, safe_open

from optical_memory.errors import CheckpointError

__all__ = ["Header", "Shape", "read_header", "read_headers", "read_json"]

Shape = tuple[int, ...]
INDEX = "model.safetensors.index.json"
LONGEST = 100_000_000  # bytes of a header that safetensors itself takes


@dataclass(frozen=True)
class Header:
    """One safetensors file: names, shapes, dtypes and byte ranges of its tensors; `start` is where
    the bytes begin.
    """

    file: Path
    start: int
    tensors: Mapping[str, dict[str, Any]]


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object. Raises `CheckpointError`."""
    try:
        found = json.loads(file.read_text())
    except RecursionError as error:
        raise CheckpointError(f"{file} does not read as JSON: it is nested too deep") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} does not read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{file} is not a JSON object")
    return found


def read_header(file: Path) -> Header:
    """The header of a safetensors file. Raises `CheckpointError` where the file is cut short or is
    none.
    """
    try:
        start, tensors = _parsed(file)
        with safe_open(
            file, "np"
        ):  # checks dtypes, shapes and byte ranges; torch is not needed for it
            return Header(file, start, tensors)
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        SafetensorError,
    ) as error:
        raise CheckpointError(f"{file} is no safetensors file: {error}") from error


def _parsed(file: Path) -> tuple[int, dict[str, Any]]:
    """Where the bytes begin, and the header unchecked. Raises `ValueError` for a file that is cut
    short.
    """
    whole = file.stat().st_size
    with file.open("rb") as opened:
        size = int.from_bytes(opened.read(8), "little")
        if size > min(whole, LONGEST):
            raise ValueError("its header is longer than the file")
        tensors = json.loads(opened.read(size))
    tensors.pop("__metadata__", None)
    end = 8 + size + max((t["data_offsets"][1] for t in tensors.values()), default=0)
    if whole < end:
        raise ValueError(f"{end - whole} bytes are missing at its end")
    return 8 + size, tensors


def read_headers(folder: Path) -> tuple[Header, ...]:
    """Headers of the files that the index names, else of all that there are. Raises
    `CheckpointError`, also where a file or a tensor is missing that the index names, or a tensor is
    there twice.
    """
    named = _weight_map(folder / INDEX) if (folder / INDEX).is_file() else {}
    files = [folder / name for name in sorted(set(named.values()))] or sorted(
        folder.glob("*.safetensors")
    )
    if not files:
        raise CheckpointError(f"{folder} has no .safetensors file")
    if missing := [file.name for file in files if not file.is_file()]:
        raise CheckpointError(f"{folder} lacks {', '.join(missing)}, which {INDEX} names")
    headers = tuple(read_header(file) for file in files)
    _refuse_twice(folder, headers)
    _refuse_lacking(folder, named, headers)
    return headers


def _weight_map(index: Path) -> dict[str, str]:
    """Which file has which tensor. Raises `CheckpointError` for a file outside the folder."""
    found = read_json(index).get("weight_map")
    if not isinstance(found, dict) or not found:
        raise CheckpointError(f"{index} has no 'weight_map': an object of tensors and their files")
    for key, name in found.items():
        if not isinstance(name, str) or not name:
            raise CheckpointError(f"{index} names no file for {key}")
        path = PureWindowsPath(name)  # knows both kinds of slashes
        if path.drive or path.root or ".." in path.parts:
            raise CheckpointError(f"{index} names {name} for {key}, which is outside the folder")
    return found


def _refuse_twice(folder: Path, headers: tuple[Header, ...]) -> None:
    names = Counter(name for header in headers for name in header.tensors)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise CheckpointError(
            f"{folder} has more than one {twice[0]}: which of its .safetensors files are the checkpoint?"
        )


def _refuse_lacking(folder: Path, named: Mapping[str, str], headers: tuple[Header, ...]) -> None:
    """Raise unless every tensor is in the file that the index names for it."""
    held = {header.file: header.tensors for header in headers}
    if lacking := sorted(key for key, name in named.items() if key not in held[folder / name]):
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        files = ", ".join(sorted({named[key] for key in lacking[:3]}))
        raise CheckpointError(
            f"{files} in {folder} lacks {', '.join(lacking[:3])}{more}, which {INDEX} says it has"
        )
