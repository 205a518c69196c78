"""Sample files, spoilt in many ways, and the promises of `load_file` that they break."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from support.load_property import broken_promises
from support.mutations import mutated

__all__ = [
    "BrokenPromise",
    "fuzz",
]


class BrokenPromise(NamedTuple):
    """The sample, its spoilt content, and the promise that loading it breaks."""

    sample: str
    content: bytes
    promise: str


def fuzz(paths: Sequence[Path], n: int, seed: int, folder: Path) -> Iterator[BrokenPromise]:
    """Promises that are broken for `n` spoilt copies of the files, which are taken in turn."""
    contents = [path.read_bytes() for path in paths]
    for i in range(n):
        name = paths[i % len(paths)].name
        content = mutated(contents[i % len(paths)], Random(seed * n + i))
        path = folder / name
        path.write_bytes(content)
        for promise in broken_promises(path):
            yield BrokenPromise(name, content, promise)
