"""Drawn messages of every provider's form, each with the words that its turns must have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

__all__ = [
    "FORMS",
    "PAYLOAD",
    "Drawn",
]

PAYLOAD = "SGVsbG8x" * 100
"""Base64 as files have it: long, with capitals."""

_WORD = st.text("bdgklmnoprstuvzæøåßжшя漢字", min_size=4, max_size=9)
PHRASE = st.lists(_WORD, min_size=1, max_size=4).map(" ".join)


class Drawn(NamedTuple):
    """A message, and the phrases in it that are content."""

    message: Any
    phrases: list[str]


Part = Callable[[str], dict[str, Any]]


def _text(phrase: str) -> dict[str, Any]:
    return {"type": "text", "text": phrase}


OPENAI: list[Part] = [
    _text,
    lambda w: {"type": "output_text", "text": w, "annotations": []},
    lambda w: {
        "type": "output_text",
        "text": "See:",
        "annotations": [{"type": "url_citation", "url": "https://example.org/a", "title": w}],
    },
    lambda w: {"type": "refusal", "refusal": w},
    lambda w: {"type": "file", "file": {"filename": w, "file_data": PAYLOAD}},
    lambda w: {"type": "input_audio", "input_audio": {"data": PAYLOAD, "transcript": w}},
    lambda w: {"type": "reasoning", "summary": [{"type": "summary_text", "text": w}]},
    lambda w: {"type": "text", "text": {"value": w, "annotations": []}},
    lambda w: {"type": "brand_new", "inside": {"deep": [w]}, "data": PAYLOAD},
]
ANTHROPIC: list[Part] = [
    _text,
    lambda w: {"type": "thinking", "thinking": w, "signature": "c2ln"},
    lambda w: {"type": "tool_use", "id": "c", "name": "find", "input": {"what": w}},
    lambda w: {"type": "tool_result", "tool_use_id": "c", "content": [_text(w)], "is_error": True},
    lambda w: {"type": "document", "source": {"type": "text", "data": w}},
    lambda w: {"type": "document", "title": w, "source": {"type": "base64", "data": PAYLOAD}},
    lambda w: {"type": "document", "source": {"type": "content", "content": [_text(w)]}},
    lambda w: {"type": "search_result", "title": w, "source": "https://example.org"},
    lambda w: {"type": "search_result", "title": "t", "source": "s", "content": [_text(w)]},
    lambda w: {"type": "text", "text": "So.", "citations": [{"cited_text": w}]},
    lambda w: {
        "type": "code_execution_tool_result",
        "tool_use_id": "c",
        "content": {"type": "code_execution_result", "stdout": "", "stderr": w, "return_code": 1},
    },
    lambda w: {
        "type": "web_search_tool_result",
        "tool_use_id": "c",
        "content": [{"type": "web_search_result", "title": w, "encrypted_content": PAYLOAD}],
    },
]
GEMINI: list[Part] = [
    lambda w: {"text": w},
    lambda w: {"text": w, "thought": True, "thoughtSignature": PAYLOAD},
    lambda w: {"functionCall": {"name": "find", "args": {"what": w}}},
    lambda w: {"function_call": {"name": w, "args": {}}},
    lambda w: {"functionResponse": {"name": "find", "response": {"result": w}}},
    lambda w: {"function_response": {"name": "find", "response": {"a": w, "b": 1}}},
    lambda w: {"inlineData": {"mimeType": "image/png", "data": PAYLOAD, "displayName": w}},
    lambda w: {"executableCode": {"language": "PYTHON", "code": w}},
    lambda w: {"code_execution_result": {"outcome": "OUTCOME_FAILED", "output": w}},
]
BEDROCK: list[Part] = [
    lambda w: {"text": w},
    lambda w: {"toolUse": {"toolUseId": "c", "name": "find", "input": {"what": w}}},
    lambda w: {"toolResult": {"toolUseId": "c", "content": [{"json": {"a": w}}]}},
    lambda w: {"toolResult": {"toolUseId": "c", "content": [{"text": w}], "status": "error"}},
    lambda w: {"reasoningContent": {"reasoningText": {"text": w, "signature": PAYLOAD}}},
    lambda w: {"document": {"name": w, "format": "pdf", "source": {"bytes": b"\0\1"}}},
    lambda w: {"document": {"name": "d", "format": "txt", "source": {"text": w}}},
    lambda w: {"guardContent": {"text": {"text": w}}},
    lambda w: {"citationsContent": {"content": [{"text": "So."}], "citations": [{"title": w}]}},
]
VERCEL: list[Part] = [
    _text,
    lambda w: {"type": "reasoning", "text": w},
    lambda w: {"type": "reasoning", "reasoning": w, "details": []},
    lambda w: {"type": "tool-find", "toolCallId": "c", "input": {"q": w}, "output": 1},
    lambda w: {"type": "tool-find", "toolCallId": "c", "input": {}, "output": {"answer": w}},
    lambda w: {"type": "dynamic-tool", "toolName": w, "toolCallId": "c", "input": {}},
    lambda w: {
        "type": "tool-find",
        "toolCallId": "c",
        "state": "output-error",
        "input": {},
        "errorText": w,
    },
    lambda w: {"type": "source-url", "sourceId": "s", "url": "https://example.org", "title": w},
    lambda w: {"type": "file", "mediaType": "image/png", "filename": w, "url": "a.png"},
    lambda w: {
        "type": "tool-invocation",
        "toolInvocation": {"toolName": "find", "toolCallId": "c", "args": {}, "result": w},
    },
    lambda w: {
        "type": "tool-result",
        "toolCallId": "c",
        "toolName": "find",
        "output": {"type": "error-text", "value": w},
    },
    lambda w: {"type": "data-weather", "data": {"sky": w}},
]
LANGCHAIN: list[Part] = [
    _text,
    lambda w: {"type": "reasoning", "reasoning": w},
    lambda w: {"type": "text-plain", "mime_type": "text/plain", "text": w},
    lambda w: {"type": "non_standard", "value": {"note": w}},
    lambda w: {"type": "server_tool_call", "id": "c", "name": "find", "args": {"q": w}},
    lambda w: {"type": "server_tool_result", "tool_call_id": "c", "output": {"a": w}},
    lambda w: {"type": "invalid_tool_call", "id": "c", "name": "find", "args": w, "error": "no"},
    lambda w: {"type": "media", "mime_type": "image/png", "data": PAYLOAD, "title": w},
    lambda w: {"type": "text", "text": "So.", "annotations": [{"type": "citation", "title": w}]},
]

ITEMS: list[Part] = [
    lambda w: {"type": "function_call", "call_id": "c", "name": "find", "arguments": w},
    lambda w: {"type": "function_call_output", "call_id": "c", "output": w},
    lambda w: {"type": "function_call_output", "call_id": "c", "output": [_text(w)]},
    lambda w: {"type": "custom_tool_call", "call_id": "c", "name": "run", "input": w},
    lambda w: {"type": "web_search_call", "id": "w", "action": {"type": "search", "query": w}},
    lambda w: {"type": "file_search_call", "id": "f", "queries": [w], "results": None},
    lambda w: {"type": "file_search_call", "id": "f", "queries": [], "results": [{"text": w}]},
    lambda w: {"type": "code_interpreter_call", "id": "i", "code": w, "outputs": None},
    lambda w: {
        "type": "code_interpreter_call",
        "id": "i",
        "code": "1",
        "outputs": [{"type": "logs", "logs": w}],
    },
    lambda w: {"type": "mcp_call", "id": "m", "name": "find", "arguments": "{}", "output": w},
    lambda w: {"type": "mcp_call", "id": "m", "name": "find", "arguments": "{}", "error": w},
    lambda w: {"type": "mcp_list_tools", "id": "m", "tools": [{"name": "a", "description": w}]},
    lambda w: {"type": "mcp_approval_response", "approval_request_id": "m", "reason": w},
    lambda w: {"type": "local_shell_call", "call_id": "c", "action": {"command": ["ls", w]}},
    lambda w: {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": w}]},
    lambda w: {"type": "image_generation_call", "result": PAYLOAD, "revised_prompt": w},
    lambda w: {"type": "reasoning", "summary": [{"type": "summary_text", "text": w}]},
]

KEYS = ("text", "message", "value", "body", "output_text", "anything_new")


def _of_parts(parts: list[Part], role: str, key: str = "content") -> st.SearchStrategy[Drawn]:
    """Messages with some of these parts."""
    pairs = st.tuples(st.sampled_from(parts), PHRASE)
    return st.lists(pairs, min_size=1, max_size=4).map(
        lambda drawn: Drawn(
            {"role": role, key: [part(phrase) for part, phrase in drawn]},
            [phrase for _, phrase in drawn],
        )
    )


def _item(part: Part, phrase: str) -> Drawn:
    return Drawn(part(phrase), [phrase])


def _other_key(key: str, phrase: str) -> Drawn:
    return Drawn({"role": "user", key: phrase}, [phrase])


def _langchain(kind: str, drawn: Drawn) -> Drawn:
    return Drawn({"type": kind, "content": drawn.message["content"], "id": "1"}, drawn.phrases)


FORMS: dict[str, st.SearchStrategy[Drawn]] = {
    "OpenAI": _of_parts(OPENAI, "assistant"),
    "Responses items": st.builds(_item, st.sampled_from(ITEMS), PHRASE),
    "Anthropic": _of_parts(ANTHROPIC, "assistant") | _of_parts(ANTHROPIC, "user"),
    "Gemini": _of_parts(GEMINI, "model", "parts") | _of_parts(GEMINI, "user", "parts"),
    "Bedrock": _of_parts(BEDROCK, "assistant") | _of_parts(BEDROCK, "user"),
    "Vercel": _of_parts(VERCEL, "assistant", "parts") | _of_parts(VERCEL, "assistant"),
    "LangChain": st.builds(
        _langchain, st.sampled_from(["human", "ai"]), _of_parts(LANGCHAIN, "user")
    ),
    "another key": st.builds(_other_key, st.sampled_from(KEYS), PHRASE),
}
