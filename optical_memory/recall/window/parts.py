"""The parts of a window: recent turns word for word, and passages as text or as pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from optical_memory.recall.recollection import Recollection
from optical_memory.sheets.sheet import Sheet
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Role, ToolCall, short_repr

__all__ = [
    "PagePicture",
    "PassagePart",
    "TextPart",
    "in_talk_order",
]


@short_repr
@dataclass(frozen=True, slots=True)
class TextPart:
    """A recent turn, word for word.

    `turn` is its id, None for the end of a turn whose beginning stands on a page. `n_tokens` is the
    cost of its text, its name and its tool calls.
    """

    role: Role
    text: str
    turn: str | None
    n_tokens: int
    status: Literal["original"] = "original"
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    when: datetime | None = None

    @property
    def is_blank(self) -> bool:
        """True if nothing was said: hosts refuse a message without words or calls."""
        return not self.text.strip() and not self.tool_calls


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page for a model that sees: its PNG of `side_px` x `side_px`, or its visual tokens.

    `n_tokens` is the number of visual tokens that the reader's decoder receives for the page.
    """

    side_px: int
    png: bytes | None = None
    visual: VisualTokens | None = None
    n_tokens: int = 0


@short_repr
@dataclass(frozen=True, slots=True)
class PassagePart:
    """A recalled passage as text; with a `picture`, the page that it stands on goes in its place.

    `text` is the passage with its marks of doubt, without names and times; beside a picture these
    are the page's exact facts. `n_tokens` is about its share of the message that carries all
    passages. With `sheets`, the passage is drawn on these in place of text, and `exact_words` are
    its identifiers that stand beside them.
    """

    passage: Recollection
    text: str
    n_tokens: int
    picture: PagePicture | None = None
    sheets: tuple[Sheet, ...] = ()
    exact_words: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The page that the passage begins on; `turn <id>` for a turn that stands on no page."""
        return self.passage.page

    @property
    def ordinal(self) -> int:
        """The place of its first turn in the session."""
        return self.passage.ordinal

    @property
    def rung(self) -> str | None:
        """The rung that it was read from; None if its text was there."""
        return self.passage.rung

    @property
    def turns(self) -> tuple[str, ...]:
        """The ids of its turns."""
        return self.passage.turns


def in_talk_order(parts: Iterable[PassagePart]) -> list[PassagePart]:
    """The passages in the order of the conversation; those of a turn by their pages."""
    return sorted(parts, key=lambda part: (part.ordinal, part.page))
