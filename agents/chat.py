"""Messages in, fewer messages out: a memory for plain chatbots in one function, without any setup.

Works on OpenAI-style message lists. Messages that stay come back as the very dicts that came in.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import takewhile
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
from optical_memory.profiles import ReaderProfile
from optical_memory.readers.base import Reader
from optical_memory.readers.registry import open_reader
from optical_memory.recall.assemble import assemble
from optical_memory.recall.candidates import newest_pages
from optical_memory.recall.find import CANDIDATES, Hit, find
from optical_memory.recall.groups import group_calls
from optical_memory.recall.newest import RECENT_SHARE, newest_that_fit
from optical_memory.recall.open_turns import open_turn_id
from optical_memory.recall.read_pages import PageReader
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.archive import Archive
from optical_memory.session.remember import remember
from optical_memory.session.seal import seal
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.token_cache import TokenCache
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.tokens import INT8
from optical_memory.turns import Turn, body

__all__ = [
    "compress",
]

log = logging.getLogger("optical_memory")

Message = Mapping[str, Any]

PICTURE_SIDE_PX = 1024
"""The side of every picture in a message, to count its price: messages do not tell the size."""

FAILURES = (
    StoreError,
    LayoutError,
    MissingExtra,
    ReaderUnavailable,
    NotEnoughMemory,
    OSError,
)
"""Failures of the memory, not of the caller: the conversation goes on without it."""

_logged: set[str] = set()  # class names of the errors that the log has told of


@dataclass(frozen=True, slots=True)
class _Group:
    """Messages that stay together, the turns in them, and their cost."""

    messages: tuple[Message, ...]
    turns: tuple[Turn, ...]
    n_tokens: int

    @property
    def is_system(self) -> bool:
        return self.turns[0].role == "system"

    @property
    def has_user(self) -> bool:
        return any(turn.role == "user" for turn in self.turns)


def compress(
    messages: Sequence[Message],
    budget: int,
    *,
    reader: str | Reader = "pocket",
    query: str | None = None,
) -> list[Message]:
    """The messages within `budget` tokens: old messages become one message about `query`.

    >>> compress([{"role": "user", "content": "hello"}], budget=100)
    [{'role': 'user', 'content': 'hello'}]

    System messages and the newest messages come back as the dicts that came in. A tool call stays
    with its results. The last user message and everything after it always stay. `query` is the last
    user message by default. Pages are read as text, which is still there: `reader` gives them their
    size, and its model is not loaded. Tokens are DeepSeek's; a picture costs the price of OpenAI
    for 1024 px. The words of a chat template are not counted.

    If the memory fails, the messages come back unchanged, and the log says so once. Raises
    `BudgetTooSmall` if system messages and the last exchange alone do not fit. Raises `InputError`
    if `messages` is not a list of messages.
    """
    groups = _groups(messages)
    if sum(group.n_tokens for group in groups) <= budget:
        return list(messages)
    positions = _newest(groups, budget)
    recent = [groups[i] for i in positions]
    older = [group for i, group in enumerate(groups) if i not in positions]
    budget_left = budget - sum(group.n_tokens for group in recent)
    question = _last_question(groups) if query is None else query
    try:
        answer = _recall(older, question, budget_left, reader)
    except FAILURES as error:
        _log_once(error)
        return list(messages)
    return _joined(recent, answer)


def _groups(messages: Sequence[Message]) -> list[_Group]:
    dicts = [_checked(message, i) for i, message in enumerate(messages)]
    turns_of(dicts, "messages")  # the whole list first: an error names the place in it
    turns = [turns_of([message], "messages") for message in dicts]
    groups: list[_Group] = []
    for positions in group_calls(turns):
        group_turns: list[Turn] = []
        for i in positions:
            group_turns += turns[i]
        n_tokens = sum(map(_cost, group_turns))
        groups.append(_Group(tuple(messages[i] for i in positions), tuple(group_turns), n_tokens))
    return groups


def _checked(message: Message, i: int) -> dict[str, Any]:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise InputError(f"messages[{i}] is no message with a role: {str(message)[:60]!r}")
    return dict(message)


def _cost(turn: Turn) -> int:
    """Tokens of the words, and the price of the pictures; a picture's URL may be the picture."""
    words = body(replace(turn, attachments=())) + (turn.name or "")
    n_pictures = sum(attachment.kind == "image" for attachment in turn.attachments)
    return count_tokens(words) + n_pictures * image_tokens(PICTURE_SIDE_PX, "openai")


