"""Messages in, fewer messages out: a memory for plain chatbots in one function, with nothing to set
up or to keep.

Works on OpenAI-style message lists. What is kept word for word is kept as the very dicts that were
given.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optical_memory.counting import count_tokens, image_tokens
from optical_memory.errors import (
    BudgetTooSmall,
    InputError,
    LayoutError,
    MissingExtra,
    NotEnoughMemory,
    ReaderUnavailable,
    StoreError,
)
from optical_memory.loaders.messages import turns_of
from optical_memory.memory import OpticalMemory
from optical_memory.readers.base import Reader
from optical_memory.recall.candidates import newest_pages, open_turn
from optical_memory.recall.context import assemble
from optical_memory.recall.recollection import Recollection
from optical_memory.turns import Turn, body

__all__ = ["compress"]

log = logging.getLogger("optical_memory")

Message = Mapping[str, Any]

RECENT_SHARE = 0.6
"""Share of the budget, after the system messages, for the newest turns."""

CANDIDATES = 12
"""Pages and turns about the query that may be recalled; the newest fill what is left."""

PICTURE_SIDE_PX = 1024
"""What a picture in a message is taken to be, to count its price."""

_failed: set[str] = set()  # what was logged already


def compress(
    messages: Sequence[Message],
    budget: int,
    *,
    reader: str | Reader = "pocket",
    query: str | None = None,
) -> list[Message]:
    """The messages, within `budget` tokens: older turns as one message of what they say about
    `query`.

    System messages and the newest turns come back as the dicts that were given, a tool call always
    with its results; the last user message and what follows it always stay. `query` is the last
    user message unless given. Pages are read as text, which is still in hand: `reader` gives them
    their size, its model is not loaded. Tokens are DeepSeek's, a picture costs what OpenAI bills
    for 1024 px; what a chat template adds is not counted.

    If the memory fails, the messages come back as they were, and the log says so once. Raises
    `BudgetTooSmall` if system messages and the last exchange alone do not fit, `InputError` for
    what is no message list.
    """
    groups = _groups(messages)
    costs = [sum(_cost(messages[i]) for i in group) for group in groups]
    if sum(costs) <= budget:
        return list(messages)
    kept = _kept(messages, groups, costs, budget)
    left = budget - sum(costs[n] for n in kept)
    older = [messages[i] for n, group in enumerate(groups) if n not in kept for i in group]
    asked = query if query is not None else _last_question(messages)
    try:
        recalled = _recall(older, asked, left, reader)
    except (
        StoreError,
        LayoutError,
        MissingExtra,
        ReaderUnavailable,
        NotEnoughMemory,
        OSError,
    ) as error:
        _log_once(error)
        return list(messages)
    return _joined(messages, [i for n in sorted(kept) for i in groups[n]], recalled)


def _groups(messages: Sequence[Message]) -> list[list[int]]:
    """Messages by index, in groups that must stay together: tool calls with the results that
    follow.
    """
    groups: list[list[int]] = []
    for i, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise InputError(f"messages[{i}] is no message with a role: {str(message)[:60]!r}")
        follows = (
            groups and message["role"] in ("tool", "function") and _calls(messages[groups[-1][0]])
        )
        if follows:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _calls(message: Message) -> bool:
    return bool(message.get("tool_calls") or message.get("function_call"))


def _cost(message: Message) -> int:
    turns = turns_of([dict(message)], "messages")
    pictures = sum(attachment.kind == "image" for turn in turns for attachment in turn.attachments)
    return sum(count_tokens(_words(turn)) for turn in turns) + pictures * image_tokens(
        PICTURE_SIDE_PX, "openai"
    )


def _words(turn: Turn) -> str:
    """All of a turn that is text: not its pictures, whose URL may be the picture itself."""
    return body(Turn(turn.role, turn.text, tool_calls=turn.tool_calls)) + (turn.name or "")


def _kept(
    messages: Sequence[Message], groups: list[list[int]], costs: list[int], budget: int
) -> set[int]:
    """System messages, the last user message with what follows, and from there back what fits in
    its share.
    """
    roles = [messages[group[0]]["role"] for group in groups]
    kept = {n for n, role in enumerate(roles) if role in ("system", "developer")}
    last = max((n for n, role in enumerate(roles) if role == "user"), default=len(groups) - 1)
    kept |= set(range(last, len(groups)))
    left = budget - sum(costs[n] for n in kept)
    if left < 0:
        raise BudgetTooSmall(
            f"system messages and the last turns need {budget - left} tokens of a budget of {budget}"
        )
    recent = int(RECENT_SHARE * left)
    for n in reversed(range(last)):
        if n in kept:
            continue
        if costs[n] > recent:
            break
        kept.add(n)
        recent -= costs[n]
    return kept


def _last_question(messages: Sequence[Message]) -> str | None:
    asked = [message for message in messages if message["role"] == "user"]
    return turns_of([dict(asked[-1])], "messages")[-1].text if asked else None


def _recall(
    older: Sequence[Message], query: str | None, budget: int, reader: str | Reader
) -> dict[str, Any] | None:
    """One message with what the older ones say about the query, then the newest of them, as much as
    fits.
    """
    turns = [
        Turn(**_without_id(turn))
        for turn in turns_of([dict(message) for message in older], "messages")
    ]
    with tempfile.TemporaryDirectory(prefix="optical-") as folder:
        store = f"sqlite:///{Path(folder) / 'memory.db'}"
        with OpticalMemory(
            "chat", store=store, reader=reader, keep_turns=0, background=False
        ) as memory:
            memory.remember(turns)
            memory.seal()
            context = assemble([], _candidates(memory, query, budget), budget, query=query)
    return context.to_messages()[0] if context.parts else None


def _without_id(turn: Turn) -> dict[str, Any]:
    """Two messages with one id are two messages here: nothing may replace another."""
    return {name: getattr(turn, name) for name in Turn.__slots__ if name != "id"}


def _candidates(memory: OpticalMemory, query: str | None, budget: int) -> list[Recollection]:
    """What is found, best first, then the newest of the rest: what is only new scores below every
    find.
    """
    found = memory.recall(query, CANDIDATES) if query else []
    snapshot, seen = memory.archive.snapshot(), {recollection.page for recollection in found}
    opened = [
        open_turn(record, 1e-12 * record.ordinal, snapshot) for record in snapshot.open_turns()
    ]
    pages = memory.pages.read(
        snapshot, [(id, 0.0) for id, _ in newest_pages(snapshot, budget) if id not in seen]
    )
    return [
        *found,
        *(recollection for recollection in opened if recollection.page not in seen),
        *pages,
    ]


def _joined(
    messages: Sequence[Message], kept: list[int], recalled: Message | None
) -> list[Message]:
    """The kept messages in order, with the recalled one after the system messages at the head."""
    head = 0
    while head < len(kept) and messages[kept[head]]["role"] in ("system", "developer"):
        head += 1
    middle = [recalled] if recalled is not None else []
    return [*(messages[i] for i in kept[:head]), *middle, *(messages[i] for i in kept[head:])]


def _log_once(error: Exception) -> None:
    if type(error).__name__ not in _failed:
        _failed.add(type(error).__name__)
        log.warning(
            "no memory this time, messages are left as they are: %s: %s",
            type(error).__name__,
            error,
        )
