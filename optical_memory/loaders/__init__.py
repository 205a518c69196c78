"""Conversations from the files that people have: a function for each format, and `load`, which
finds out the format.
"""

from optical_memory.loaders.chats.chatgpt import chatgpt
from optical_memory.loaders.chats.claude_ai import claude_ai
from optical_memory.loaders.chats.deepseek import deepseek
from optical_memory.loaders.chats.gemini_takeout import gemini_takeout
from optical_memory.loaders.chats.lm_studio import lm_studio
from optical_memory.loaders.chats.lobechat import lobechat
from optical_memory.loaders.chats.open_webui import open_webui
from optical_memory.loaders.chats.sillytavern import sillytavern
from optical_memory.loaders.conversation import Conversation, LeftOut, LoadedFile
from optical_memory.loaders.corpora.arenas import arena_chats
from optical_memory.loaders.corpora.evaluations import (
    beam,
    locomo,
    longmemeval,
    memorybank,
    taubench,
)
from optical_memory.loaders.corpora.message_rows import message_rows
from optical_memory.loaders.corpora.oasst import oasst
from optical_memory.loaders.corpora.prompts import prompts
from optical_memory.loaders.corpora.sharegpt import sharegpt
from optical_memory.loaders.detect import example, load, load_file
from optical_memory.loaders.documents.html_page import html_page
from optical_memory.loaders.documents.table import chat_table
from optical_memory.loaders.documents.takeout_page import takeout_page
from optical_memory.loaders.logs.aider import aider
from optical_memory.loaders.logs.headed import headed_chat
from optical_memory.loaders.logs.irc import irc_log
from optical_memory.loaders.logs.line_chat import line_chat
from optical_memory.loaders.logs.markdown import markdown_chat
from optical_memory.loaders.logs.subtitles import subtitles
from optical_memory.loaders.logs.text_log import text_log
from optical_memory.loaders.logs.whatsapp import whatsapp
from optical_memory.loaders.messages.lists import langchain_messages, openai_messages
from optical_memory.loaders.messages.turns import turn_of
from optical_memory.loaders.messengers.discord import discord
from optical_memory.loaders.messengers.discord_text import discord_text
from optical_memory.loaders.messengers.slack import slack
from optical_memory.loaders.messengers.telegram import telegram
from optical_memory.loaders.times import file_times, moment_or_none
from optical_memory.loaders.traces.api_logs import api_log
from optical_memory.loaders.traces.autogen import autogen
from optical_memory.loaders.traces.claude_code import claude_code
from optical_memory.loaders.traces.codex import codex
from optical_memory.loaders.traces.codex_exec import codex_exec
from optical_memory.loaders.traces.gemini_cli import gemini_checkpoint, gemini_cli, gemini_log
from optical_memory.loaders.traces.inspect_logs import inspect_log
from optical_memory.loaders.traces.langgraph import langgraph_state
from optical_memory.loaders.traces.langsmith import langsmith
from optical_memory.loaders.traces.specstory import specstory
from optical_memory.loaders.traces.swe_agent import mini_swe_agent, swe_agent

__all__ = [
    "Conversation",
    "LeftOut",
    "LoadedFile",
    "aider",
    "api_log",
    "arena_chats",
    "autogen",
    "beam",
    "chat_table",
    "chatgpt",
    "claude_ai",
    "claude_code",
    "codex",
    "codex_exec",
    "deepseek",
    "discord",
    "discord_text",
    "example",
    "file_times",
    "gemini_checkpoint",
    "gemini_cli",
    "gemini_log",
    "gemini_takeout",
    "headed_chat",
    "html_page",
    "inspect_log",
    "irc_log",
    "langchain_messages",
    "langgraph_state",
    "langsmith",
    "line_chat",
    "lm_studio",
    "load",
    "load_file",
    "lobechat",
    "locomo",
    "longmemeval",
    "markdown_chat",
    "memorybank",
    "message_rows",
    "mini_swe_agent",
    "moment_or_none",
    "oasst",
    "open_webui",
    "openai_messages",
    "prompts",
    "sharegpt",
    "sillytavern",
    "slack",
    "specstory",
    "subtitles",
    "swe_agent",
    "takeout_page",
    "taubench",
    "telegram",
    "text_log",
    "turn_of",
    "whatsapp",
]
