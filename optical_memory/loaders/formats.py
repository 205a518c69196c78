"""The formats that `load` knows, in the order in which it tries them.

A room's module has the loader and the test of its format; only this table names them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.corpora.evaluations import (
    beam,
    is_memorybank,
    locomo,
    longmemeval,
    memorybank,
    taubench,
)
from optical_memory.loaders.files import Document
from optical_memory.loaders.logs.aider import aider, is_aider
from optical_memory.loaders.logs.headed import headed_chat, is_headed_chat
from optical_memory.loaders.logs.irc import irc_log, is_irc_log
from optical_memory.loaders.logs.line_chat import is_line_chat, line_chat
from optical_memory.loaders.logs.markdown import is_markdown_chat, markdown_chat
from optical_memory.loaders.logs.subtitles import is_subtitles, subtitles
from optical_memory.loaders.logs.text_log import text_log
from optical_memory.loaders.logs.whatsapp import is_whatsapp, whatsapp
from optical_memory.loaders.messages.lists import langchain_messages, openai_messages, sharegpt
from optical_memory.loaders.traces.claude_code import claude_code, is_claude_code
from optical_memory.loaders.traces.specstory import is_specstory, specstory

__all__ = [
    "JSON_FORMATS",
    "TEXT_FORMATS",
    "Format",
    "format_of",
]


class Format(NamedTuple):
    """`matches` gets the data of a JSON file, or the text of another; `loader` the document."""

    name: str
    matches: Callable[[Any], bool]
    loader: Callable[[Document], list[Conversation]]


def format_of(document: Document) -> Format | None:
    """The first format that matches the document; None if none does."""
    if document.data is None:
        return _first(TEXT_FORMATS, document.text)
    return _first(JSON_FORMATS, document.data)


def _first(formats: Sequence[Format], content: Any) -> Format | None:
    return next((format for format in formats if format.matches(content)), None)


# ---- signs of formats ----------------------------------------------------------------------------


def _has(*keys: str) -> Callable[[Any], bool]:
    """The first object of the data has all of the keys."""
    return lambda data: _first_object(data).keys() >= set(keys)


def _has_any(*keys: str) -> Callable[[Any], bool]:
    """The first object of the data has one of the keys or more."""
    return lambda data: bool(_first_object(data).keys() & set(keys))


def _is_langchain(data: Any) -> bool:
    item = _first_object(data)
    return "type" in item and ("data" in item or "kwargs" in item)


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


# ---- the table -----------------------------------------------------------------------------------

# The more particular formats first: the keys of the last are common.
JSON_FORMATS = (
    Format("Claude Code transcript", is_claude_code, claude_code),
    Format("LongMemEval", _has("haystack_sessions"), longmemeval),
    Format(
        "LoCoMo", lambda data: isinstance(_first_object(data).get("conversation"), dict), locomo
    ),
    Format("tau-bench", _has("traj"), taubench),
    Format("MemoryBank", lambda data: is_memorybank(_first_object(data)), memorybank),
    Format("BEAM", _has("batch_number", "turns"), beam),
    Format("ShareGPT", _has_any("conversations", "items"), sharegpt),
    Format("LangChain messages", _is_langchain, langchain_messages),
    Format("OpenAI messages", _has_any("role", "messages"), openai_messages),
    Format("LangGraph messages", _has("type", "content"), openai_messages),
    Format("items of the Responses API", _has("type", "call_id"), openai_messages),
)

TEXT_FORMATS = (
    Format("SpecStory trace", is_specstory, specstory),
    Format("aider history", is_aider, aider),
    Format("subtitles", is_subtitles, subtitles),
    Format("LINE chat", is_line_chat, line_chat),
    Format("WhatsApp chat", is_whatsapp, whatsapp),
    Format("IRC log", is_irc_log, irc_log),
    Format("copied messages or transcript", is_headed_chat, headed_chat),
    Format("Markdown by an exporter", is_markdown_chat, markdown_chat),
    Format("text log", lambda text: True, text_log),
)
