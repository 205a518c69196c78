"""Which format a file is in, by its content; the file's ending only says whether it is JSON or
text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.base import Conversation, read_json, read_text
from optical_memory.loaders.claude_code import claude_code, is_claude_code
from optical_memory.loaders.datasets import (
    beam,
    is_memorybank,
    locomo,
    longmemeval,
    memorybank,
    taubench,
)
from optical_memory.loaders.logs import text_log
from optical_memory.loaders.messages import langchain_messages, openai_messages, sharegpt
from optical_memory.loaders.specstory import is_specstory, specstory

__all__ = [
    "example",
    "load",
]


class _Format(NamedTuple):
    """A JSON format: how to tell it by the first object in a file, and its loader."""

    name: str
    matches: Callable[[dict[str, Any]], bool]
    loader: Callable[[Any], list[Conversation]]


def _has(*keys: str) -> Callable[[dict[str, Any]], bool]:
    return lambda item: all(key in item for key in keys)


def _has_any(*keys: str) -> Callable[[dict[str, Any]], bool]:
    return lambda item: any(key in item for key in keys)


# The more particular formats first: the keys of the last are common.
_FORMATS = (
    _Format("LongMemEval", _has("haystack_sessions"), longmemeval),
    _Format("LoCoMo", lambda item: isinstance(item.get("conversation"), dict), locomo),
    _Format("tau-bench", _has("traj"), taubench),
    _Format("MemoryBank", is_memorybank, memorybank),
    _Format("BEAM", _has("batch_number", "turns"), beam),
    _Format("ShareGPT", _has_any("conversations", "items"), sharegpt),
    _Format(
        "LangChain messages",
        lambda item: "type" in item and ("data" in item or "kwargs" in item),
        langchain_messages,
    ),
    _Format("OpenAI messages", _has_any("role", "messages"), openai_messages),
    _Format("LangGraph messages", _has("type", "content"), openai_messages),
    _Format("items of the Responses API", _has("type", "call_id"), openai_messages),
)


def load(path: str | Path) -> list[Conversation]:
    """The conversations in a file: JSON or JSON lines of a known format, a SpecStory trace, or a
    text log.

    Raises `InputError` for a file that cannot be read or is in none of the formats.
    """
    path = Path(path)
    if path.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        return _load_json(path)
    loader = specstory if is_specstory(read_text(path)) else text_log
    return loader(path)


def example() -> Conversation:
    """The long conversation that comes with the package: an assistant and a user over seven
    weeks.
    """
    return load(Path(__file__).parents[1] / "examples" / "conversation.json")[0]


def _load_json(path: Path) -> list[Conversation]:
    data = read_json(path)
    if is_claude_code(data):
        return claude_code(path)
    item = _first_object(data)
    for json_format in _FORMATS:
        if json_format.matches(item):
            return json_format.loader(path)
    names = ", ".join(json_format.name for json_format in _FORMATS)
    raise InputError(
        f"{path.name}: in none of the known formats ({names}); its first item has {sorted(item)}"
    )


def _first_object(data: Any) -> dict[str, Any]:
    """The first object in the data, however deep in lists; `{}` if there is none.

    Of an object with LangChain's messages under `messages` it is the first message: only that tells
    them from OpenAI's.
    """
    item = data
    while isinstance(item, list) and item:
        item = item[0]
    if not isinstance(item, dict):
        return {}
    messages = item.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if isinstance(first, dict) and "type" in first and "role" not in first:
        return first
    return item
