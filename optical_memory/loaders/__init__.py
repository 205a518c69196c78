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
from optical_memory.loaders.logs.text_log import text_log
from optical_memory.loaders.messages.lists import langchain_messages, openai_messages, sharegpt
from optical_memory.loaders.messages.turns import turn_of
from optical_memory.loaders.traces.claude_code import claude_code
from optical_memory.loaders.traces.specstory import specstory

__all__ = [
    "Conversation",
    "LeftOut",
    "LoadedFile",
    "beam",
    "claude_code",
    "example",
    "langchain_messages",
    "load",
    "load_file",
    "locomo",
    "longmemeval",
    "memorybank",
    "openai_messages",
    "sharegpt",
    "specstory",
    "taubench",
    "text_log",
    "turn_of",
]
