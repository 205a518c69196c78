"""OpenAI: parts of chat messages, and parts and items of the Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optical_memory.loaders.messages.attachments import attachment, encrypted
from optical_memory.loaders.messages.calls import call, call_with_result, result
from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    PartReader,
    ReadContent,
    first_text,
    join,
    json_text,
)
from optical_memory.loaders.messages.words import exit_code, nothing, reasoning, texts_under
from optical_memory.loaders.payloads import without_payloads

__all__ = [
    "PARTS",
    "is_item",
    "unwrap",
]


def _image_generation(part: Fields, content_of: ReadContent) -> Content:
    """A picture that the model made, with the words that it was made by."""
    return attachment("image")({**part, "id": None}, content_of)


def _audio(part: Fields, content_of: ReadContent) -> Content:
    """Sound, with what is said in it."""
    sound = attachment("audio")(part, content_of)
    inner = part.get("input_audio")
    fields = {**part, **inner} if isinstance(inner, Mapping) else part
    return join([sound, content_of(fields.get("transcript"))])


def _compaction(part: Fields, content_of: ReadContent) -> Content:
    """A summary of older items; OpenAI's is encrypted, Anthropic's is text."""
    secret = encrypted(part.get("encrypted_content"), "compaction")
    return join([content_of(part.get("content")), secret])


def _approval(part: Fields, content_of: ReadContent) -> Content:
    """A person's answer to a request of a tool, as the result of that request."""
    answer = "approved" if part.get("approve") else "denied"
    call_id = part.get("approval_request_id")
    return result({"call_id": call_id, "output": answer, "content": part.get("reason")}, content_of)


def _tool_list(part: Fields, content_of: ReadContent) -> Content:
    """The tools of a server, as the result of asking it for them."""
    name = part.get("server_label")
    outcome = {"id": part.get("id"), "name": name, "output": _tools_text(part.get("tools"))}
    return result({**outcome, "error": part.get("error")}, content_of)


def _tools_text(tools: Any) -> str:
    """Tools as text, a line for each: its name and what it is for."""
    if not isinstance(tools, list):
        return json_text(tools) if tools else ""
    lines = []
    for tool in tools:
        fields = tool if isinstance(tool, Mapping) else {"name": tool}
        words = [first_text(fields, (key,)) for key in ("name", "description")]
        lines.append(": ".join(without_payloads(word) for word in words if word))
    return "\n".join(lines)


def _logs(part: Fields, content_of: ReadContent) -> Content:
    """A piece of a program's output, with how it ended if that was no success."""
    outcome = part.get("outcome")
    code = outcome.get("exit_code") if isinstance(outcome, Mapping) else None
    words = [content_of(part.get(key)) for key in ("logs", "stdout", "stderr")]
    return join([*words, exit_code(code)])


PARTS: Mapping[str, PartReader] = {
    "text": texts_under("text", "value", "content"),
    "input_text": texts_under("text"),
    "output_text": texts_under("text"),
    "summary_text": texts_under("text"),
    "reasoning_text": texts_under("text"),
    "refusal": texts_under("refusal"),
    "message": texts_under("content"),
    "reasoning": reasoning,
    "compaction": _compaction,
    "image_url": attachment("image"),
    "input_image": attachment("image"),
    "image": attachment("image"),
    "image_file": attachment("image"),
    "computer_screenshot": attachment("image"),
    "image_generation_call": _image_generation,
    "input_audio": _audio,
    "output_audio": _audio,
    "audio": _audio,
    "audio_url": attachment("audio"),
    "video": attachment("video"),
    "video_url": attachment("video"),
    "input_video": attachment("video"),
    "file": attachment("file"),
    "file_url": attachment("file"),
    "input_file": attachment("file"),
    "function_call": call,
    "function": call,
    "custom": call,
    "custom_tool_call": call,
    "web_search_call": call_with_result,
    "file_search_call": call_with_result,
    "code_interpreter_call": call_with_result,
    "mcp_call": call_with_result,
    "mcp_approval_request": call,
    "mcp_approval_response": _approval,
    "mcp_list_tools": _tool_list,
    "logs": _logs,
    "item_reference": nothing,
}
"""Other items, such as `local_shell_call`, are calls and results by the end of their type."""


_ITEM_ENDINGS = ("_call", "_call_output")
_ITEMS = (
    "reasoning",
    "compaction",
    "item_reference",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_list_tools",
)


def is_item(kind: str) -> bool:
    """True for the type of an item of the Responses API that has no role."""
    return kind in _ITEMS or kind.endswith(_ITEM_ENDINGS)


def unwrap(message: Fields) -> list[Any]:
    """The messages in a whole response of OpenAI's APIs; none if it is no response."""
    choices = message.get("choices")
    if isinstance(choices, list):
        inner = [choice.get("message") for choice in choices if isinstance(choice, Mapping)]
        return [item for item in inner if item is not None]
    output = message.get("output")
    is_response = message.get("object") == "response" and isinstance(output, list)
    return list(output) if is_response and isinstance(output, list) else []
