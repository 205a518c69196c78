"""Ids for the turns of a conversation from a file.

Turns of all conversations may end in the same session, so an id must name a turn among all of them.
The same file, loaded again or after it grew, must give the same ids, so that it adds nothing twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

from optical_memory.loaders.conversation import Conversation
from optical_memory.turns import Turn

__all__ = ["with_single_ids"]

_UNIQUE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{20,}",
    re.ASCII,
)
"""A UUID, or 20 letters and digits in a row, as programs draw them at random. Shorter ids may be
numbers of messages, times or names of people.
"""

_MAX_NAME = 40
"""Characters of a conversation's name in an id."""


def with_single_ids(conversation: Conversation) -> Conversation:
    """The conversation, each of whose turns has an id that no other conversation has.

    An id that was drawn at random is kept. Another id gets the conversation's name before it. A
    turn without an id, and turns that share an id, are named by the digest of their content and by
    how often the same content came before: two messages are two turns, and a message that was added
    or dropped elsewhere changes no other id.
    """
    namespace = _namespace(conversation)
    n_uses = Counter(turn.id for turn in conversation.turns)
    n_same: Counter[str] = Counter()
    for turn in conversation.turns:
        if turn.id is None or n_uses[turn.id] > 1:
            digest = _digest(turn)
            n_same[digest] += 1
            mark = f".{n_same[digest]}" if n_same[digest] > 1 else ""
            id = f"{namespace}/{digest}{mark}"
        else:
            id = turn.id if _is_unique(turn.id) else f"{namespace}/{turn.id}"
        # The loader made this turn a moment ago, and nobody else has it: a copy of each turn would
        # double the time of loading.
        object.__setattr__(turn, "id", id)
    return conversation


def _namespace(conversation: Conversation) -> str:
    """A conversation's name; files may share it, so the digest of the first turn is a part of it.

    A name that was drawn at random is enough.
    """
    if _is_unique(conversation.id):
        return conversation.id
    return f"{conversation.id[:_MAX_NAME]}-{_digest(conversation.turns[0])}"


def _is_unique(id: str) -> bool:
    return _UNIQUE.search(id) is not None


def _digest(turn: Turn) -> str:
    """48 bits of the content, in hexadecimal."""
    parts = [turn.role, turn.text, *_further_parts(turn)]
    data = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=6).hexdigest()


def _further_parts(turn: Turn) -> Sequence[str]:
    fields = (turn.name, turn.when, turn.tool_calls, turn.tool_call_id, turn.attachments)
    return [repr(field) for field in fields] if any(fields) else ()
