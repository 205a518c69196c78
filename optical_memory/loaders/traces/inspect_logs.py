"""Logs of inspect-ai in JSON: each sample is a conversation, with its scores in `meta`.

Events of a sample repeat its messages and are left out.
"""

from __future__ import annotations

from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import REASONING, conversation_of, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import first_row, list_items, read_rows, row_items

__all__ = [
    "inspect_log",
    "is_inspect_log",
]

_EVENTS = "events of the run, which the messages repeat"
_OUTPUT = "the input and the output, which the messages repeat"
_ATTACHMENT = "attachment://"


def inspect_log(source: Any) -> list[Conversation]:
    """A conversation for each sample. Raises `InputError` if no sample has messages."""
    name = stem(source)
    samples: list[tuple[str, Any]] = []
    heads: dict[str, dict[str, Any]] = {}
    for place, log in row_items(read_json(source), name):
        items = _samples(log, place)
        samples += items
        heads |= {sample_place: _head(log) for sample_place, _ in items}
    return read_rows(
        samples, lambda place, sample: [_conversation(place, sample, heads[place])], name
    )


def is_inspect_log(data: Any) -> bool:
    """True for a log with its samples, or a sample as it stands in an `.eval` archive."""
    first = first_row(data)
    if isinstance(first.get("samples"), list):
        return bool(first.keys() & {"eval", "version", "plan", "status"})
    return first.keys() >= {"id", "epoch", "messages"}


def _samples(log: Any, place: str) -> list[tuple[str, Any]]:
    samples = log.get("samples") if isinstance(log, dict) else None
    return list_items(samples, f"{place}.samples") if isinstance(samples, list) else [(place, log)]


def _head(log: Any) -> dict[str, Any]:
    head = log.get("eval") if isinstance(log, dict) else None
    return head if isinstance(head, dict) else {}


def _conversation(place: str, sample: Any, head: dict[str, Any]) -> Conversation:
    if not isinstance(sample, dict):
        raise InputError(f"{place}: expected a sample, found {type(sample).__name__}")
    attachments = sample.get("attachments")
    texts = attachments if isinstance(attachments, dict) else {}
    messages = sample.get("messages") or _first_and_last(sample)
    if not isinstance(messages, list):
        raise InputError(f"{place}.messages: expected a list, found {type(messages).__name__}")
    items = list_items(messages, f"{place}.messages")
    history = read_history(
        (message_place, _message(_resolved(message, texts))) for message_place, message in items
    )
    left_out = [*_reasoning(items), *_repeats(place, sample)]
    id = "-".join(str(part) for part in (head.get("task"), sample.get("id")) if part is not None)
    epoch = sample.get("epoch")
    name = f"{id or place}-epoch{epoch}" if epoch is not None else id or place
    return conversation_of(name, history, _meta(sample, head), left_out)


def _first_and_last(sample: dict[str, Any]) -> list[Any]:
    """The input of a sample and the output of the model, of a log without messages."""
    inputs = sample.get("input")
    messages: list[Any] = list(inputs) if isinstance(inputs, list) else []
    if isinstance(inputs, str):
        messages = [{"role": "user", "content": inputs}]
    output = sample.get("output")
    choices = output.get("choices") if isinstance(output, dict) else None
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict):
            messages.append(choice.get("message"))
    return messages


# ---- messages ------------------------------------------------------------------------------------


def _resolved(value: Any, texts: dict[str, Any]) -> Any:
    """The value with the texts of attachments in the places that name them."""
    if isinstance(value, str) and value.startswith(_ATTACHMENT):
        return texts.get(value.removeprefix(_ATTACHMENT), value)
    if isinstance(value, list):
        return [_resolved(item, texts) for item in value]
    if isinstance(value, dict):
        return {key: _resolved(item, texts) for key, item in value.items()}
    return value


def _message(message: Any) -> Any:
    """The message with OpenAI's keys."""
    if not isinstance(message, dict):
        return message
    calls = message.get("tool_calls")
    return {
        **{key: value for key, value in message.items() if key != "error"},
        "content": _content(message),
        "tool_calls": [_call(call) for call in calls] if isinstance(calls, list) else None,
        "name": message.get("function") if message.get("role") == "tool" else None,
    }


def _content(message: dict[str, Any]) -> Any:
    """The content without reasoning; of a tool that failed, its error comes first."""
    content = message.get("content")
    if isinstance(content, list):
        content = [part for part in content if not _is_reasoning(part)]
    error = message.get("error")
    if not isinstance(error, dict):
        return content
    note = {"type": "text", "text": f"[error] {error.get('type')}: {error.get('message')}"}
    parts = content if isinstance(content, list) else [content] if content else []
    return [note, *parts]


def _is_reasoning(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "reasoning"


def _call(call: Any) -> Any:
    if not isinstance(call, dict) or not isinstance(call.get("function"), str):
        return call
    function = {"name": call["function"], "arguments": call.get("arguments")}
    return {"id": call.get("id"), "function": function}


# ---- left out, meta ------------------------------------------------------------------------------


def _reasoning(items: list[tuple[str, Any]]) -> list[LeftOut]:
    left_out: list[LeftOut] = []
    for place, message in items:
        content = message.get("content") if isinstance(message, dict) else None
        for part_place, part in list_items(
            content if isinstance(content, list) else [], f"{place}.content"
        ):
            if _is_reasoning(part):
                left_out.append(LeftOut(part_place, REASONING, as_text(part)))
    return left_out


def _repeats(place: str, sample: dict[str, Any]) -> list[LeftOut]:
    reasons = {"events": _EVENTS, "events_data": _EVENTS}
    if sample.get("messages"):
        reasons |= {"output": _OUTPUT, "input": _OUTPUT}
    return [
        LeftOut(f"{place}.{key}", reason, as_text(sample[key]))
        for key, reason in reasons.items()
        if sample.get(key)
    ]


def _meta(sample: dict[str, Any], head: dict[str, Any]) -> dict[str, Any]:
    """The task, the model and the target; the value of each score, and its explanation."""
    meta = {"task": head.get("task"), "model": head.get("model")}
    if sample.get("target"):
        meta["target"] = as_text(sample["target"])
    scores = sample.get("scores") or sample.get("score")
    for scorer, score in scores.items() if isinstance(scores, dict) else ():
        value = score.get("value") if isinstance(score, dict) else score
        meta[f"score.{scorer}"] = as_text(value)
        for key in ("answer", "explanation"):
            if isinstance(score, dict) and score.get(key):
                meta[f"score.{scorer}.{key}"] = as_text(score[key])
    return meta
