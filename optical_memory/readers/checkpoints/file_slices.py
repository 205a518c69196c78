"""Tensors of safetensors files that load when transformers asks for them, read or mapped.

A file that is mapped as a whole would count as memory, page by page, until all of it is closed.
Here every tensor has a mapping of its own.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from optical_memory.readers.checkpoints.folder import CheckpointFolder

__all__ = [
    "STORED_DTYPES",
    "FileSlice",
    "MappedSlice",
    "Mappings",
    "file_slices",
]

Mappings = dict[int, mmap.mmap]
"""Mapped parts of files, by the address of the tensor that lies in each."""

STORED_DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
"""Dtypes that weights may be stored in, by their names in safetensors."""

PRIVATE: dict[str, int] = {}  # Windows has no such flags, and does not need them
if hasattr(mmap, "MAP_PRIVATE"):
    PRIVATE["flags"] = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


class FileSlice:
    """A tensor of a safetensors file; indexing reads all of it into memory."""

    def __init__(self, file: Path, start: int, tensor: Mapping[str, Any]) -> None:
        begin, end = tensor["data_offsets"]
        self._file = file
        self._start = start + begin
        self._n_bytes = end - begin
        self._dtype = STORED_DTYPES[tensor["dtype"]]
        self._shape = tensor["shape"]

    def __getitem__(self, index: Any) -> Tensor:
        # An anonymous mapping goes back to the system as soon as the tensor was copied.
        data = mmap.mmap(-1, self._n_bytes, **PRIVATE)
        with self._file.open("rb") as file:
            file.seek(self._start)
            data.write(file.read(self._n_bytes))
        return self._flat(data, 0).reshape(self._shape)[index]

    def _flat(self, data: mmap.mmap, offset: int) -> Tensor:
        """All numbers in a row, (n,), from `offset` bytes into `data`."""
        n = self._n_bytes // self._dtype.itemsize
        return torch.frombuffer(data, dtype=self._dtype, count=n, offset=offset)


class MappedSlice(FileSlice):
    """A tensor that stays in the pages of its file.

    Processes share these pages, and the system may take them back. `mappings` has the parts of the
    file that were mapped so far.
    """

    def __init__(self, file: Path, start: int, tensor: Mapping[str, Any]) -> None:
        super().__init__(file, start, tensor)
        self.mappings: Mappings = {}

    def __getitem__(self, index: Any) -> Tensor:
        offset = self._start % mmap.ALLOCATIONGRANULARITY  # a mapping starts at such a boundary
        with self._file.open("rb") as file:
            data = mmap.mmap(
                file.fileno(),
                self._n_bytes + offset,
                access=mmap.ACCESS_COPY,  # a change would stay in this process
                offset=self._start - offset,
            )
        flat = self._flat(data, offset)
        self.mappings[flat.untyped_storage().data_ptr()] = data
        return flat.reshape(self._shape)[index]


Slice = TypeVar("Slice", bound=FileSlice)


def file_slices(
    folder: CheckpointFolder, keys: Collection[str], kind: type[Slice]
) -> dict[str, Slice]:
    """The tensors of a folder with these keys, by key; nothing is read yet."""
    slices: dict[str, Slice] = {}
    for header in folder.headers:
        for key, tensor in header.tensors.items():
            if key in keys:
                slices[key] = kind(header.file, header.start, tensor)
    return slices