def _newest(groups: Sequence[_Group], budget: int) -> list[int]:
    """Positions of the groups that stay as they are.

    These are system messages, the last user message and all after it, and the newest others that
    fit their share of the budget. Raises `BudgetTooSmall` if those that must stay do not fit.
    """
    last = max((i for i, group in enumerate(groups) if group.has_user), default=len(groups) - 1)
    must_stay = [i for i, group in enumerate(groups) if group.is_system or i >= last]
    n_tokens = sum(groups[i].n_tokens for i in must_stay)
    if n_tokens > budget:
        raise BudgetTooSmall(
            f"system messages and the last turns need {n_tokens} tokens of a budget of {budget}"
        )
    share = int(RECENT_SHARE * (budget - n_tokens))
    return newest_that_fit([group.n_tokens for group in groups], share, must_stay)


def _last_question(groups: Sequence[_Group]) -> str | None:
    for group in reversed(groups):
        for turn in reversed(group.turns):
            if turn.role == "user":
                return turn.text
    return None


def _recall(
    older: Sequence[_Group], query: str | None, budget: int, reader: str | Reader
) -> Message | None:
    """A message with the pages and turns of the older messages that say most about the query.

    If there is room, their newest text goes in too. None if nothing fits. Raises `FAILURES`.
    """
    opened_reader = open_reader(reader) if isinstance(reader, str) else reader
    with (
        tempfile.TemporaryDirectory(prefix="optical-") as folder,
        closing(SQLiteStore(Path(folder) / "memory.db")) as store,
    ):
        archive = Archive(store, "chat")
        _remember(archive, older, opened_reader.profile)
        page_reader = PageReader(TokenCache(archive, opened_reader, INT8))
        snapshot = archive.snapshot()
        recollections = page_reader.read(snapshot, _hits(snapshot, query, budget))
    context = assemble([], recollections, budget, query=query)
    return context.to_messages()[0] if context.parts else None


def _remember(archive: Archive, groups: Sequence[_Group], profile: ReaderProfile) -> None:
    """Remember the turns of these groups and seal their full pages.

    Turns lose their ids first: two messages with the same id are two messages, and both are kept.
    """
    turns: list[Turn] = []
    for group in groups:
        turns += [replace(turn, id=None) for turn in group.turns]
    archive.update(lambda snapshot: remember(snapshot, turns))
    renderer = PageRenderer(profile.grid)
    while archive.replace(lambda snapshot: seal(snapshot, renderer, profile, "pages", 0)):
        pass


def _hits(snapshot: Snapshot, query: str | None, budget: int) -> list[Hit]:
    """Pages and turns about the query, then the newest others with a score below every match."""
    matches = find(snapshot, query, CANDIDATES) if query else []
    match_ids = {hit.id for hit in matches}
    newest = [open_turn_id(record.id) for record in snapshot.open_turns()]
    newest += [record.id for record in newest_pages(snapshot, budget)]
    return matches + [Hit(id, 0.0) for id in newest if id not in match_ids]


def _joined(groups: Sequence[_Group], answer: Message | None) -> list[Message]:
    """The messages in order, with the answer after the system messages at the head."""
    n_head = len(list(takewhile(lambda group: group.is_system, groups)))
    messages: list[Message] = []
    for group in groups[:n_head]:
        messages += group.messages
    if answer is not None:
        messages.append(answer)
    for group in groups[n_head:]:
        messages += group.messages
    return messages


def _log_once(error: Exception) -> None:
    """A memory that fails fails at every call: the log tells once of each kind of error."""
    kind = type(error).__name__
    if kind not in _logged:
        _logged.add(kind)
        log.warning("no memory this time, messages are left as they are: %s: %s", kind, error)
