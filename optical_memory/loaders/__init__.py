"""Conversations from the files that people have: a function for each format, and `load`, which
finds out the format.
"""

from optical_memory.loaders.base import Conversation
from optical_memory.loaders.claude_code import claude_code
from optical_memory.loaders.datasets import beam, locomo, longmemeval, memorybank, taubench
from optical_memory.loaders.detect import example, load
from optical_memory.loaders.logs import text_log
from optical_memory.loaders.messages import langchain_messages, openai_messages, sharegpt, turn_of
from optical_memory.loaders.specstory import specstory

__all__ = [
    "Conversation",
    "beam",
    "claude_code",
    "example",
    "langchain_messages",
    "load",
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
