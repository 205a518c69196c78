"""Runs of LangSmith: lists or lines of JSON, with child runs inside or beside.

The runs of a thread, or of a trace, are a conversation. Calls of models repeat the history before
them: each message becomes a turn once. Without calls of models, the inputs and outputs of the first
run are the conversation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import conversation_of
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import first_row, list_items, read_rows, row_items
from optical_memory.loaders.traces.merge import merge_histories

__all__ = [
    "is_langsmith",
    "langsmith",
]

_MODEL_RUNS = ("llm", "chat_model")
_THREAD_KEYS = ("thread_id", "session_id", "conversation_id")
_HISTORIES = ("chat_history", "history", "messages")
_WORDS = (
    *("input", "question", "query", "prompt", "human_input", "text", "content", "message"),
    *("output", "answer", "result", "response", "completion", "generation"),
)
"""Keys of inputs and outputs of chains: earlier messages, and what is asked and answered."""

_META = ("name", "run_type", "session_name", "error", "start_time")

Items = list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class _Run:
    place: str
    fields: dict[str, Any]
    trace: str


def langsmith(source: Any) -> list[Conversation]:
    """A conversation for each thread or trace, by its id. Raises `InputError` if no run has
    messages.
    """
    name = stem(source)
    runs: list[_Run] = []
    strangers: Items = []
    data = read_json(source)
    for place, row in row_items(_unwrapped(data), name):
        if is_langsmith(row):
            runs += _runs(place, row, None)
        else:
            strangers.append((place, row))
    traces: dict[str, list[_Run]] = {}
    for run in runs:
        traces.setdefault(run.trace, []).append(run)
    return read_rows([*traces.items(), *strangers], _conversation, name)


def is_langsmith(data: Any) -> bool:
    """True if the first row is a run: its type, inputs, and outputs or a name."""
    first = first_row(_unwrapped(data))
    if not isinstance(first.get("run_type"), str):
        return False
    return "inputs" in first and bool(first.keys() & {"outputs", "name", "id"})


def _unwrapped(data: Any) -> Any:
    """The runs of an answer of LangSmith's API; any other data as it is."""
    runs = data.get("runs") if isinstance(data, dict) else None
    return runs if isinstance(runs, list) and "run_type" not in data else data


def _runs(place: str, fields: dict[str, Any], trace: str | None) -> Iterator[_Run]:
    """A run and its child runs, however deep."""
    trace = _trace(fields) or trace or str(fields.get("id") or fields.get("run_id") or place)
    yield _Run(place, fields, trace)
    children = fields.get("child_runs")
    for child_place, child in list_items(children or [], f"{place}.child_runs"):
        if isinstance(child, dict):
            yield from _runs(child_place, child, trace)


def _trace(fields: dict[str, Any]) -> str | None:
    """The id of the thread of a run, or else of its trace."""
    extra = fields.get("extra")
    metadata = extra.get("metadata") if isinstance(extra, dict) else None
    if isinstance(metadata, dict):
        for key in _THREAD_KEYS:
            if isinstance(metadata.get(key), str):
                return str(metadata[key])
    trace = fields.get("trace_id") or fields.get("parent_run_id")
    return str(trace) if trace else None


def _conversation(id: str, runs: Any) -> list[Conversation]:
    if not _are_runs(runs):
        raise InputError(f"{id}: no run of LangSmith")
    by_time = sorted(runs, key=_order)
    root = by_time[0]
    model_runs = [run for run in by_time if run.fields.get("run_type") in _MODEL_RUNS]
    histories = [[*_inputs(run), *_outputs(run)] for run in model_runs]
    if any(histories):
        histories.append(_last_state(root))
    else:
        histories = [[*_inputs(root), *_outputs(root)]]
    history = merge_histories(histories)
    meta = {key: root.fields.get(key) for key in _META}
    return [conversation_of(id, history, meta)]


def _are_runs(values: Any) -> bool:
    is_list = isinstance(values, list) and bool(values)
    return is_list and all(isinstance(value, _Run) for value in values)


