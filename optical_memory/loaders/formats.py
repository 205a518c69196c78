"""The formats that `load` knows, in the order in which it tries them.

A room's module has the loader and the test of its format; only this table names them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from optical_memory.loaders.chats.chatgpt import chatgpt, is_chatgpt
from optical_memory.loaders.chats.claude_ai import claude_ai, is_claude_ai
from optical_memory.loaders.chats.companions import companion, is_companion
from optical_memory.loaders.chats.deepseek import deepseek, is_deepseek
from optical_memory.loaders.chats.gemini_takeout import gemini_takeout, is_gemini_takeout
from optical_memory.loaders.chats.lm_studio import is_lm_studio, lm_studio
from optical_memory.loaders.chats.lobechat import is_lobechat, lobechat
from optical_memory.loaders.chats.open_webui import is_open_webui, open_webui
from optical_memory.loaders.chats.sillytavern import is_sillytavern, sillytavern
from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.corpora.arenas import arena_chats, is_arena_chats
from optical_memory.loaders.corpora.evaluations import (
    beam,
    is_memorybank,
    locomo,
    longmemeval,
    memorybank,
    taubench,
)
from optical_memory.loaders.corpora.message_rows import is_message_rows, message_rows
from optical_memory.loaders.corpora.oasst import is_oasst, oasst
from optical_memory.loaders.corpora.prompts import is_prompts, prompts
from optical_memory.loaders.corpora.sharegpt import is_sharegpt, sharegpt
from optical_memory.loaders.documents.html_page import html_page, is_html_page
from optical_memory.loaders.documents.table import (
    chat_table,
    is_chat_table,
    is_unclear_table,
    unclear_table,
)
from optical_memory.loaders.documents.takeout_page import is_takeout_page, takeout_page
from optical_memory.loaders.files import Document
from optical_memory.loaders.logs.aider import aider, is_aider
from optical_memory.loaders.logs.headed import headed_chat, is_headed_chat
from optical_memory.loaders.logs.irc import irc_log, is_irc_log
from optical_memory.loaders.logs.line_chat import is_line_chat, line_chat
from optical_memory.loaders.logs.markdown import is_markdown_chat, markdown_chat
from optical_memory.loaders.logs.subtitles import is_subtitles, subtitles
from optical_memory.loaders.logs.text_log import text_log
from optical_memory.loaders.logs.whatsapp import is_whatsapp, whatsapp
from optical_memory.loaders.messages.lists import (
    is_message_list,
    langchain_messages,
    openai_messages,
)
from optical_memory.loaders.messengers.discord import discord, is_discord
from optical_memory.loaders.messengers.discord_text import discord_text, is_discord_text
from optical_memory.loaders.messengers.slack import is_slack, slack
from optical_memory.loaders.messengers.telegram import is_telegram, telegram
from optical_memory.loaders.traces.api_logs import api_log, is_api_log
from optical_memory.loaders.traces.autogen import autogen, is_autogen
from optical_memory.loaders.traces.claude_code import claude_code, is_claude_code
from optical_memory.loaders.traces.codex import codex, is_codex
from optical_memory.loaders.traces.codex_exec import codex_exec, is_codex_exec
from optical_memory.loaders.traces.gemini_cli import (
    gemini_checkpoint,
    gemini_cli,
    gemini_log,
    is_gemini_checkpoint,
    is_gemini_cli,
    is_gemini_log,
)
from optical_memory.loaders.traces.inspect_logs import inspect_log, is_inspect_log
from optical_memory.loaders.traces.langgraph import is_langgraph_state, langgraph_state
from optical_memory.loaders.traces.langsmith import is_langsmith, langsmith
from optical_memory.loaders.traces.specstory import is_specstory, specstory
from optical_memory.loaders.traces.swe_agent import (
    is_mini_swe_agent,
    is_swe_agent,
    mini_swe_agent,
    swe_agent,
)

__all__ = [
    "JSON_FORMATS",
    "TEXT_FORMATS",
    "Format",
    "format_of",
]


class Format(NamedTuple):
    """`matches` gets the data of a JSON file, or the text of another; `loader` the document.

    `has_evidence`: the evidence of an evaluation refers to the ids of its turns, which stay as they
    are.
    """

    name: str
    matches: Callable[[Any], bool]
    loader: Callable[[Document], list[Conversation]]
    has_evidence: bool = False


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


def _is_locomo(data: Any) -> bool:
    return isinstance(_first_object(data).get("conversation"), dict)


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
    Format("DeepSeek export", is_deepseek, deepseek),
    Format("ChatGPT export", is_chatgpt, chatgpt),
    Format("Claude.ai export", is_claude_ai, claude_ai),
    Format("Gemini in Google Takeout", is_gemini_takeout, gemini_takeout),
    Format("Open WebUI export", is_open_webui, open_webui),
    Format("LM Studio conversation", is_lm_studio, lm_studio),
    Format("LobeChat export", is_lobechat, lobechat),
    Format("Slack export", is_slack, slack),
    Format("Discord export", is_discord, discord),
    Format("Telegram export", is_telegram, telegram),
    Format("SillyTavern chat", is_sillytavern, sillytavern),
    Format("file beside an export's conversations", is_companion, companion),
    Format("Codex CLI session", is_codex, codex),
    Format("output of codex exec", is_codex_exec, codex_exec),
    Format("Gemini CLI session", is_gemini_cli, gemini_cli),
    Format("Gemini CLI checkpoint", is_gemini_checkpoint, gemini_checkpoint),
    Format("Gemini CLI prompts", is_gemini_log, gemini_log),
    Format("LangSmith runs", is_langsmith, langsmith),
    Format("LangGraph state", is_langgraph_state, langgraph_state),
    Format("inspect-ai log", is_inspect_log, inspect_log),
    Format("SWE-agent run", is_swe_agent, swe_agent),
    Format("mini-SWE-agent run", is_mini_swe_agent, mini_swe_agent),
    Format("AutoGen messages", is_autogen, autogen),
    Format("LongMemEval", _has("haystack_sessions"), longmemeval, True),
    Format("LoCoMo", _is_locomo, locomo, True),
    Format("tau-bench", _has("traj"), taubench),
    Format("MemoryBank", lambda data: is_memorybank(_first_object(data)), memorybank, True),
    Format("BEAM", _has("batch_number", "turns"), beam, True),
    Format("ShareGPT", is_sharegpt, sharegpt),
    Format("WildChat, LMSYS or UltraChat rows", is_arena_chats, arena_chats),
    Format("OpenAssistant trees", is_oasst, oasst),
    Format("API requests and responses", is_api_log, api_log),
    Format("prompts and answers", is_prompts, prompts),
    Format("rows of messages", is_message_rows, message_rows),
    Format("LangChain messages", _is_langchain, langchain_messages),
    Format("OpenAI messages", _has_any("role", "messages"), openai_messages),
    Format("LangGraph messages", _has("type", "content"), openai_messages),
    Format("items of the Responses API", _has("type", "call_id"), openai_messages),
    Format("messages of a host or a framework", is_message_list, openai_messages),
)

TEXT_FORMATS = (
    Format("SpecStory trace", is_specstory, specstory),
    Format("Gemini in Google Takeout", is_takeout_page, takeout_page),
    Format("web page", is_html_page, html_page),
    Format("Discord export", is_discord_text, discord_text),
    Format("table", is_chat_table, chat_table),
    Format("aider history", is_aider, aider),
    Format("subtitles", is_subtitles, subtitles),
    Format("LINE chat", is_line_chat, line_chat),
    Format("WhatsApp chat", is_whatsapp, whatsapp),
    Format("IRC log", is_irc_log, irc_log),
    Format("copied messages or transcript", is_headed_chat, headed_chat),
    Format("Markdown by an exporter", is_markdown_chat, markdown_chat),
    Format("table of unknown columns", is_unclear_table, unclear_table),
    Format("text log", lambda text: True, text_log),
)
