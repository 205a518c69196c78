"""A background that falls behind says how far: in stats, in gauges, and once in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest
from support.memories import Open
from support.shelf_turns import said

from optical_memory import OpticalMemory
from optical_memory.pages import Page
from optical_memory.readings import Reading
from optical_memory.session.counts.arrivals import Arrivals
from optical_memory.session.counts.backlog import Backlog
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.workers.backlog_watch import LAG_LIMIT, LOOK_SECONDS, BacklogWatch
from optical_memory.testing import TemplateReader
from optical_memory.tokens import VisualTokens


class SlowReader(TemplateReader):
    """Certifies nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        assert self.go.wait(30)
        return super().certify(tokens, pages)


def test_pages_that_wait_are_counted_and_their_age_grows(opened: Open):
    reader = SlowReader()
    memory = opened(reader=reader, background=True)
    memory.remember(said(40))
    wait_until(lambda: memory.stats().waiting.get("certify", 0) > 0)
    first = memory.stats()
    time.sleep(0.05)
    later = memory.stats()
    assert later.waiting["certify"] >= 1
    assert 0 < first.lag_seconds < later.lag_seconds
    reader.go.set()
    memory.flush()
    assert (memory.stats().waiting, memory.stats().lag_seconds) == ({}, 0.0)


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_pages_wait_to_be_sealed_if_nobody_seals(opened: Open):
    memory = opened(background=False)
    memory.remember(said(5))
    assert memory.stats().waiting == {}
    memory.remember(said(60, 5))
    counts = memory.stats()
    assert counts.waiting["seal"] >= 1
    assert counts.lag_seconds > 0
    memory.seal()
    assert memory.stats().waiting["certify"] == len(memory.pages()) > 0
    assert "seal" not in memory.stats().waiting


def test_pages_wait_to_be_faded(opened: Open):
    opened(background=False, policy=None).remember(said(60))
    memory = opened(background=False, policy=None)
    memory.flush()
    tight = opened(background=False, capacity=50, policy=None)
    assert tight.stats().waiting["fade"] >= 1
    tight.fade()
    assert "fade" not in tight.stats().waiting


def test_what_waits_is_json(opened: Open):
    fields = opened(background=False).stats().to_json()
    assert (fields["waiting"], fields["lag_seconds"]) == ({}, 0.0)


# ---- the log -------------------------------------------------------------------------------------


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def memory(opened: Open) -> OpticalMemory:
    """A memory with a turn, which this process has read."""
    memory = opened(background=False)
    memory.remember(said(1))
    return memory


def test_the_log_has_one_warning_until_all_work_was_done(
    memory: OpticalMemory, caplog: pytest.LogCaptureFixture
):
    clock = Clock()
    lag = 0.0

    def measure(snapshot: Snapshot, arrivals: Arrivals) -> Backlog:
        return Backlog(1, seconds=lag)

    watch = BacklogWatch(memory._archive, measure, clock)

    def n_warnings_after(seconds: float) -> int:
        nonlocal lag
        lag = seconds
        clock.time += LOOK_SECONDS + 1
        caplog.clear()
        watch.look()
        return len(caplog.records)

    lags = (0, LAG_LIMIT + 1, LAG_LIMIT + 20, LAG_LIMIT - 1, LAG_LIMIT + 1, 0, LAG_LIMIT + 1)
    assert [n_warnings_after(seconds) for seconds in lags] == [0, 1, 0, 0, 0, 0, 1]
    (record,) = caplog.records
    assert (record.event, record.session) == ("background_behind", "alice")


def test_a_turn_looks_at_the_backlog_only_now_and_then(memory: OpticalMemory):
    looks: list[float] = []

    def measure(snapshot: Snapshot, arrivals: Arrivals) -> Backlog:
        looks.append(clock.time)
        return Backlog()

    clock = Clock()
    watch = BacklogWatch(memory._archive, measure, clock)
    for second in range(100):
        clock.time = float(second)
        watch.look()
    assert len(looks) == 9


def test_nobody_is_warned_if_nobody_is_to_do_the_work(
    memory: OpticalMemory, caplog: pytest.LogCaptureFixture
):
    clock = Clock()
    watch = BacklogWatch(memory._archive, lambda *_: Backlog(1, seconds=10 * LAG_LIMIT), clock)
    clock.time += LOOK_SECONDS + 1
    watch.look(warns=False)
    assert caplog.records == []
