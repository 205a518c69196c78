"""The short way for most messages: a role and a text, and names and ids at most."""

from __future__ import annotations

from typing import Any, get_args

from optical_memory.turns import Role, Turn

__all__ = ["plain_turn"]

_KEYS = frozenset(("role", "content", "id", "name", "tool_call_id"))
_ROLES: dict[str, Role] = {role: role for role in get_args(Role)}


def plain_turn(message: Any) -> Turn | None:
    """The turn of a message that has only a role, a text, and names and ids; None for any other.

    >>> plain_turn({"role": "user", "content": "hello"}).text
    'hello'

    A large file has a hundred thousand of these, so nothing is done here that can be left out.
    """
    if type(message) is not dict or not _KEYS.issuperset(message):
        return None
    content = message.get("content")
    role = message.get("role")
    if type(content) is not str or type(role) is not str or role not in _ROLES:
        return None
    if not content or content.isspace() or ";base64," in content:
        return None
    if len(message) == 2:
        return Turn(_ROLES[role], content)
    fields = [message.get(key) for key in ("id", "name", "tool_call_id")]
    if not all(field is None or type(field) is str for field in fields):
        return None
    id, name, tool_call_id = fields
    return Turn(_ROLES[role], content, name=name, id=id, tool_call_id=tool_call_id)
