"""A reader that records its pages and readings, and a count of vision passes: for measuring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from optical_memory.pages import Layout, Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers.base import MethodReader, Reader
from optical_memory.readings import Reading
from optical_memory.tokens import VisualTokens

__all__ = [
    "WatchedReader",
    "vision_calls",
]


class WatchedReader:
    """Passes everything on to a reader, and records the pages and readings for the demo.

    `pages` are the pages that the reader certified, by their layout. A layout names the ordinals of
    its turns, so no two pages of a session share a layout.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._readings: list[Reading] = []
        self.pages: dict[Layout, Page] = {}

    @property
    def profile(self) -> ReaderProfile:
        return self._reader.profile

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        return self._reader.encode(images, rung)

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        readings = self._reader.decode(tokens, layouts, lines)
        self._readings += readings
        return readings

    def decode_by(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout], methods: Sequence[str]
    ) -> list[Reading]:
        if not isinstance(self._reader, MethodReader):
            return self.decode(tokens, layouts)
        readings = self._reader.decode_by(tokens, layouts, methods)
        self._readings += readings
        return readings

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        self.pages.update((page.layout, page) for page in pages)
        return self._reader.certify(tokens, pages)

    def take_readings(self) -> list[Reading]:
        """The readings since this was last called."""
        readings = self._readings
        self._readings = []
        return readings


@contextmanager
def vision_calls() -> Iterator[list[str]]:
    """The class of every vision tower that runs inside, one entry a forward call."""
    from torch.nn.modules.module import Module, register_module_forward_pre_hook

    calls: list[str] = []

    def note(module: Module, _: object) -> None:
        name = type(module).__name__
        if name.endswith("VisionModel"):
            calls.append(name)

    hook = register_module_forward_pre_hook(note)
    try:
        yield calls
    finally:
        hook.remove()
