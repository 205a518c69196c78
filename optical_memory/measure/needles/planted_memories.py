"""Histories in memories of ours: certified, and faded so that needles stand at every rung."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from optical_memory.measure.demo_capacity import (
    capacity_for_every_rung,
    lossless_capacity,
    page_states_of,
)
from optical_memory.measure.kept_memories import KeptMemories
from optical_memory.measure.needles.histories import History
from optical_memory.memory import OpticalMemory
from optical_memory.search.meaning import Semantic
from optical_memory.session.background import Progress, no_progress

__all__ = [
    "PlantedMemories",
]


@dataclass(frozen=True, slots=True)
class PlantedMemories(KeptMemories):
    """Keeps histories in a file of `folder`, as pictures or with their text in hand.

    No turn stays open because it is new. Every second history fades as far as it can without
    losing a page, the others so that most rungs show: so short histories, too, reach the last rung.
    """

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
        capacity_for = lossless_capacity if number % 2 else capacity_for_every_rung

        def fade(memory: OpticalMemory) -> None:
            ladder = memory.reader.profile.ladder
            memory.fade(capacity_for(page_states_of(memory), memory.policy, ladder))

        with self.memory(history.conversation, semantic, keep_turns=0) as memory:
            self.fill(memory, history.conversation, fade, progress)
            yield memory
