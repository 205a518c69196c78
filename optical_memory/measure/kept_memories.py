"""Conversations in memories of ours that a folder keeps, so that pages are certified once.

Pages are certified, their text is dropped, and they fade as the caller chooses: so everything is
read from pictures. With text in hand nothing is certified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optical_memory.loaders import Conversation
from optical_memory.measure.demo_capacity import NO_LIMIT
from optical_memory.memory import OpticalMemory
from optical_memory.readers.base import Reader
from optical_memory.search.meaning import Semantic
from optical_memory.session.background import Progress
from optical_memory.session.forgetting.policy import ForgettingPolicy, Weights

__all__ = [
    "Fade",
    "KeptMemories",
]

POLICY = ForgettingPolicy(weights=Weights(per_hit=0))
"""Questions leave no trace: a memory that is asked stays as it is."""

Fade = Callable[[OpticalMemory], object]
"""Lets the certified pages of a memory fade."""


@dataclass(frozen=True, slots=True)
class KeptMemories:
    """Memories in a file of `folder`, as pictures or with their text in hand."""

    folder: Path
    reader: Reader
    has_text: bool = False

    def memory(
        self, conversation: Conversation, semantic: Semantic, **settings: Any
    ) -> OpticalMemory:
        """The memory of a conversation, empty if the folder does not hold it yet.

        `semantic` and other settings are those of `OpticalMemory`.
        """
        return OpticalMemory(
            f"{conversation.id} {'text' if self.has_text else 'pictures'}",
            store=f"sqlite:///{self.folder / 'memories.db'}",
            reader=self.reader,
            capacity=NO_LIMIT,
            policy=POLICY,
            semantic=semantic,
            background=False,
            **settings,
        )

    def fill(
        self,
        memory: OpticalMemory,
        conversation: Conversation,
        fade: Fade,
        progress: Progress,
    ) -> None:
        """Remember the conversation, and seal its full pages.

        Unless their text is to stay, certify them and let them `fade`. A memory that the folder
        held already is not certified again.
        """
        memory.remember(conversation.turns)
        if self.has_text:
            memory.seal()
            return
        memory.flush(progress)
        ladder = self.reader.profile.ladder
        pages = memory.pages()
        if any(page.form not in ("text", ladder[0].name) for page in pages):
            return  # it has faded before, and must not fade again
        fade(memory)
