"""Histories in memories of ours: certified, and faded so that needles stand at every rung."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optical_memory.measure.demo_capacity import capacity_for_every_rung, lossless_capacity
from optical_memory.measure.needles.histories import History
from optical_memory.memory import OpticalMemory
from optical_memory.readers.base import Reader
from optical_memory.search.meaning import Semantic
from optical_memory.session.background import Progress, no_progress

__all__ = [
    "PlantedMemories",
]

NO_LIMIT = 2**40
"""A capacity that no session exceeds."""


@dataclass(frozen=True, slots=True)
class PlantedMemories:
    """Keeps histories in a file of `folder`, as pictures or with their text in hand.

    No turn stays open because it is new. Every second history fades as far as it can without
    losing a page, the others so that most rungs show: so short histories, too, reach the last rung.
    """

    folder: Path
    reader: Reader
    has_text: bool = False

    @contextmanager
    def open(
        self,
        history: History,
        number: int,
        semantic: Semantic = "auto",
        progress: Progress = no_progress,
    ) -> Iterator[OpticalMemory]:
        """A memory of the history with this number, ready to be asked.

        A memory that the folder holds already is not certified again. To ask it with and without
        meaning, open it with meaning first: the turns get their vectors when they are remembered.
        """
        conversation = history.conversation
        with OpticalMemory(
            f"{conversation.id} {'text' if self.has_text else 'pictures'}",
            store=f"sqlite:///{self.folder / 'memories.db'}",
            reader=self.reader,
            capacity=NO_LIMIT,
            semantic=semantic,
            keep_turns=0,
            background=False,
        ) as memory:
            memory.remember(conversation.turns)
            if self.has_text:
                memory.seal()
            else:
                memory.flush(progress)
                self._fade(memory, number)
            yield memory

    def _fade(self, memory: OpticalMemory, number: int) -> None:
        ladder = self.reader.profile.ladder
        pages = memory.pages()
        if any(page.form not in ("text", ladder[0].name) for page in pages):
            return  # it has faded before, and must not fade again
        capacity_for = lossless_capacity if number % 2 else capacity_for_every_rung
        memory.fade(capacity_for(pages, memory.policy, ladder))
