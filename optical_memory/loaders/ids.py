"""Ids for the turns of a conversation from a file.

Turns of all conversations may end in the same session, so an id must name a turn among all of them.
The same file, loaded again or after it grew, must give the same ids, so that it adds nothing twice.
"""

from __future__ import annotations

import re
from collections import Counter
from operator import attrgetter
from zlib import adler32, crc32

from optical_memory.loaders.conversation import Conversation
from optical_memory.turns import Role, Turn

__all__ = ["with_single_ids"]

_UNIQUE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{20,}",
    re.ASCII,
)
"""A UUID, or 20 letters and digits in a row, as programs draw them at random. Shorter ids may be
numbers of messages, times or names of people.
"""

_SEEDS: dict[Role, int] = {"system": 0, "user": 1, "assistant": 2, "tool": 3}
_ID = attrgetter("id")
_set = object.__setattr__

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
    uses = Counter(map(_ID, conversation.turns))
    n_same: dict[str, int] = {}
    for turn in conversation.turns:
        id = turn.id
        if id is None or uses[id] > 1:
            id = f"{namespace}/{_digest(turn)}"
            n = n_same.get(id, 0) + 1
            n_same[id] = n
            if n > 1:
                id = f"{id}.{n}"
        elif not _is_unique(id):
            id = f"{namespace}/{id}"
        # The loader made this turn a moment ago, and nobody else has it. Copies of all turns would
        # take time.
        _set(turn, "id", id)
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
    """64 bits of the content, in hexadecimal.

    Checksums, because a cryptographic hash of each turn takes longer. Two turns of a conversation
    may share it: they are counted, as two turns of the same words are.
    """
    text = turn.text
    if turn.tool_calls or turn.attachments or turn.when or turn.name or turn.tool_call_id:
        fields = (turn.name, turn.when, turn.tool_calls, turn.tool_call_id, turn.attachments)
        text = f"{text}\x1f{fields!r}"
    data = text.encode("utf-8", "surrogatepass")
    return f"{crc32(data, _SEEDS[turn.role]):08x}{adler32(data):08x}"
