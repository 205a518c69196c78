"""The texts, words and digests that conversations hold, found as far as they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from operator import attrgetter

from optical_memory.loaders.conversation import Conversation
from optical_memory.turns import Turn

__all__ = [
    "WORD",
    "Vocabulary",
]

WORD = re.compile(r"[^\W\d_]{4,}")

_DIGEST = re.compile(r"sha256[=:]([0-9a-f]{16})")
"""As references have it in place of a payload."""


class Vocabulary:
    """Texts and words of conversations. Both are found only if they are needed."""

    def __init__(self, conversations: Sequence[Conversation], more_texts: Sequence[str]) -> None:
        self._conversations = conversations
        self._more_texts = more_texts
        self._marks: set[str] = set()

    @cached_property
    def texts(self) -> set[str]:
        """All texts that are known, and those that have been looked at."""
        return self._known_texts()

    def identities(self) -> set[int]:
        """Of the texts of turns: most are the objects that stand in the data of the file too.

        To compare these takes a fraction of the time of comparing texts.
        """
        identities: set[int] = set()
        for conversation in self._conversations:
            identities.update(map(id, map(attrgetter("text"), conversation.turns)))
        return identities

    def _known_texts(self) -> set[str]:
        texts = set(self._more_texts)
        for conversation in self._conversations:
            texts.add(conversation.id)
            texts.update(conversation.meta.values())
            texts.update(_turn_texts(conversation.turns))
        return texts

    def roles(self) -> set[str]:
        roles: set[str] = set()
        for conversation in self._conversations:
            roles.update(map(attrgetter("role"), conversation.turns))
        return roles

    @cached_property
    def words(self) -> set[str]:
        """Needed only if a text of the file is not a text of a turn: it takes longer."""
        return set(chain.from_iterable(map(WORD.findall, self._known_texts())))

    @cached_property
    def digests(self) -> set[str]:
        """Of payloads that stand in a turn by reference."""
        return set(chain.from_iterable(map(_DIGEST.findall, self._known_texts())))

    def new_marks(self, words: Iterable[str]) -> list[str]:
        """The words of roles and times that come for the first time."""
        marks = [word for word in dict.fromkeys(words) if word not in self._marks]
        self._marks.update(marks)
        return marks


def _turn_texts(turns: Sequence[Turn]) -> Iterator[str]:
    for values in (
        {turn.text for turn in turns},
        {turn.role for turn in turns},
        {turn.id for turn in turns},
        {turn.name for turn in turns},
        {turn.tool_call_id for turn in turns},
    ):
        yield from filter(None, values)
    for turn in turns:
        if turn.tool_calls or turn.attachments:
            yield from filter(None, _part_texts(turn))


def _part_texts(turn: Turn) -> Iterator[str | None]:
    for call in turn.tool_calls:
        yield from (call.name, call.arguments, call.id)
    for attachment in turn.attachments:
        yield from (attachment.ref, attachment.caption)
