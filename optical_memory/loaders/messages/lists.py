"""Lists of messages in any form, alone or in an object: a request, a row of a data set, a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut, conversation
from optical_memory.loaders.files import excerpt, get, read_json, stem
from optical_memory.loaders.messages.content import first_id, has_words
from optical_memory.loaders.messages.envelopes import messages_of
from optical_memory.loaders.messages.parts import read_content
from optical_memory.loaders.messages.turns import Transcript, transcript_of
from optical_memory.turns import Turn

__all__ = [
    "is_message_list",
    "langchain_messages",
    "message_list_key",
    "openai_messages",
    "sharegpt",
]

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

EMPTY = "the conversation has no messages"
"""Why a conversation of several is left out."""


def openai_messages(source: Any) -> list[Conversation]:
    """A list of messages, `{"messages": [...]}`, or a list of either (as in fine-tuning JSON
    lines). The messages may have any form that is known.

    Raises `InputError` with the place for anything else.
    """
    data = read_json(source)
    return _conversations(data, message_list_key(data) or "messages", stem(source))


def langchain_messages(source: Any) -> list[Conversation]:
    """Messages as `messages_to_dict` or `dumpd` of langchain-core write them, in the same shapes as
    OpenAI's. Raises `InputError` with the place for anything else.
    """
    return openai_messages(source)


def sharegpt(source: Any) -> list[Conversation]:
    """`{"conversations": [{"from": "human", "value": ...}]}` or a list of them; `items` in old
    exports. Raises `InputError` with the place for anything else.
    """
    data = read_json(source)
    first = data[0] if isinstance(data, list) and data else data
    key = "items" if isinstance(first, dict) and "items" in first else "conversations"
    return _conversations(data, key, stem(source))


def message_list_key(data: Any) -> str | None:
    """The key under which the first object of the data has a list of messages; None without."""
    first = data[0] if isinstance(data, list) and data else data
    if not isinstance(first, Mapping):
        return None
    for key in _LIST_KEYS:
        if isinstance(first.get(key), list):
            return key
    return None


def is_message_list(data: Any) -> bool:
    """True if one of the first values of a list, or of the list in an object, is a message."""
    key = message_list_key(data)
    first = data[0] if isinstance(data, list) and data else data
    if key is not None:
        return is_message_list(first[key])
    values = data if isinstance(data, list) else [data]
    return any(map(_can_be_read, values[:_N_FIRST]))


_N_FIRST = 8
"""Values that tell if a list is one of messages; a list may begin with something else."""


def _can_be_read(value: Any) -> bool:
    try:
        return bool(messages_of(value, ""))
    except (InputError, RecursionError):
        return False


class _MessageList(NamedTuple):
    """The messages of one conversation, and the other keys of the object around them."""

    name: str
    messages: list[Any]
    meta: dict[str, Any]


def _conversations(data: Any, key: str, name: str) -> list[Conversation]:
    """The conversations in the data. Those without messages are told of in the first."""
    conversations: list[Conversation] = []
    empty: list[LeftOut] = []
    lists = _message_lists(data, key, name)
    for part in lists:
        system = _system_turns(part.meta)
        transcript = transcript_of(part.messages, f"{part.name}.{key}")
        if not transcript.turns and len(lists) > 1:
            empty.append(LeftOut(part.name, EMPTY, ""))
            continue
        conversations.append(_conversation(part, system, transcript))
    if not conversations:
        raise InputError(f"{name}: no turns in it; expected at least one message")
    first = conversations[0]
    first = replace(first, left_out=(*first.left_out, *empty))
    return [first, *conversations[1:]]


def _conversation(part: _MessageList, system: list[Turn], transcript: Transcript) -> Conversation:
    id = first_id(part.meta, ("id", "conversation_id")) or part.name
    texts = {turn.text for turn in transcript.turns if turn.role == "system"}
    new_turns = [turn for turn in system if turn.text not in texts]
    turns = [*new_turns, *transcript.turns] if transcript.turns else []
    meta = {field: value for field, value in part.meta.items() if field not in _SYSTEM_KEYS}
    return conversation(id, turns, meta, transcript.left_out)


def _system_turns(meta: Mapping[str, Any]) -> list[Turn]:
    """The instructions that stand beside the messages, as turns."""
    turns: list[Turn] = []
    for key in _SYSTEM_KEYS:
        content = read_content(meta.get(key)) if has_words(meta.get(key)) else None
        if content:
            turns.append(Turn("system", content.text, attachments=content.attachments))
    return turns


def _message_lists(data: Any, key: str, name: str) -> list[_MessageList]:
    """Every list of messages in the data: an object with the list under `key`, a list of such
    objects or of lists, or a list of messages.
    """
    if isinstance(data, dict):
        if key not in data and _is_message(data):
            return [_MessageList(name, [data], {})]
        meta = {field: value for field, value in data.items() if field != key}
        return [_MessageList(name, get(data, key, list, name), meta)]
    if not isinstance(data, list) or not data:
        raise InputError(f"{name}: expected a list of messages, found {excerpt(data)}")
    if not _is_list(data[0], key):
        return [_MessageList(name, data, {})]
    lists: list[_MessageList] = []
    for n, item in enumerate(data):
        lists += _item_lists(item, key, f"{name}[{n}]")
    return lists


def _item_lists(item: Any, key: str, place: str) -> list[_MessageList]:
    if isinstance(item, list):
        return [_MessageList(place, item, {})]
    return _message_lists(item, key, place)


def _is_list(item: Any, key: str) -> bool:
    """True for a list of messages, or an object with one; a pair of texts is a message."""
    if isinstance(item, list):
        return not (len(item) == 2 and all(isinstance(value, str) for value in item))
    return isinstance(item, dict) and key in item


def _is_message(data: Mapping[str, Any]) -> bool:
    """True for a message alone, or a whole response of a host."""
    return any(key in data for key in ("role", "choices", "candidates", "output"))
