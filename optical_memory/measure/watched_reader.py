"""Watching a reader at work, for measurements: what it was shown, what it read, and when a vision
tower really ran.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from optical_memory.pages import Layout, Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers.base import Reader
from optical_memory.readings import Reading
from optical_memory.tokens import VisualTokens

__all__ = ["WatchedReader", "vision_calls"]


class WatchedReader:
    """A reader that keeps the pages it was shown at certification, by digest, and its last
    readings.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.shown: dict[str, Page] = {}
        self.readings: list[Reading] = []

    @property
    def profile(self) -> ReaderProfile:
        return self._reader.profile

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        return self._reader.encode(images, rung)

    def decode(self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout]) -> list[Reading]:
        self.readings = self._reader.decode(tokens, layouts)
        return self.readings

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        self.shown |= {page.digest: page for page in pages}
        return self._reader.certify(tokens, pages)


@contextmanager
def vision_calls() -> Iterator[list[str]]:
    """The class of every vision tower that runs inside, one entry a forward call, whoever calls it."""
    from torch.nn.modules.module import Module, register_module_forward_pre_hook

    seen: list[str] = []

    def look(module: Module, _: object) -> None:
        if (name := type(module).__name__).endswith("VisionModel"):
            seen.append(name)

    handle = register_module_forward_pre_hook(look)
    try:
        yield seen
    finally:
        handle.remove()
