"""Chats among people: who speaks in which role, and the conversation of their posts.

Of two speakers the first is the user and the other the assistant, as in logs. Of more, all people
are users by name. A program among them is a tool by name: it gains nobody's authority.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import text_parts
from optical_memory.loaders.exports.reading import conversation_of, joined, read_message
from optical_memory.turns import Role, short_repr

__all__ = [
    "Post",
    "Speaker",
    "post_conversation",
    "roles_of",
]


@dataclass(frozen=True, slots=True)
class Speaker:
    """A person or a program. The id tells two of one name apart."""

    id: str
    name: str
    is_program: bool = False


@short_repr
@dataclass(frozen=True, slots=True)
class Post:
    """A message among people; `attachments` are parts of a message."""

    speaker: Speaker
    text: str
    time: datetime | None
    id: str | None
    place: str
    attachments: tuple[dict[str, Any], ...] = ()

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The content of a message."""
        return [*text_parts(self.text), *self.attachments]


def roles_of(speakers: Iterable[Speaker], owner: str | None = None) -> dict[Speaker, Role]:
    """The role of each speaker. `owner` is the id of the person whose export it is, if it says."""
    distinct = list(dict.fromkeys(speakers))
    people = [speaker for speaker in distinct if not speaker.is_program]
    if len(distinct) == 2 and people:
        user = next((speaker for speaker in people if speaker.id == owner), people[0])
        return {speaker: "user" if speaker == user else "assistant" for speaker in distinct}
    return {speaker: "tool" if speaker.is_program else "user" for speaker in distinct}


def post_conversation(
    id: str,
    posts: Sequence[Post],
    meta: Mapping[str, Any],
    left_out: Iterable[LeftOut] = (),
    owner: str | None = None,
) -> Conversation:
    """The conversation of the posts, in their order. It may have no turns."""
    roles = roles_of((post.speaker for post in posts if post.parts), owner)
    names = _names(roles)
    reading = joined(read_message(_message(post, roles, names), post.place) for post in posts)
    return conversation_of(id, reading, meta, left_out)


def _names(speakers: Iterable[Speaker]) -> dict[Speaker, str]:
    """Names that tell all speakers apart: two of one name have their ids behind it."""
    speakers = list(speakers)
    counts = Counter(speaker.name for speaker in speakers)
    return {
        speaker: speaker.name if counts[speaker.name] == 1 else f"{speaker.name} ({speaker.id})"
        for speaker in speakers
    }


def _message(
    post: Post, roles: Mapping[Speaker, Role], names: Mapping[Speaker, str]
) -> dict[str, Any]:
    return {
        "role": roles.get(post.speaker, "user"),
        "name": names.get(post.speaker) or None,
        "content": post.parts,
        "id": post.id,
        "created_at": post.time,
    }
