"""How fast a host's list of messages is synced or compressed, and a window after much text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from optical_memory.agents import compress
from optical_memory.counting import count_tokens
from optical_memory.measure.bench.cpu_time import MEDIAN, P95, time_in_turn, time_row
from optical_memory.measure.bench.finding import CONTEXT_BUDGET, QUESTIONS, WARM_UP
from optical_memory.measure.bench.setup import BenchInputs, BenchRow
from optical_memory.measure.long_session import vary
from optical_memory.memory import OpticalMemory
from optical_memory.turns import Turn

__all__ = [
    "bench_chat",
]

SYNCS = 20

COMPRESSIONS = 5

COMPRESSED_BUDGET = 4_000
"""Tokens of a compressed list."""

Message = dict[str, Any]
"""In the form of OpenAI."""


def bench_chat(inputs: BenchInputs) -> Iterator[BenchRow]:
    """One message more, the whole list in fewer tokens, and a context after a long result."""
    messages = _messages(vary(inputs.turns, inputs.n_messages, seed=0))
    with OpticalMemory(
        "chat",
        store=f"sqlite:///{inputs.folder / 'chat.db'}",
        reader=inputs.reader,
        semantic=None,
        background=False,
    ) as memory:
        yield _sync_row(memory, messages, inputs)
        yield _compress_row(messages)
        yield from _long_result_rows(memory, inputs)


def _messages(turns: Sequence[Turn]) -> list[Message]:
    """The texts of turns as messages of a user and an assistant."""
    return [
        {"role": "user" if turn.role == "user" else "assistant", "content": turn.text}
        for turn in turns
    ]


def _sync_row(memory: OpticalMemory, messages: list[Message], inputs: BenchInputs) -> BenchRow:
    memory.sync(messages)
    chat = list(messages)

    def sync(text: str) -> None:
        chat.append({"role": "user", "content": text})
        memory.sync(chat)

    with closing(sqlite3.connect(inputs.folder / "chat-json.db")) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE chats (key INTEGER PRIMARY KEY, value TEXT)")

        def write(_: str) -> None:
            with db:
                db.execute("INSERT OR REPLACE INTO chats VALUES (1, ?)", (json.dumps(chat),))

        times, plain_times = time_in_turn((sync, write), islice(QUESTIONS, SYNCS))
    name = f"sync one message on {len(messages):,}"
    return time_row(name, times, plain_times, "the whole list as JSON, sqlite3 commit")


def _compress_row(messages: list[Message]) -> BenchRow:
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages

    classes = {"user": HumanMessage, "assistant": AIMessage}
    lines = [classes[message["role"]](message["content"]) for message in messages]

    def cost(lines: list[BaseMessage]) -> int:
        return sum(count_tokens(line.text) for line in lines)

    def trim(question: str) -> object:
        chat = [*lines, HumanMessage(question)]
        return trim_messages(
            chat, max_tokens=COMPRESSED_BUDGET, token_counter=cost, strategy="last"
        )

    def ours(question: str) -> object:
        return compress([*messages, {"role": "user", "content": question}], COMPRESSED_BUDGET)

    times, plain_times = time_in_turn((ours, trim), islice(QUESTIONS, COMPRESSIONS))
    baseline = "LangChain trim_messages, same tokenizer (recalls nothing)"
    return time_row(f"compress {len(messages):,} messages", times, plain_times, baseline)


def _long_result_rows(memory: OpticalMemory, inputs: BenchInputs) -> Iterator[BenchRow]:
    def context(question: str) -> object:
        return memory.context(question, CONTEXT_BUDGET)

    time_in_turn([context], WARM_UP)
    (plain_times,) = time_in_turn([context], QUESTIONS)
    memory.remember(_long_result(inputs.turns, inputs.n_result_chars))
    (times,) = time_in_turn([context], QUESTIONS)
    name = f"context after a result of {inputs.n_result_chars / 1e6:g} MB"
    for quantile in (MEDIAN, P95):
        yield time_row(name, times, plain_times, "the same session before it", quantile)


def _long_result(turns: Sequence[Turn], n_chars: int) -> Turn:
    n_turns = n_chars // 100  # turns have about 280 characters
    text = "\n".join(turn.text for turn in vary(turns, n_turns, seed=1))
    return Turn("tool", text[:n_chars], tool_call_id="call-1")
