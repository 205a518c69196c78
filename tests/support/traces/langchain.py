"""Runs of LangSmith and states of LangGraph."""

from __future__ import annotations

from typing import Any

__all__ = [
    "LANGGRAPH_HISTORY",
    "LANGSMITH",
]


def _lc(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    """A message as `dumpd` of langchain-core writes it."""
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", name],
        "kwargs": {"type": kind, **fields},
    }


_QUESTION = _lc("HumanMessage", "human", content="Is the mill open?")
_CALL = _lc(
    "AIMessage",
    "ai",
    content="",
    id="run-1",
    tool_calls=[{"name": "hours", "args": {"place": "mill"}, "id": "h1", "type": "tool_call"}],
)
_RESULT = _lc("ToolMessage", "tool", content="open until six", tool_call_id="h1")
_ANSWER = _lc("AIMessage", "ai", content="Yes, until six.", id="run-2")


def _model_run(id: str, start: str, inputs: list[Any], output: dict[str, Any]) -> dict[str, Any]:
    generation = {"text": output["kwargs"]["content"], "type": "ChatGeneration", "message": output}
    return {
        "id": id,
        "trace_id": "trace-1",
        "parent_run_id": "trace-1",
        "name": "ChatOpenAI",
        "run_type": "llm",
        "start_time": start,
        "inputs": {"messages": [inputs]},
        "outputs": {"generations": [[generation]]},
    }


LANGSMITH: list[Any] = [
    {
        "id": "trace-1",
        "trace_id": "trace-1",
        "name": "agent",
        "run_type": "chain",
        "start_time": "2026-03-02T08:00:00",
        "inputs": {"messages": [["human", "Is the mill open?"]]},
        "outputs": {"messages": [_QUESTION, _CALL, _RESULT, _ANSWER]},
        "child_runs": [
            _model_run("r2", "2026-03-02T08:00:03", [_QUESTION, _CALL, _RESULT], _ANSWER),
            _model_run("r1", "2026-03-02T08:00:01", [_QUESTION], _CALL),
        ],
    },
    {
        "id": "trace-2",
        "trace_id": "trace-2",
        "name": "chain",
        "run_type": "chain",
        "start_time": "2026-03-02T09:00:00",
        "inputs": {"question": "Who grinds?"},
        "outputs": {"answer": "Anselm grinds."},
    },
]


def _flat(kind: str, content: str, id: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "content": content, "id": id, "additional_kwargs": {}, **fields}


LANGGRAPH_HISTORY: list[Any] = [
    {
        "values": {
            "messages": [
                _flat("human", "Book the barge for Tuesday.", "h1"),
                _flat("ai", "Booked for Tuesday.", "a1"),
            ]
        },
        "next": [],
        "config": {"configurable": {"thread_id": "barge"}},
        "metadata": {"step": 2},
        "created_at": "2026-03-02T08:00:03+00:00",
    },
    {
        "values": {"messages": [_flat("human", "Book the barge for Monday.", "h1")]},
        "next": ["agent"],
        "config": {"configurable": {"thread_id": "barge"}},
        "metadata": {"step": 1},
        "created_at": "2026-03-02T08:00:01+00:00",
    },
    {
        "checkpoint": {
            "v": 4,
            "ts": "2026-03-02T09:00:00+00:00",
            "channel_values": {"messages": [_flat("human", "Where is the tug?", "x1")]},
        },
        "config": {"configurable": {"thread_id": "tug"}},
    },
]
