"""Anthropic: blocks of the Messages API."""

from __future__ import annotations

from collections.abc import Mapping

from optical_memory.loaders.messages.attachments import attachment, encrypted
from optical_memory.loaders.messages.calls import call, result
from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    PartReader,
    ReadContent,
    join,
)
from optical_memory.loaders.messages.words import exit_code, reasoning, source, texts_under

__all__ = [
    "PARTS",
]


def _redacted(part: Fields, content_of: ReadContent) -> Content:
    return encrypted(part.get("data"), "redacted thinking")


def _execution(part: Fields, content_of: ReadContent) -> Content:
    """The output of a program, its files, and its exit code if that is no success."""
    words = [content_of(part.get(key)) for key in ("stdout", "stderr", "content")]
    return join([*words, exit_code(part.get("return_code"))])


def _error(part: Fields, content_of: ReadContent) -> Content:
    words = [content_of(part.get(key)) for key in ("error_code", "error_message", "message")]
    return join(words)


PARTS: Mapping[str, PartReader] = {
    "thinking": reasoning,
    "redacted_thinking": _redacted,
    "document": attachment("file"),
    "container_upload": attachment("file"),
    "resource": attachment("file"),  # the Model Context Protocol, in results of tools
    "resource_link": attachment("file"),
    "search_result": source,
    "web_search_result": source,
    "web_fetch_result": source,
    "tool_reference": texts_under("tool_name"),
    "tool_use": call,
    "server_tool_use": call,
    "mcp_tool_use": call,
    "tool_result": result,
    "code_execution_result": _execution,
    "bash_code_execution_result": _execution,
    "code_execution_output": attachment("file"),
    "bash_code_execution_output": attachment("file"),
    "tool_result_error": _error,
    "web_search_tool_result_error": _error,
    "web_fetch_tool_result_error": _error,
    "code_execution_tool_result_error": _error,
    "bash_code_execution_tool_result_error": _error,
    "text_editor_code_execution_tool_result_error": _error,
}
"""Other blocks are calls and results by the end of their type: `…_tool_use`, `…_tool_result`."""
