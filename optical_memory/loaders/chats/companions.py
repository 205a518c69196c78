"""Files that lie beside the conversations in an export and hold none: they are refused with the
file to take.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.files import read_json, stem

__all__ = [
    "companion",
    "is_companion",
]


class _Companion(NamedTuple):
    """A file by the keys that its first object has."""

    keys: frozenset[str]
    holds: str
    way_out: str


_COMPANIONS = (
    _Companion(
        frozenset(("email", "chatgpt_plus_user")),
        "the account of ChatGPT",
        "take conversations.json of the export",
    ),
    _Companion(
        frozenset(("conversation_id", "rating")),
        "ratings of answers of ChatGPT",
        "take conversations.json of the export",
    ),
    _Companion(
        frozenset(("conversation_id", "is_anonymous")),
        "a list of shared conversations of ChatGPT, without their words",
        "take conversations.json of the export",
    ),
    _Companion(
        frozenset(("uuid", "full_name", "email_address")),
        "the users of Claude.ai",
        "take conversations.json of the export",
    ),
    _Companion(
        frozenset(("uuid", "prompt_template", "docs")),
        "the projects of Claude.ai, with documents and no conversations",
        "take conversations.json of the export, and load documents as text",
    ),
    _Companion(
        frozenset(("conversations_memory", "account_uuid")),
        "the notes that Claude.ai keeps, and no conversations",
        "take conversations.json of the export",
    ),
    _Companion(
        frozenset(("team_id", "profile", "real_name")),
        "the users of Slack",
        "take a day of a channel, such as general/2025-01-31.json",
    ),
    _Companion(
        frozenset(("creator", "created", "members")),
        "the channels of Slack",
        "take a day of a channel, such as general/2025-01-31.json",
    ),
    _Companion(
        frozenset(("personal_information", "about")),
        "an account of Telegram without chats",
        "export it again with the chats chosen, and take result.json",
    ),
)


def is_companion(data: Any) -> bool:
    """True if the first object has the keys of such a file."""
    return _kind(data) is not None


def companion(source: Any) -> list[Conversation]:
    """Raises `InputError` that says what the file holds and which file to take."""
    kind = _kind(read_json(source))
    holds = kind.holds if kind else "no conversations"
    way_out = kind.way_out if kind else "take the file of the export that has conversations"
    raise InputError(f"{stem(source)}: it holds {holds}; {way_out}")


def _kind(data: Any) -> _Companion | None:
    first = data[0] if isinstance(data, list) and data else data
    if not isinstance(first, dict):
        return None
    return next((kind for kind in _COMPANIONS if first.keys() >= kind.keys), None)
