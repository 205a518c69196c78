"""Several memories on one session, and the thread in the background: nothing lost, nothing left
undone.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.memories import Open
from support.shelf_turns import said

import optical_memory
from optical_memory import OpticalMemory, Turn
from optical_memory.profiles import Rung
from optical_memory.testing import TemplateReader, turn_texts
from optical_memory.tokens import VisualTokens

ROOT = Path(optical_memory.__file__).parents[1]

# ---- several memories on one session -------------------------------------------------------------


def test_two_threads_with_a_memory_each_lose_nothing_and_number_without_gaps(opened: Open):
    memories = [opened(), opened()]

    def write(memory: OpticalMemory, who: str) -> None:
        for n in range(60):
            memory.remember(
                Turn("user", f"{who} says number {n}, and that is that.", id=f"{who}{n}")
            )

    threads = [
        threading.Thread(target=write, args=pair)
        for pair in zip(memories, ("ann", "bob"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for memory in memories:
        memory.flush()
    assert_both_told_everything(memories[0], 60)


def assert_both_told_everything(memory: OpticalMemory, each: int) -> None:
    told = turn_texts(memory)
    assert memory.check() == []
    assert set(told) == {f"{who}{n}" for who in ("ann", "bob") for n in range(each)}
    assert all(
        told[f"{who}{n}"] == f"{who} says number {n}, and that is that."
        for who in ("ann", "bob")
        for n in range(each)
    )
    for who in ("ann", "bob"):
        assert [id for id in told if id.startswith(who)] == [f"{who}{n}" for n in range(each)]


WRITER = """
import sys
from optical_memory import OpticalMemory, Turn
from optical_memory.testing import TemplateReader
url, who = sys.argv[1:]
settings = {"reader": TemplateReader(), "keep_turns": 3, "capacity": 10**6}
with OpticalMemory("alice", store=url, **settings) as memory:
    for n in range(60):
        memory.remember(Turn("user", f"{who} says number {n}, and that is that.", id=f"{who}{n}"))
"""


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_two_processes_on_one_session_lose_nothing(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
):
    url = (
        f"sqlite:///{tmp_path}/memory.db"
        if kind == "sqlite"
        else request.getfixturevalue("redis_url")
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, who], cwd=ROOT)
        for who in ("ann", "bob")
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    with OpticalMemory("alice", store=url, reader=TemplateReader(), background=False) as memory:
        try:
            assert len(memory._archive.snapshot().pages) > 5
            assert_both_told_everything(memory, 60)
        finally:
            memory.forget(session=True)


def test_sessions_are_apart(opened: Open):
    memory = opened()
    other = memory.open("bob")
    memory.remember(said(2))
    other.remember([*said(1, 7), Turn("user", "The zeppelin.")])
    assert memory.sessions() == ["alice", "bob"]
    assert not any("Topic7" in passage.text for passage in memory.recall("topic7", k=9))
    assert memory.recall("zeppelin") == []
    assert other.recall("topic7")[0].text == said(1, 7)[0].text
    other.close()


# ---- the background ------------------------------------------------------------------------------


class BrokenReader(TemplateReader):
    """Cannot see."""

    def encode(self, images: Any, rung: Rung) -> list[VisualTokens]:
        raise RuntimeError("the model ran out of memory")


def test_what_goes_wrong_in_the_background_is_raised_by_flush_and_told_by_stats_but_breaks_nothing(
    opened: Open, caplog: pytest.LogCaptureFixture
):
    threads = set(threading.enumerate())  # with those of other tests
    memory = opened(reader=BrokenReader())
    memory.remember(said(40))
    with pytest.raises(RuntimeError, match="ran out of memory"):
        memory.flush()
    assert "ran out of memory" in str(memory.stats().problem)
    assert "ran out of memory" in caplog.text
    memory.remember(said(1, 99))
    assert memory.recall("topic99")[0].text == said(1, 99)[0].text
    assert "Topic7" in memory.recall("topic7")[0].text
    with pytest.raises(RuntimeError, match="ran out of memory"):
        memory.close()
    assert set(threading.enumerate()) <= threads


def test_the_next_memory_does_the_work_that_one_left_undone(opened: Open):
    broken = opened(reader=BrokenReader())
    broken.remember(said(40))
    with pytest.raises(RuntimeError):
        broken.flush()
    memory = opened()
    memory.flush()
    assert set(memory.stats().pages) == {"large"}


def test_closing_ends_the_thread_and_leaves_nothing_undone(file_url: str):
    threads = set(threading.enumerate())  # with those of other tests
    with OpticalMemory(
        "alice", store=file_url, reader=TemplateReader(), keep_turns=3, capacity=10**6
    ) as memory:
        memory.remember(said(40))
    assert set(threading.enumerate()) <= threads
    with OpticalMemory("alice", store=file_url, reader=TemplateReader()) as again:
        assert set(again.stats().pages) == {"large"}


class SlowReader(TemplateReader):
    """Takes its time, like a real one."""

    def encode(self, images: Any, rung: Rung) -> list[VisualTokens]:
        time.sleep(0.2)
        return super().encode(images, rung)


def test_an_interrupt_ends_a_memory_at_once_and_the_next_one_does_the_rest(file_url: str):
    settings: Any = {"store": file_url, "keep_turns": 3, "capacity": 10**6}
    memory = OpticalMemory("alice", reader=SlowReader(), **settings)
    memory.remember(said(300))
    start = time.monotonic()
    memory.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert time.monotonic() - start < 5.0
    with OpticalMemory("alice", reader=TemplateReader(), **settings) as again:
        assert len(turn_texts(again)) == 300
        assert again.stats().pages.keys() != {"large"}, "the slow reader has certified all"
        again.flush()
        assert again.stats().pages.keys() == {"large"}


def test_a_memory_that_was_only_read_starts_no_thread(opened: Open):
    opened().remember(said(40))
    reader = opened()
    reader.recall("topic7")
    reader.close()
    assert not reader._worker.has_started
