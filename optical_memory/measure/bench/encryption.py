"""How much dearer a session is that is encrypted: each step beside the same of a plain session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from typing import Any

from optical_memory.measure.bench.cpu_time import time_in_turn, time_row
from optical_memory.measure.bench.finding import CONTEXT_BUDGET, QUESTIONS
from optical_memory.measure.bench.passages import drop_readings
from optical_memory.measure.bench.session_file import SessionFile
from optical_memory.measure.bench.setup import PAGES, BenchInputs, BenchRow
from optical_memory.measure.long_session import TURNS_A_PAGE, vary
from optical_memory.memory import OpticalMemory
from optical_memory.profiles import Ladder
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.stores.encryption.tenant_key import TenantKey

__all__ = ["bench_encryption"]

BASELINE = "the same of a plain session"

OPENINGS = 5

READINGS = 20

TURNS = 60
"""Turns that are remembered, after the first, which does not count."""

SEED = 2


def bench_encryption(inputs: BenchInputs) -> Iterator[BenchRow]:
    """Remembering, recalling, a context, reading a page and opening a session, with a key."""
    sessions = [
        SessionFile.write(
            inputs.folder, inputs.n_encrypted_pages, inputs.turns, inputs.reader, key=key
        )
        for key in (TenantKey.generate(), None)
    ]
    with ExitStack() as stack:
        memories = [stack.enter_context(session.open()) for session in sessions]
        yield from _rows_of_long_sessions(memories, inputs)
        pages = [
            stack.enter_context(_paged_memory(inputs, key)) for key in (TenantKey.generate(), None)
        ]
        yield _reading_row(pages)
    yield _opening_row(sessions)


def _rows_of_long_sessions(
    memories: Sequence[OpticalMemory], inputs: BenchInputs
) -> Iterator[BenchRow]:
    turns = vary(inputs.turns, TURNS + 1, SEED)
    questions = list(islice(cycle(QUESTIONS), READINGS))
    n_turns = inputs.n_encrypted_pages * TURNS_A_PAGE
    works: dict[str, tuple[Any, Sequence[Any]]] = {
        "remember a turn": (lambda memory, turn: memory.remember(turn), turns),
        "recall": (lambda memory, question: memory.recall(question, k=3), questions),
        "context": (lambda memory, query: memory.context(query, CONTEXT_BUDGET), questions),
    }
    for name, (work, items) in works.items():
        times, plain_times = time_in_turn(
            [lambda item, memory=memory, work=work: work(memory, item) for memory in memories],
            items,
        )
        yield time_row(f"{name}, {n_turns:,} turns", times[1:], plain_times[1:], BASELINE)


def _paged_memory(inputs: BenchInputs, key: TenantKey | None) -> OpticalMemory:
    """A session with certified pages, which are read from their tokens."""
    base = PocketReader(inputs.reader.folder, ladder=Ladder((inputs.base,)))
    name = "encrypted" if key else "plain"
    memory = OpticalMemory(
        "bench",
        store=f"sqlite:///{inputs.folder / name}-pages.db",
        reader=base,
        keep_turns=0,
        policy=ForgettingPolicy(floor=0),
        key=key,
    )
    memory.remember(inputs.turns[: inputs.pages[PAGES].layout.spans[-1].ordinal + 1])
    memory.flush()
    return memory


def _reading_row(memories: Sequence[OpticalMemory]) -> BenchRow:
    ids = [page.id for page in memories[0].pages()]

    def read(memory: OpticalMemory, page: str) -> object:
        drop_readings(memory)
        return memory.read(page)

    times, plain_times = time_in_turn(
        [lambda page, memory=memory: read(memory, page) for memory in memories],
        islice(cycle(ids), READINGS),
    )
    return time_row("read a page from its tokens", times[1:], plain_times[1:], BASELINE)


def _opening_row(sessions: Sequence[SessionFile]) -> BenchRow:
    def open_and_find(session: SessionFile, question: str) -> None:
        with session.open() as memory:
            memory.recall(question, k=1)

    times, plain_times = time_in_turn(
        [
            lambda question, session=session: open_and_find(session, question)
            for session in sessions
        ],
        islice(QUESTIONS, OPENINGS),
    )
    n_turns = sessions[0].n_pages * TURNS_A_PAGE
    return time_row(f"open {n_turns:,} turns and find", times, plain_times, BASELINE)
