"""A window of an agent: the text that a method hands over for a question, and its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "Method",
    "Window",
]


@dataclass(frozen=True, slots=True)
class Window:
    """Texts that stand in the window, and the tokens that they cost together."""

    texts: tuple[str, ...]
    n_tokens: int


class Method(Protocol):
    """A way to fill a window from a conversation that it holds."""

    @property
    def name(self) -> str:
        """The name that rows of results have."""
        ...

    def window(self, question: str, budget: int) -> Window:
        """What it hands over for a question within `budget` tokens."""
        ...

    def ranking(self, question: str) -> list[str]:
        """The ids of the turns that it finds for a question, the best first."""
        ...
