"""A template reader of pages as large as the bundled reader's."""

from __future__ import annotations

from optical_memory.pages import Grid
from optical_memory.readers.pocket.reader import LADDER
from optical_memory.testing import TemplateReader


class FullSizeReader(TemplateReader):
    """A picture of such a page may cost less than its text."""

    def __init__(self) -> None:
        super().__init__(grid=Grid(), ladder=LADDER)