def _order(run: _Run) -> str:
    return str(run.fields.get("dotted_order") or run.fields.get("start_time") or "")


# ---- messages of a run ---------------------------------------------------------------------------


def _inputs(run: _Run) -> Items:
    place = f"{run.place}.inputs"
    inputs = run.fields.get("inputs")
    if isinstance(inputs, dict):
        if "messages" in inputs:
            return _message_list(inputs["messages"], f"{place}.messages", "user")
        if isinstance(inputs.get("prompts"), list):
            return _message_list(inputs["prompts"], f"{place}.prompts", "user")
    return _texts(inputs, place, "user")


def _outputs(run: _Run) -> Items:
    place = f"{run.place}.outputs"
    outputs = run.fields.get("outputs")
    if isinstance(outputs, dict):
        for key in ("generations", "choices", "messages"):
            if isinstance(outputs.get(key), list):
                return _message_list(outputs[key], f"{place}.{key}", "assistant")
        if "role" in outputs or _is_message(outputs):
            return [(place, _with_time(outputs, run))]
    return _texts(outputs, place, "assistant")


def _last_state(root: _Run) -> Items:
    """The messages of a graph's last state: results of tools that no model saw are there alone."""
    outputs = root.fields.get("outputs")
    messages = outputs.get("messages") if isinstance(outputs, dict) else None
    if not isinstance(messages, list):
        return []
    return _message_list(messages, f"{root.place}.outputs.messages", "assistant")


def _message_list(values: Any, place: str, role: str) -> Items:
    """Messages in lists of lists, each of them a message, a pair, a generation or a text."""
    if isinstance(values, list) and not _is_pair(values):
        items: Items = []
        for item_place, value in list_items(values, place):
            items += _message_list(value, item_place, role)
        return items
    return [(place, _message(values, role))]


def _is_pair(value: Any) -> bool:
    """A role and a text, as LangChain takes them: `["human", "hello"]`."""
    roles = ("human", "user", "ai", "assistant", "system", "tool")
    is_list = isinstance(value, list) and len(value) == 2
    return is_list and value[0] in roles and isinstance(value[1], str)


def _message(value: Any, role: str) -> Any:
    if isinstance(value, list):
        return {"role": value[0], "content": value[1]}
    if not isinstance(value, dict):
        return {"role": role, "content": as_text(value)}
    if isinstance(value.get("message"), dict):  # a generation, or a choice
        return value["message"]
    if "text" in value and not _is_message(value):  # a generation of a model without messages
        return {"role": role, "content": value["text"]}
    return value


def _is_message(value: dict[str, Any]) -> bool:
    return bool(value.keys() & {"role", "kwargs", "data"}) or value.keys() >= {"type", "content"}


def _with_time(message: dict[str, Any], run: _Run) -> dict[str, Any]:
    return {"timestamp": run.fields.get("end_time"), **message}


def _texts(value: Any, place: str, role: str) -> Items:
    """Inputs or outputs without messages: each text, or message, under its key."""
    if value is None:
        return []
    if not isinstance(value, dict):
        return _message_list(value, place, role)
    if _is_message(value):
        return [(place, value)]
    items: Items = []
    for key in _word_keys(value):
        items += _message_list(_as_message(value[key]), f"{place}.{key}", role)
    return items


def _word_keys(values: dict[str, Any]) -> list[str]:
    """The keys of histories, then those of words. If none is known, all keys with a value."""
    keys = [key for key, value in values.items() if isinstance(value, str | dict | list) and value]
    known_keys = [key for key in (*_HISTORIES, *_WORDS) if key in keys]
    return known_keys or keys


def _as_message(value: Any) -> Any:
    """A message, or messages, as they are; any other data as its JSON."""
    values = value if isinstance(value, list) else [value]
    is_known = all(
        _is_message(item) if isinstance(item, dict) else _is_pair(item) for item in values
    )
    return value if isinstance(value, str) or is_known else as_text(value)
