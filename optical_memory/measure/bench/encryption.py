"""How much dearer a session is that is encrypted: each step beside the same of a plain session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import cycle, islice
from typing import TypeVar

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

Item = TypeVar("Item")

BASELINE = "the same of a plain session"

OPENINGS = 5

READINGS = 20

TURNS = 60
"""Turns that are remembered, after the first, which does not count."""

SEED = 2


def bench_encryption(inputs: BenchInputs) -> Iterator[BenchRow]:
    """Remembering, recalling, a context, reading a page and opening a session, with a key."""
    keys = (TenantKey.generate(), None)
    shape = (inputs.folder, inputs.n_encrypted_pages, inputs.turns, inputs.reader)
    sessions = [SessionFile.write(*shape, key=key) for key in keys]
    with ExitStack() as stack:
        memories = [stack.enter_context(session.open()) for session in sessions]
        yield from _rows_of_long_sessions(memories, inputs)
        pages = [stack.enter_context(_paged_memory(inputs, key)) for key in keys]
        yield _reading_row(pages)
    yield _opening_row(sessions)


def _rows_of_long_sessions(
    memories: Sequence[OpticalMemory], inputs: BenchInputs
) -> Iterator[BenchRow]:
    turns = vary(inputs.turns, TURNS + 1, SEED)
    questions = list(islice(cycle(QUESTIONS), READINGS))
    n_turns = f"{inputs.n_encrypted_pages * TURNS_A_PAGE:,} turns"
    yield _row(f"remember a turn, {n_turns}", [memory.remember for memory in memories], turns)
    recalls = [partial(OpticalMemory.recall, memory) for memory in memories]
    yield _row(f"recall, {n_turns}", recalls, questions)
    contexts = [partial(_context, memory) for memory in memories]
    yield _row(f"context, {n_turns}", contexts, questions)


def _context(memory: OpticalMemory, question: str) -> object:
    return memory.context(question, CONTEXT_BUDGET)


def _row(
    name: str, works: Sequence[Callable[[Item], object]], items: Iterable[Item], n_first: int = 1
) -> BenchRow:
    """The row of two works on the same items in turn, without the first items."""
    times, plain_times = time_in_turn(works, items)
    return time_row(name, times[n_first:], plain_times[n_first:], BASELINE)


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
    works = [partial(_read_again, memory) for memory in memories]
    return _row("read a page from its tokens", works, islice(cycle(ids), READINGS))


def _read_again(memory: OpticalMemory, page: str) -> object:
    drop_readings(memory)
    return memory.read(page)


def _opening_row(sessions: Sequence[SessionFile]) -> BenchRow:
    works = [partial(_open_and_find, session) for session in sessions]
    name = f"open {sessions[0].n_pages * TURNS_A_PAGE:,} turns and find"
    return _row(name, works, islice(QUESTIONS, OPENINGS), n_first=0)


def _open_and_find(session: SessionFile, question: str) -> None:
    with session.open() as memory:
        memory.recall(question, k=1)
