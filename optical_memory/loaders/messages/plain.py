"""The short way for most messages: a role and a text, and names and ids at most."""

from __future__ import annotations

from typing import Any, get_args

from optical_memory.turns import Role, Turn

__all__ = ["plain_turn"]

_KEYS = frozenset(("role", "content", "id", "name", "tool_call_id"))
_ONLY_TEXT = {str}
_ROLES: dict[str, Role] = {role: role for role in get_args(Role)}


def plain_turn(message: Any) -> Turn | None:
    """The turn of a message that has only a role, a text, and names and ids; None for any other.

    >>> plain_turn({"role": "user", "content": "hello"}).text
    'hello'

    A large file has a hundred thousand of these, so nothing is done here that can be left out.
    """
    if type(message) is not dict or not message.keys() <= _KEYS:
        return None
    if {*map(type, message.values())} != _ONLY_TEXT:
        return None
    role = _ROLES.get(message.get("role", ""))
    content = message.get("content", "")
    if role is None or not content or content.isspace() or ";base64," in content:
        return None
    if len(message) == 2:
        return Turn(role, content)
    return Turn(
        role,
        content,
        name=message.get("name"),
        id=message.get("id"),
        tool_call_id=message.get("tool_call_id"),
    )
