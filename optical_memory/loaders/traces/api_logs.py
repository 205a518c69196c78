"""Requests to the APIs of OpenAI and Anthropic, alone or with their responses: request bodies,
batch files, and the logs of LiteLLM, Helicone and Langfuse.

A system prompt beside the messages is the first turn. Definitions of tools stand in `meta`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import conversation_of, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import first_row, list_items, read_rows, row_id, row_items
from optical_memory.loaders.traces.merge import merge_histories

__all__ = [
    "api_log",
    "is_api_log",
]

_REQUESTS = ("request", "body", "params", "request_body", "requestBody", "kwargs")
_RESPONSES = ("response", "response_body", "responseBody", "result", "output", "completion")
_MESSAGES = ("messages", "input", "contents", "prompt")
_SYSTEM = ("system", "instructions", "system_instruction", "systemInstruction")
_IDS = ("custom_id", "request_id", "trace_id", "id")
_OTHER_ANSWER = "another answer to the same request"

Items = list[tuple[str, Any]]


def api_log(source: Any) -> list[Conversation]:
    """A conversation for each request and its response. Raises `InputError` without messages."""
    name = stem(source)
    return read_rows(row_items(read_json(source), name), _exchange, name)


def is_api_log(data: Any) -> bool:
    """True if the first row is a request, or an answer, with more than its messages."""
    first = first_row(data)
    if "role" in first or "run_type" in first:
        return False
    if isinstance(first.get("messages"), list):
        return bool(first.keys() & {*_SYSTEM, "response"})
    signs = (_is_response, _is_generation, _generations, _has_request, _has_response)
    return first.keys() >= {"input", "instructions"} or any(sign(first) for sign in signs)


def _has_request(row: dict[str, Any]) -> bool:
    request = _inner(row, _REQUESTS)
    return request is not None and bool(request.keys() & set(_MESSAGES))


def _has_response(row: dict[str, Any]) -> bool:
    response = _inner(row, _RESPONSES)
    return response is not None and _is_response(response)


def _is_response(value: dict[str, Any]) -> bool:
    """True for a response of a known API, or for an object with such a response inside."""
    is_choices = isinstance(value.get("choices"), list)
    is_response = value.get("object") == "response" and isinstance(value.get("output"), list)
    is_message = value.get("type") == "message" and "role" in value and "content" in value
    is_gemini = isinstance(value.get("candidates"), list)
    if is_choices or is_response or is_message or is_gemini:
        return True
    inner = _inner(value, ("body", "message"))
    return inner is not None and _is_response(inner)


def _is_generation(row: dict[str, Any]) -> bool:
    """True for an observation of Langfuse: a list of messages as input, and a message as output."""
    inputs = row.get("input")
    messages = inputs.get("messages") if isinstance(inputs, dict) else inputs
    first = messages[0] if isinstance(messages, list) and messages else None
    return "output" in row and isinstance(first, dict) and "role" in first


def _inner(row: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    """The object under the first of the keys that has an object."""
    return next((row[key] for key in keys if isinstance(row.get(key), dict)), None)


# ---- an exchange ---------------------------------------------------------------------------------


def _exchange(place: str, row: Any) -> list[Conversation]:
    if not isinstance(row, dict):
        raise InputError(f"{place}: expected a request, found {type(row).__name__}")
    generations = _generations(row)
    if generations:
        steps = list_items(generations, f"{place}.observations")
        history = merge_histories(
            [*_request_items(step, path), *_answers(step, path)] for path, step in steps
        )
        return [conversation_of(row_id(row, _IDS, place), history, _meta(row))]
    answers = list(_answers(row, place))
    left_out: list[LeftOut] = []
    if _is_choice(answers):
        left_out += [LeftOut(path, _OTHER_ANSWER, as_text(answer)) for path, answer in answers[1:]]
        answers = answers[:1]
    history = read_history([*_request_items(row, place), *answers])
    return [conversation_of(row_id(row, _IDS, place), history, _meta(row), left_out)]


def _request_items(row: dict[str, Any], place: str) -> Items:
    """The system prompt and the messages of the request."""
    request = _inner(row, _REQUESTS) or row
    messages = _request_messages(request, place)
    system = _system(request, place)
    is_told_again = any(_same_words(message, item) for _, message in messages for _, item in system)
    return messages if is_told_again else [*system, *messages]


def _generations(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of models in a trace of Langfuse, in the order of their times."""
    steps = row.get("observations")
    calls = [step for step in steps if _is_call(step)] if isinstance(steps, list) else []
    return sorted(calls, key=lambda step: str(step.get("startTime") or ""))


def _is_call(step: Any) -> bool:
    return isinstance(step, dict) and step.get("type") == "GENERATION"


def _is_choice(answers: Items) -> bool:
    """True if the answers are several to choose from."""
    return bool(answers) and all(
        ".choices[" in path or ".candidates[" in path for path, _ in answers
    )


def _same_words(message: Any, system: dict[str, Any]) -> bool:
    """True for a message that says the system prompt again."""
    return isinstance(message, dict) and {**message, **system} == message


def _system(request: dict[str, Any], place: str) -> Items:
    for key in _SYSTEM:
        system = request.get(key)
        if isinstance(system, dict):
            system = system.get("parts", system)
        if system:
            return [(f"{place}.{key}", {"role": "system", "content": system})]
    return []


def _request_messages(request: dict[str, Any], place: str) -> Items:
    for key in _MESSAGES:
        messages = request.get(key)
        if isinstance(messages, dict):  # Langfuse
            messages = messages.get("messages")
        if isinstance(messages, str) and messages:
            return [(f"{place}.{key}", {"role": "user", "content": messages})]
        if isinstance(messages, list):
            return list_items(messages, f"{place}.{key}")
    return []


def _answers(row: dict[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    """The messages of the response of a row, or of the row itself."""
    if _is_response(row):
        yield from _response_messages(row, place)
        return
    for key in _RESPONSES:
        response = row.get(key)
        if isinstance(response, dict):
            yield from _response_messages(response, f"{place}.{key}")
        elif isinstance(response, list):
            yield from list_items(response, f"{place}.{key}")
        elif isinstance(response, str) and response:
            yield f"{place}.{key}", {"role": "assistant", "content": response}
        if response:
            return


def _response_messages(response: dict[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(response.get("choices"), list):
        for path, choice in list_items(response["choices"], f"{place}.choices"):
            yield path, _choice_message(choice)
    elif isinstance(response.get("output"), list):
        yield from list_items(response["output"], f"{place}.output")
    elif isinstance(response.get("candidates"), list):
        for path, candidate in list_items(response["candidates"], f"{place}.candidates"):
            content = candidate.get("content") if isinstance(candidate, dict) else None
            yield path, content
    elif "role" in response:
        yield place, response
    else:
        inner = _inner(response, ("body", "message"))
        if inner is not None:
            yield from _response_messages(inner, place)


def _choice_message(choice: Any) -> Any:
    if not isinstance(choice, dict) or isinstance(choice.get("message"), dict):
        return choice.get("message") if isinstance(choice, dict) else choice
    return {"role": "assistant", "content": choice.get("text")}


def _meta(row: dict[str, Any]) -> dict[str, Any]:
    """Texts and numbers beside the messages, and the definitions of tools as JSON."""
    request = _inner(row, _REQUESTS) or row
    words = {*_SYSTEM, *_MESSAGES, *_RESPONSES}
    meta = {key: value for key, value in {**row, **request}.items() if key not in words}
    for key in ("tools", "functions"):
        if request.get(key):
            meta[key] = as_text(request[key])
    return meta
