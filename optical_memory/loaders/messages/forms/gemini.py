"""Gemini: `contents` with `parts`, in camelCase (REST) and in snake_case (the Python SDK)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from optical_memory.loaders.messages.attachments import attachment
from optical_memory.loaders.messages.calls import call, result
from optical_memory.loaders.messages.content import (
    Content,
    PartReader,
    ReadContent,
    fields_of,
    has_words,
    label,
)

__all__ = [
    "KEYS",
    "unwrap",
]

ValueReader = Callable[[Any, ReadContent], Content]
"""Reads the value under a key that says what a part is."""


def value_reader(reader: PartReader) -> ValueReader:
    """The reader of a part, for a value that is the part."""

    def read(value: Any, content_of: ReadContent) -> Content:
        fields = fields_of(value)
        return content_of(value) if fields is None else reader(fields, content_of)

    return read


def _code(value: Any, content_of: ReadContent) -> Content:
    """Code that the model runs, as a call. Its result comes in the next part, without an id."""
    fields = fields_of(value) or {"code": value}
    language = label(fields.get("language")).lower() or "code"
    call_fields = {"name": language, "args": {"code": fields.get("code")}, "id": fields.get("id")}
    return call(call_fields, content_of)


def _code_result(value: Any, content_of: ReadContent) -> Content:
    fields = fields_of(value) or {"output": value}
    outcome = label(fields.get("outcome"))
    is_error = bool(outcome) and outcome not in ("OUTCOME_OK", "OUTCOME_UNSPECIFIED")
    return result({**fields, "name": "code", "is_error": is_error}, content_of)


def _response(value: Any, content_of: ReadContent) -> Content:
    """The answer of a function. `{"result": …}` and `{"output": …}` are only its envelope."""
    fields = fields_of(value) or {"response": value}
    response = fields.get("response")
    if isinstance(response, Mapping):
        response = _without_envelope(response)
    return result({**fields, "response": response, **_error_of(fields)}, content_of)


def _without_envelope(response: Mapping[str, Any]) -> Any:
    words = {key: value for key, value in response.items() if has_words(value)}
    if len(words) == 1:
        ((key, value),) = words.items()
        if key in ("result", "output", "content"):
            return value
    return dict(response)


def _error_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    response = fields.get("response")
    has_error = isinstance(response, Mapping) and has_words(response.get("error"))
    return {"is_error": True} if has_error else {}


KEYS: Mapping[str, ValueReader] = {
    "inlineData": value_reader(attachment("file")),
    "inline_data": value_reader(attachment("file")),
    "fileData": value_reader(attachment("file")),
    "file_data": value_reader(attachment("file")),
    "functionCall": value_reader(call),
    "function_call": value_reader(call),
    "functionResponse": _response,
    "function_response": _response,
    "toolCall": value_reader(call),
    "tool_call": value_reader(call),
    "toolResponse": _response,
    "tool_response": _response,
    "executableCode": _code,
    "executable_code": _code,
    "codeExecutionResult": _code_result,
    "code_execution_result": _code_result,
}


def unwrap(message: Mapping[str, Any]) -> list[Any]:
    """The messages in a whole response of Gemini; none if it is no response."""
    candidates = message.get("candidates")
    if not isinstance(candidates, list):
        return []
    contents = []
    for candidate in candidates[:1]:  # the others are answers that nobody saw
        fields = fields_of(candidate) or {}
        content = fields_of(fields.get("content"))
        if content is not None:
            contents.append({**content, "annotations": _grounding(fields)})
    return contents


def _grounding(candidate: Mapping[str, Any]) -> list[Any]:
    """The sources of an answer that was grounded by a search."""
    metadata = fields_of(candidate.get("groundingMetadata") or candidate.get("grounding_metadata"))
    fields = metadata or {}
    return list(fields.get("groundingChunks") or fields.get("grounding_chunks") or [])
