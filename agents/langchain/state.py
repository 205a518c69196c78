"""What the middleware keeps in an agent's private state: plain JSON, and never a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, cast

from langchain.agents.middleware.types import AgentState, PrivateStateAttr
from typing_extensions import TypedDict

from optical_memory.agents.recalled_sheets import Drawing

__all__ = [
    "SHEETS_KEY",
    "STATE_KEY",
    "Head",
    "MessageName",
    "OpticalMemoryState",
    "Record",
    "has_archive",
    "record_of",
    "state_changes",
]

STATE_KEY = "_optical_memory"

SHEETS_KEY = "_optical_sheets"
"""A drawing is large, so it stands apart: it changes at compactions only."""

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
    before it. `drawing` has the head's passages on sheets, if a host was known to read them.
    `erasures` tells what the session had forgotten when the head's passages were made.
    """

    session: str
    head: Head | None
    recalls: dict[str, str]
    drawing: Drawing | None
    erasures: NotRequired[str]


class OpticalMemoryState(AgentState[Any]):
    """An agent's state with the private record of the middleware."""

    _optical_memory: Annotated[NotRequired[Record], PrivateStateAttr]
    _optical_sheets: Annotated[NotRequired[Drawing | None], PrivateStateAttr]


def has_archive(record: Record) -> bool:
    """True if messages have left the view, so that there is something to recall."""
    head = record["head"]
    return head is not None and bool(head["passages"] or head["n_archived"])


def record_of(state: Any) -> Record | None:
    """The record in a state, if there is one."""
    record = state.get(STATE_KEY) if isinstance(state, Mapping) else None
    if not isinstance(record, dict) or "session" not in record:
        return None
    return cast("Record", {**record, "drawing": state.get(SHEETS_KEY)})


def state_changes(record: Record, old: Record | None) -> dict[str, Any]:
    """The values of the state that change with a record."""
    drawing = record["drawing"]
    changes: dict[str, Any] = {STATE_KEY: {**record, "drawing": None}}
    if drawing != (None if old is None else old["drawing"]):
        changes[SHEETS_KEY] = drawing
    return changes
