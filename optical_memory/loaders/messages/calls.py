"""Parts that are a call of a tool, or what a tool answered, whichever provider wrote them.

A call and its result are paired by the id of the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    ReadContent,
    Result,
    attached,
    first_id,
    first_text,
    has_words,
    join,
    json_text,
    label,
    new_refs,
    text_content,
)
from optical_memory.loaders.payloads import without_payloads
from optical_memory.turns import ToolCall, call_text

__all__ = [
    "CALL_IDS",
    "call",
    "call_with_result",
    "failed",
    "result",
]

CALL_IDS = ("tool_call_id", "toolCallId", "call_id", "tool_use_id", "toolUseId")
"""Keys of the id of a call, in the call and in its answer."""

_NAMES = ("name", "toolName", "tool_name", "function")
_INPUTS = ("arguments", "input", "args", "action", "rawInput", "operation")
_OUTPUTS = ("output", "outputs", "result", "results", "content", "response", "value", "tools")
_ERRORS = ("errorText", "error")
_MARKS = ("type", "id", "status", "state", "title", "container_id", "caller", *CALL_IDS, *_NAMES)
_FAILURES = ("error", "failed", "output-error", "output-denied")

UNNAMED = "unnamed"
"""The name of a call that has none: hosts take no call without a name."""


def call(part: Fields, content_of: ReadContent) -> Content:
    """The call in a part, as any provider writes it: OpenAI's `function` and `custom`, too."""
    fields = {**part, **_inner(part)}
    id = first_id(fields, (*CALL_IDS, "id"))
    text = arguments(_input(fields))
    words = without_payloads(text)
    attachments = tuple(attached(ref) for ref in new_refs(words, text)) if words != text else ()
    return Content((), attachments, (ToolCall(_name(fields), words, id),))


def call_with_result(part: Fields, content_of: ReadContent) -> Content:
    """A call and, if the part has it, its result: tools that a host runs by itself."""
    without_result = {key: value for key, value in part.items() if key not in (*_OUTPUTS, *_ERRORS)}
    answer = result(part, content_of)
    return join([call(without_result, content_of), answer if _has_result(part) else Content()])


def _has_result(part: Fields) -> bool:
    is_answered = any(has_words(part.get(key)) for key in (*_OUTPUTS, *_ERRORS))
    return is_answered or failed(part)


def result(part: Fields, content_of: ReadContent) -> Content:
    """What a tool answered, with its call's id, and whether the call failed."""
    contents = [content_of(part.get(key)) for key in _OUTPUTS]
    contents += [content_of(_error_words(part.get(key))) for key in _ERRORS]
    answer = Result(
        content=_flat(join(contents)),
        call_id=first_id(part, (*CALL_IDS, "id")),
        name=first_text(part, ("name", "toolName", "tool_name")),
        is_error=failed(part),
        id=first_id(part, ("id",)) if first_id(part, CALL_IDS) else None,
    )
    return Content(results=(answer,))


def _flat(content: Content) -> Content:
    """The content of a result: results inside of it are its words, calls are their text."""
    inner = [_flat(answer.content) for answer in content.results]
    calls = [text_content(call_text(item)) for item in content.calls]
    return join([Content(content.texts, content.attachments), *calls, *inner])


def failed(part: Fields) -> bool:
    """True if a result says that the call failed."""
    if part.get("is_error") is True or part.get("isError") is True:
        return True
    if label(part.get("status")) in _FAILURES or label(part.get("state")) in _FAILURES:
        return True
    return any(has_words(part.get(key)) for key in _ERRORS) or _is_error_object(part)


def _is_error_object(part: Fields) -> bool:
    """True if the content is Anthropic's `…_tool_result_error` or a program that ended with an
    exit code, or Vercel's `error-text`.
    """
    for key in ("content", "output"):
        inner = part.get(key)
        if isinstance(inner, Mapping) and (_is_error_type(inner) or inner.get("return_code")):
            return True
    return False


def _is_error_type(inner: Fields) -> bool:
    kind = label(inner.get("type"))
    return kind.endswith("_error") or kind.startswith("error-") or kind == "execution-denied"


def _error_words(error: Any) -> Any:
    """The words of an error: its message, if it has nothing else to say."""
    if isinstance(error, Mapping) and set(error) <= {"message", "type", "code"}:
        return " ".join(str(value) for value in error.values() if has_words(value))
    return error if has_words(error) and error is not True else None


def _inner(part: Fields) -> Fields:
    """The call inside OpenAI's `function` or `custom`."""
    for key in ("function", "custom"):
        inner = part.get(key)
        if isinstance(inner, Mapping):
            return inner
    return {}


def _name(fields: Fields) -> str:
    name = first_text(fields, _NAMES)
    if name is not None:
        return name
    kind = label(fields.get("type"))
    if kind.startswith("tool-"):  # Vercel AI SDK: tool-NAME
        return kind.removeprefix("tool-")
    is_item = kind.endswith("_call") and kind not in ("function_call", "tool_call")
    return kind.removesuffix("_call") if is_item else UNNAMED


def _input(fields: Fields) -> Any:
    """The input under the key of this provider; of a call without such a key, its other fields."""
    for key in _INPUTS:
        if fields.get(key) is not None:
            return fields[key]
    return {key: value for key, value in fields.items() if key not in _MARKS and has_words(value)}


def arguments(value: Any) -> str:
    """A call's arguments as JSON text: as written if they are text, else as JSON of ours."""
    return value if isinstance(value, str) else json_text({} if value is None else value)
