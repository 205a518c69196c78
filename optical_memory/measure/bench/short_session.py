"""How fast a short session remembers, recalls and fills a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

from optical_memory.counting import count_tokens
from optical_memory.measure.bench.passages import drop_readings
from optical_memory.measure.bench.plain import PlainTurns
from optical_memory.measure.bench.setup import BenchInputs, BenchRow, rate_row, rates
from optical_memory.memory import OpticalMemory
from optical_memory.readers.base import Reader
from optical_memory.turns import Turn

__all__ = [
    "bench_context",
    "bench_recall",
    "bench_remember",
]

TURNS = 100
"""Turns that are remembered, or that LangChain chooses from."""

BENCH_BUDGET = 4_000
"""Tokens of a context."""

QUERY = "What is the Message-ID of the first mail to Aristos about the three papers?"


def bench_remember(inputs: BenchInputs) -> Iterator[BenchRow]:
    """Turns, each durable before the next; no pages are sealed meanwhile."""
    turns = inputs.turns[:TURNS]
    files = (inputs.folder / f"remember{i}.db" for i in count())
    speed = rates(
        lambda: _remember_each(turns, next(files), inputs.reader),
        lambda: _insert_each(turns, next(files)),
        len(turns),
    )
    yield rate_row("remember a turn", speed, "sqlite3 insert and commit of its JSON", "turns/s")


def _remember_each(turns: Sequence[Turn], file: Path, reader: Reader) -> None:
    with OpticalMemory(
        "bench", store=f"sqlite:///{file}", reader=reader, keep_turns=len(turns)
    ) as memory:
        for turn in turns:
            memory.remember(turn)


def _insert_each(turns: Sequence[Turn], file: Path) -> None:
    with closing(PlainTurns(file)) as plain_turns:
        for turn in turns:
            plain_turns.insert(turn)


def bench_recall(inputs: BenchInputs) -> Iterator[BenchRow]:
    """A query answered from the best page, its tokens cached or not."""
    memory = inputs.memory

    def recall() -> object:
        drop_readings(memory)
        return memory.recall(QUERY, k=1)

    def recall_without_tokens() -> object:
        memory.store.drop_blobs(memory.session)
        return recall()

    speed = rates(recall, recall_without_tokens)
    yield rate_row("recall", speed, "the same with no tokens cached", "queries/s")


def bench_context(inputs: BenchInputs) -> Iterator[BenchRow]:
    """A context of `BENCH_BUDGET` tokens about a query, or the newest messages that fit it."""
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages

    messages = [
        AIMessage(turn.text) if turn.role == "assistant" else HumanMessage(turn.text)
        for turn in inputs.turns[:TURNS]
    ]

    def cost(messages: list[BaseMessage]) -> int:
        return sum(count_tokens(message.text) for message in messages)

    def trim() -> object:
        return trim_messages(messages, max_tokens=BENCH_BUDGET, token_counter=cost, strategy="last")

    speed = rates(lambda: inputs.memory.context(QUERY, BENCH_BUDGET), trim)
    baseline = f"LangChain trim_messages on {TURNS} turns, same tokenizer (recalls nothing)"
    yield rate_row("assemble a context", speed, baseline, "contexts/s")
