"""The result of a demo, as values: every page, every answer, and the restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optical_memory.measure.questions import Answer
from optical_memory.pages import Page
from optical_memory.profiles import Ladder
from optical_memory.recall.recollection import Recollection

__all__ = [
    "Demo",
    "PageReading",
    "Restart",
    "Sheet",
]


@dataclass(frozen=True, slots=True)
class PageReading:
    """A page after fading: its original text, and how it reads now.

    `age` is 1 for the newest page. `reader_accuracy` is that of the reader's own reading.
    `recall_accuracy` is that of the recollection, in which exact facts stand over the reading. Both
    are in 0..1, and None if there is nothing to read. `truth` is the original text.
    """

    id: str
    age: int
    form: str  # "text", a rung's name, "stub" or "forgotten"
    text_tokens: int
    visual_tokens: int
    ledger_tokens: int
    truth: str
    recollection: Recollection | None
    reader_accuracy: float | None
    recall_accuracy: float | None
    png: bytes | None


@dataclass(frozen=True, slots=True)
class Restart:
    """Every page read again after a restart, then some pages again without any cached token.

    `equal` of the `pages` read the same as before. Then a page of each form was read without cached
    tokens: `dropped_equal` of these `dropped` pages read the same. `looks` and `dropped_looks`
    count forward calls of the vision tower: none if all tokens were cached. `store` is the scheme
    of the store's URL.
    """

    store: str
    pages: int
    equal: int
    looks: int
    dropped: int
    dropped_equal: int
    dropped_looks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """The newest certified page, to be drawn at every rung, and its agreement by rung."""

    page: Page
    agreements: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Demo:
    """The facts and measurements of one conversation.

    `capacity` is in tokens; with `is_chosen` there was none: pages faded with age, so that every
    rung shows, and it has the visual tokens that they have now.
    `seconds` are those of each step.
    """

    conversation: str
    session: str
    n_turns: int
    n_open_turns: int
    capacity: int
    is_chosen: bool
    floor: float
    n_faded: int
    ladder: Ladder
    pages: tuple[PageReading, ...]
    answers: tuple[Answer, ...]
    restart: Restart
    sheet: Sheet | None
    seconds: Mapping[str, float]
