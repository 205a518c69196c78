"""Files of a checkpoint folder without their weights: JSON objects, safetensors headers, the index.

Imports no torch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path, PureWindowsPath
from typing import Any

from safetensors import SafetensorError, safe_open

from optical_memory.errors import CheckpointError

__all__ = [
    "INDEX",
    "Header",
    "Shape",
    "read_header",
    "read_headers",
    "read_json",
    "write_sparse",
]

Shape = tuple[int, ...]
INDEX = "model.safetensors.index.json"
MAX_HEADER_BYTES = 2**24  # of 100,000 tensors; parsing takes some twenty times as much memory
MAX_JSON_BYTES = 2**25  # of a config or an index; those of the largest models have 10 MB
N_NAMED = 3  # tensors that an error names before it counts the others


@dataclass(frozen=True)
class Header:
    """The header of a safetensors file: dtype, shape and byte range of each tensor.

    Byte ranges count from `start`, the first byte after the header.
    """

    file: Path
    start: int
    tensors: Mapping[str, dict[str, Any]]


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises `CheckpointError` if the file holds anything else."""
    try:
        content = json.loads(_read_text(file))
    except RecursionError as error:
        raise CheckpointError(f"{file} does not read as JSON: it is nested too deep") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} does not read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} is not a JSON object")
    return content


def _read_text(file: Path) -> str:
    """The text of a file. Raises `ValueError` if it is too long."""
    if file.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"it has more than {MAX_JSON_BYTES:,} bytes")
    return file.read_text()


# ---- headers -------------------------------------------------------------------------------------


def read_header(file: Path) -> Header:
    """The header of a safetensors file.

    Raises `CheckpointError` if the file is cut short or is no safetensors file.
    """
    try:
        header = _parse_header(file)
        with safe_open(file, "np"):  # checks dtypes, shapes and byte ranges, without torch
            return header
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


def _parse_header(file: Path) -> Header:
    """The header, not checked. Raises `ValueError` if the file is cut short."""
    n_bytes = file.stat().st_size
    with file.open("rb") as stream:
        n_header_bytes = int.from_bytes(stream.read(8), "little")
        if n_header_bytes > min(n_bytes, MAX_HEADER_BYTES):
            raise ValueError("its header is longer than the file, or than any header")
        tensors = json.loads(stream.read(n_header_bytes))
    tensors.pop("__metadata__", None)
    start = 8 + n_header_bytes
    end = start + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    if n_bytes < end:
        raise ValueError(f"{end - n_bytes} bytes are missing at its end")
    return Header(file, start, tensors)


def read_headers(folder: Path) -> tuple[Header, ...]:
    """Headers of the files that the index names, or of all files if there is no index.

    Raises `CheckpointError` if a file is missing or broken, if a tensor is there twice, or if a
    tensor is not in the file that the index names for it.
    """
    file_of = _read_index(folder / INDEX) if (folder / INDEX).is_file() else {}
    names = sorted(set(file_of.values()))
    files = [folder / name for name in names] or sorted(folder.glob("*.safetensors"))
    if not files:
        raise CheckpointError(f"{folder} has no .safetensors file")
    missing_files = [file.name for file in files if not file.is_file()]
    if missing_files:
        raise CheckpointError(f"{folder} lacks {', '.join(missing_files)}, which {INDEX} names")
    headers = tuple(read_header(file) for file in files)
    _require_single_tensors(folder, headers)
    _require_tensors_of_index(folder, file_of, headers)
    return headers


def _read_index(index: Path) -> dict[str, str]:
    """The file of each tensor. Raises `CheckpointError` if a file is outside the folder."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} has no 'weight_map': an object of tensors and their files")
    for key, name in weight_map.items():
        if not isinstance(name, str) or not name:
            raise CheckpointError(f"{index} names no file for {key}")
        path = PureWindowsPath(name)  # knows both kinds of slashes
        if path.drive or path.root or ".." in path.parts:
            raise CheckpointError(f"{index} names {name} for {key}, which is outside the folder")
    return weight_map


def _require_single_tensors(folder: Path, headers: tuple[Header, ...]) -> None:
    """Raise `CheckpointError` if two files have a tensor of the same name."""
    counts: Counter[str] = Counter()
    for header in headers:
        counts.update(header.tensors.keys())
    duplicates = sorted(name for name, count in counts.items() if count > 1)
    if duplicates:
        raise CheckpointError(
            f"{folder} has more than one {duplicates[0]}: "
            "which of its .safetensors files are the checkpoint?"
        )


def _require_tensors_of_index(
    folder: Path, file_of: Mapping[str, str], headers: tuple[Header, ...]
) -> None:
    """Raise `CheckpointError` unless every tensor is in the file that the index names for it."""
    tensors_of = {header.file: header.tensors for header in headers}
    absent = sorted(key for key, name in file_of.items() if key not in tensors_of[folder / name])
    if absent:
        names = absent[:N_NAMED]
        suffix = f" and {len(absent) - N_NAMED} more" if len(absent) > N_NAMED else ""
        files = ", ".join(sorted({file_of[key] for key in names}))
        raise CheckpointError(
            f"{files} in {folder} lacks {', '.join(names)}{suffix}, which {INDEX} says it has"
        )


# ---- a file without weights ----------------------------------------------------------------------


def write_sparse(file: Path, shapes: Mapping[str, Shape]) -> None:
    """Write a safetensors file of bfloat16 zeros that takes no room on disk."""
    header: dict[str, dict[str, Any]] = {}
    end = 0
    for key, shape in shapes.items():
        start = end
        end += 2 * prod(shape)
        header[key] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.truncate(8 + len(text) + end)
