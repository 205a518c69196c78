"""What the middleware keeps in an agent's private state: plain JSON, and never a picture."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from langchain.agents.middleware.types import AgentState, PrivateStateAttr
from typing_extensions import TypedDict

__all__ = [
    "STATE_KEY",
    "Head",
    "MessageName",
    "OpticalMemoryState",
    "Record",
    "has_archive",
]

STATE_KEY = "_optical_memory"

MessageName = tuple[str | None, str, int]
"""A message: its id, None without an id, the digest of its content, and its position.

JSON makes a list of it.
"""


class Head(TypedDict):
    """A compaction: the messages that left the view, and what stands in their place.

    `boundary` names the last messages that left, the newest first, and `first` the first of all.
    `n_archived` is how many left, and `prefix` the digest of them all. `passages` is the text at
    the head of the view. `question` is a message before the boundary that stays in view. The
    reasoning of messages up to `bare_until` is left out, because providers refuse it after another
    beginning. Longer messages than `cap` tokens are shortened. `is_pruned` says that they left the
    state too.
    """

    boundary: list[MessageName]
    first: MessageName
    n_archived: int
    prefix: str
    passages: str
    question: MessageName | None
    bare_until: MessageName | None
    cap: int | None
    is_pruned: bool


class Record(TypedDict):
    """The state of a conversation: its session, its compaction, and passages beside questions.

    `recalls` has the text that stands before a user's message, by the digest of all messages
    before it.
    """

    session: str
    head: Head | None
    recalls: dict[str, str]


class OpticalMemoryState(AgentState[Any]):
    """An agent's state with the private record of the middleware."""

    _optical_memory: Annotated[NotRequired[Record], PrivateStateAttr]


def has_archive(record: Record) -> bool:
    """True if messages have left the view, so that there is something to recall."""
    head = record["head"]
    return head is not None and bool(head["passages"] or head["n_archived"])
