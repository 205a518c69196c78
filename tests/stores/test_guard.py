"""The circuit breaker: it opens for a server that hangs and not for an impatient caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from optical_memory.errors import StoreError
from optical_memory.stores.guard import CallGuard
from optical_memory.stores.turn_time import turn_time


class FakeServer:
    """Answers at once, or hangs until it is let go."""

    def __init__(self) -> None:
        self.hangs = False
        self.n_probes = 0
        self._released = threading.Event()

    def answer(self) -> str:
        if self.hangs:
            self._released.wait(10)
        return "pong"

    def probe(self) -> str:
        self.n_probes += 1
        return self.answer()

    def release(self) -> None:
        self.hangs = False
        self._released.set()


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def guard(server: FakeServer) -> CallGuard:
    return CallGuard(deadline=0.4, cooldown=0.3, probe=server.probe, transient=(ConnectionError,))


def seconds(work: Callable[[], object], *errors: type[Exception]) -> float:
    start = time.monotonic()
    with pytest.raises(errors):
        work()
    return time.monotonic() - start


def test_one_call_asks_whether_the_server_is_back_and_none_waits_for_it(
    server: FakeServer, guard: CallGuard
) -> None:
    server.hangs = True
    assert seconds(lambda: guard.call(server.answer), TimeoutError) >= 0.4
    time.sleep(0.35)
    waits: list[float] = []

    def ask() -> None:
        waits.append(seconds(lambda: guard.call(server.answer), StoreError))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(waits) < 0.2
    assert server.n_probes == 1
    server.release()


def test_a_call_that_may_take_longer_waits_for_an_answer_and_not_for_a_server_that_is_down(
    guard: CallGuard,
) -> None:
    def refuse() -> None:
        raise ConnectionError("nobody listens")

    assert seconds(lambda: guard.call(refuse, 4.0), ConnectionError) < 1.0
    time.sleep(0.35)
    assert guard.call(lambda: time.sleep(0.6) or "answer", 4.0) == "answer"


def test_a_late_answer_closes_the_breaker(server: FakeServer, guard: CallGuard) -> None:
    server.hangs = True
    seconds(lambda: guard.call(server.answer), TimeoutError)
    assert seconds(lambda: guard.call(server.answer), StoreError) < 0.1
    server.release()
    time.sleep(0.05)
    assert guard.call(server.answer) == "pong"
    assert server.n_probes == 0


def test_a_caller_without_time_opens_no_breaker(server: FakeServer, guard: CallGuard) -> None:
    with turn_time(0.05):
        seconds(lambda: guard.call(lambda: time.sleep(0.1)), TimeoutError)
    assert guard.call(server.answer) == "pong"


def test_a_call_that_nobody_waits_for_opens_the_breaker_if_it_stays_unanswered(
    server: FakeServer, guard: CallGuard
) -> None:
    server.hangs = True
    with turn_time(0.05):
        seconds(lambda: guard.call(server.answer), TimeoutError)
    time.sleep(0.2)
    assert seconds(lambda: guard.call(server.answer), StoreError) < 0.1
    server.release()


def test_a_server_that_hangs_for_long_holds_one_thread_and_not_one_for_each_question(
    server: FakeServer, guard: CallGuard
) -> None:
    server.hangs = True
    seconds(lambda: guard.call(server.answer), TimeoutError)
    for _ in range(3):
        time.sleep(0.35)
        seconds(lambda: guard.call(server.answer), StoreError)
    assert server.n_probes == 1
    server.release()


def test_the_log_and_the_gauge_tell_when_the_breaker_opens_and_closes(
    server: FakeServer, guard: CallGuard, caplog: pytest.LogCaptureFixture
) -> None:
    assert [level.value for level in guard.levels()] == [0.0]
    server.hangs = True
    seconds(lambda: guard.call(server.answer), TimeoutError)
    seconds(lambda: guard.call(server.answer), StoreError)
    assert [level.value for level in guard.levels()] == [1.0]
    server.release()
    time.sleep(0.05)
    assert [level.value for level in guard.levels()] == [0.0]
    events = [getattr(record, "event", "") for record in caplog.records]
    assert events == ["breaker_opened", "breaker_closed"]
