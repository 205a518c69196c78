"""Conversations from the files that people have: a function for each format, and `load`, which
finds out the format.
"""

from optical_memory.loaders.conversation import Conversation, LeftOut, LoadedFile
from optical_memory.loaders.corpora.evaluations import (
    beam,
    locomo,
    longmemeval,
    memorybank,
    taubench,
)
from optical_memory.loaders.detect import example, load, load_file
from optical_memory.loaders.logs.aider import aider
from optical_memory.loaders.logs.headed import headed_chat
from optical_memory.loaders.logs.irc import irc_log
from optical_memory.loaders.logs.line_chat import line_chat
from optical_memory.loaders.logs.markdown import markdown_chat
from optical_memory.loaders.logs.subtitles import subtitles
from optical_memory.loaders.logs.text_log import text_log
from optical_memory.loaders.logs.whatsapp import whatsapp
from optical_memory.loaders.messages.lists import langchain_messages, openai_messages, sharegpt
from optical_memory.loaders.messages.turns import turn_of
from optical_memory.loaders.times import file_times, moment_or_none
from optical_memory.loaders.traces.claude_code import claude_code
from optical_memory.loaders.traces.specstory import specstory

__all__ = [
    "Conversation",
    "LeftOut",
    "LoadedFile",
    "aider",
    "beam",
    "claude_code",
    "example",
    "file_times",
    "headed_chat",
    "irc_log",
    "langchain_messages",
    "line_chat",
    "load",
    "load_file",
    "locomo",
    "longmemeval",
    "markdown_chat",
    "memorybank",
    "moment_or_none",
    "openai_messages",
    "sharegpt",
    "specstory",
    "subtitles",
    "taubench",
    "text_log",
    "turn_of",
    "whatsapp",
]
