"""Lists of messages: OpenAI style, LangChain's two serialised forms, and ShareGPT exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, conversation
from optical_memory.loaders.files import get, read_json, stem
from optical_memory.loaders.messages.forms import as_openai, from_langchain, from_sharegpt
from optical_memory.loaders.messages.plain import plain_turn
from optical_memory.loaders.messages.turns import openai_turns
from optical_memory.turns import Turn

__all__ = [
    "langchain_messages",
    "openai_messages",
    "sharegpt",
]


def openai_messages(source: Any) -> list[Conversation]:
    """A list of messages, `{"messages": [...]}`, or a list of either (as in fine-tuning JSON
    lines).

    Raises `InputError` with the place for anything else.
    """
    return _conversations(read_json(source), "messages", stem(source), as_openai)


def langchain_messages(source: Any) -> list[Conversation]:
    """Messages as `messages_to_dict` or `dumpd` of langchain-core write them, in the same shapes as
    OpenAI's. Raises `InputError` with the place for anything else.
    """
    return _conversations(read_json(source), "messages", stem(source), from_langchain)


def sharegpt(source: Any) -> list[Conversation]:
    """`{"conversations": [{"from": "human", "value": ...}]}` or a list of them; `items` in old
    exports. Raises `InputError` with the place for anything else.
    """
    data = read_json(source)
    first = data[0] if isinstance(data, list) and data else data
    key = "items" if isinstance(first, dict) and "items" in first else "conversations"
    return _conversations(data, key, stem(source), from_sharegpt)


class _MessageList(NamedTuple):
    """The messages of one conversation, and the other keys of the object around them."""

    name: str
    messages: list[Any]
    meta: dict[str, Any]


def _conversations(
    data: Any, key: str, name: str, to_openai: Callable[[Any, str], Any]
) -> list[Conversation]:
    conversations = []
    for part in _message_lists(data, key, name):
        place = f"{part.name}.{key}"
        id = str(part.meta.get("id") or part.name)
        turns = _turns(part.messages, place, to_openai)
        conversations.append(conversation(id, turns, part.meta))
    return conversations


def _turns(messages: list[Any], place: str, to_openai: Callable[[Any, str], Any]) -> list[Turn]:
    turns: list[Turn] = []
    for n, message in enumerate(messages):
        turn = plain_turn(message)
        if turn is None:
            turns += openai_turns(to_openai(message, f"{place}[{n}]"), f"{place}[{n}]")
        else:
            turns.append(turn)
    return turns


def _message_lists(data: Any, key: str, name: str) -> list[_MessageList]:
    """Every list of messages in the data: an object with the list under `key`, a list of such
    objects or of lists, or a list of messages.
    """
    if isinstance(data, dict):
        meta = {field: value for field, value in data.items() if field != key}
        return [_MessageList(name, get(data, key, list, name), meta)]
    if not isinstance(data, list) or not data:
        raise InputError(
            f"{name}: expected a list of messages, found {type(data).__name__} {str(data)[:40]!r}"
        )
    first = data[0]
    if not (isinstance(first, list) or (isinstance(first, dict) and key in first)):
        return [_MessageList(name, data, {})]
    lists: list[_MessageList] = []
    for n, item in enumerate(data):
        place = f"{name}[{n}]"
        if isinstance(item, list):
            lists.append(_MessageList(place, item, {}))
        else:
            lists += _message_lists(item, key, place)
    return lists
