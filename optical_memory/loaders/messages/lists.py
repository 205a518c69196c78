"""Lists of messages in any form, alone or in an object: a request, a row of a data set, a state."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, conversation
from optical_memory.loaders.files import excerpt, get, read_json, stem
from optical_memory.loaders.messages.content import first_id
from optical_memory.loaders.messages.envelopes import messages_of
from optical_memory.loaders.messages.parts import read_content
from optical_memory.loaders.messages.rows import list_items, read_rows
from optical_memory.loaders.messages.turns import transcript_of
from optical_memory.turns import Turn, short_repr

__all__ = [
    "is_message_list",
    "langchain_messages",
    "openai_messages",
]

_N_FIRST = 8
"""Values that tell if a list is one of messages; a list may begin with something else."""

_LIST_KEYS = ("messages", "contents", "input")
"""Keys of lists of messages: most hosts, Gemini's requests, requests of the Responses API."""

_SYSTEM_KEYS = (
    "system",
    "systemInstruction",
    "system_instruction",
    "instructions",
    "system_prompt",
)
"""Keys of the instructions beside a list: Anthropic and Bedrock, Gemini, Responses, ShareGPT."""


def openai_messages(source: Any) -> list[Conversation]:
    """A list of messages, `{"messages": [...]}`, or a list of either (as in fine-tuning JSON
    lines). The messages may have any form that is known.

    Of several conversations, one without messages is left out with its reason. Raises `InputError`
    with the place for anything else.
    """
    data = read_json(source)
    name = stem(source)
    key = _list_key(data) or "messages"
    return read_rows(_items(data, key, name), partial(_conversations, key), name)


def langchain_messages(source: Any) -> list[Conversation]:
    """Messages as `messages_to_dict` or `dumpd` of langchain-core write them, in the same shapes as
    OpenAI's. Raises `InputError` with the place for anything else.
    """
    return openai_messages(source)


def _list_key(data: Any) -> str | None:
    """The key under which the first objects of the data have a list of messages; None without."""
    for item in data[:_N_FIRST] if isinstance(data, list) else [data]:
        for key in _LIST_KEYS:
            if isinstance(item, Mapping) and isinstance(item.get(key), list):
                return key
    return None


def is_message_list(data: Any) -> bool:
    """True if one of the first values of a list, or of the list in an object, is a message."""
    values = data[:_N_FIRST] if isinstance(data, list) else [data]
    key = _list_key(data)
    if key is not None:
        lists = [item[key] for item in values if isinstance(item, Mapping) and item.get(key)]
        return any(map(is_message_list, lists))
    return any(map(_can_be_read, values))


def _can_be_read(value: Any) -> bool:
    try:
        return bool(messages_of(value, ""))
    except (InputError, RecursionError):
        return False


@short_repr
class _MessageList(NamedTuple):
    """The messages of one conversation, and the other keys of the object around them."""

    messages: list[Any]
    meta: dict[str, Any]


def _conversations(key: str, place: str, item: Any) -> list[Conversation]:
    part = _message_list(item, key, place)
    transcript = transcript_of(part.messages, f"{place}.{key}")
    id = first_id(part.meta, ("id", "conversation_id")) or place
    texts = {turn.text for turn in transcript.turns if turn.role == "system"}
    new_turns = [turn for turn in _system_turns(part.meta) if turn.text not in texts]
    turns = [*new_turns, *transcript.turns] if transcript.turns else []
    meta = {field: value for field, value in part.meta.items() if field not in _SYSTEM_KEYS}
    return [conversation(id, turns, meta, transcript.left_out)]


def _system_turns(meta: Mapping[str, Any]) -> list[Turn]:
    """The instructions that stand beside the messages, as turns."""
    turns: list[Turn] = []
    for key in _SYSTEM_KEYS:
        content = read_content(meta.get(key))
        if content.text or content.attachments:
            turns.append(Turn("system", content.text, attachments=content.attachments))
    return turns


def _items(data: Any, key: str, name: str) -> list[tuple[str, Any]]:
    """The conversations in the data, each with its place: objects with the list under `key`, or
    lists. Data that is a list of messages, or an object, is a conversation itself.
    """
    if isinstance(data, dict):
        return [(name, data)]
    if not isinstance(data, list) or not data:
        raise InputError(f"{name}: expected a list of messages, found {excerpt(data)}")
    if not any(_is_list(item, key) for item in data[:_N_FIRST]):
        return [(name, data)]
    return list_items(data, name)


def _message_list(item: Any, key: str, place: str) -> _MessageList:
    """The messages of an item. Raises `InputError` if it has no list of them."""
    if isinstance(item, list):
        return _MessageList(item, {})
    if isinstance(item, dict) and key not in item and _is_message(item):
        return _MessageList([item], {})
    messages = get(item, key, list, place)
    return _MessageList(messages, {field: item[field] for field in item if field != key})


def _is_list(item: Any, key: str) -> bool:
    """True for a list of messages, or an object with one; a pair of texts is a message."""
    if isinstance(item, list):
        return not (len(item) == 2 and all(isinstance(value, str) for value in item))
    return isinstance(item, dict) and key in item


def _is_message(data: Mapping[str, Any]) -> bool:
    """True for a message alone, or a whole response of a host."""
    return any(key in data for key in ("role", "choices", "candidates", "output"))
