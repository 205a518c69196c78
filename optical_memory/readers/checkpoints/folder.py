"""A checkpoint folder as published: its config.json as it is, and the headers of its files.

Which model the folder holds is not known here: each family of readers looks into `config_json`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from optical_memory.readers.checkpoints.safetensors_files import Header, Shape

__all__ = ["CheckpointFolder"]

SAMPLE_BYTES = 4096  # of each tensor: enough to tell two training runs apart, cheap at 6.7 GB


@dataclass(frozen=True)
class CheckpointFolder:
    """A folder of weights: `config_json` as it stands there, and a header for each file."""

    path: Path
    config_json: Mapping[str, Any]
    headers: tuple[Header, ...]

    @property
    def tensors(self) -> dict[str, dict[str, Any]]:
        """Dtype, shape and byte range of every tensor, by its name."""
        tensors: dict[str, dict[str, Any]] = {}
        for header in self.headers:
            tensors |= header.tensors
        return tensors

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every tensor, by its name."""
        return {name: tuple(tensor["shape"]) for name, tensor in self.tensors.items()}

    @property
    def n_bytes(self) -> int:
        """Size of all tensors as they are stored."""
        ranges = [tensor["data_offsets"] for tensor in self.tensors.values()]
        return sum(int(end) - int(start) for start, end in ranges)

    def vectors(self, *names: str) -> dict[str, npt.NDArray[np.float32]]:
        """Small tensors by their names, as float32; a name that no file has is left out."""
        from safetensors import safe_open

        vectors: dict[str, npt.NDArray[np.float32]] = {}
        for header in self.headers:
            with safe_open(header.file, "pt") as file:
                for name in header.tensors.keys() & names:
                    vectors[name] = file.get_tensor(name).float().numpy()
        return vectors

    def revision(self) -> str:
        """The identity of these weights: 12 hex digits that change with another training run.

        A hash of config.json, of every header, and of the first 4 KiB of every tensor.
        """
        digest = hashlib.sha256(json.dumps(self.config_json, sort_keys=True).encode())
        for header in self.headers:
            with header.file.open("rb") as file:
                for name, tensor in sorted(header.tensors.items()):
                    start, end = tensor["data_offsets"]
                    file.seek(header.start + start)
                    digest.update(f"{name} {tensor['dtype']} {tensor['shape']}".encode())
                    digest.update(file.read(min(SAMPLE_BYTES, end - start)))
        return digest.hexdigest()[:12]
