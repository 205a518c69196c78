"""A reader whose certificates name every character that it misreads, as those of pocket do."""

from __future__ import annotations

from optical_memory.testing import TemplateReader


class CellReader(TemplateReader):
    """A template reader whose memory keeps what its certificates doubt, and nothing else."""

    def __init__(self) -> None:
        super().__init__(reads_cells=True)
