"""VllmDecoder and its thread: close, Ctrl-C, forks, event loops of the caller."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import signal
import socket
import threading
import types
import warnings
from contextlib import suppress
from functools import partial
from itertools import count, product

import pytest
from support.readers.fake_vllm import TEXT, Reply, decoding, page, silent_host, starting

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.vllm import VllmDecoder
from optical_memory.readers.vllm.servers import Server, ServerPool

start = pytest.fixture(starting)
make_decoder = pytest.fixture(decoding)


def loop_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "optical-memory-vllm"}


class Caller(threading.Thread):
    """Transcribes a page in a thread of its own, and keeps the error."""

    def __init__(self, decoder: VllmDecoder) -> None:
        super().__init__(daemon=True)
        self.decoder = decoder
        self.error = ""
        self.start()

    def run(self) -> None:
        try:
            self.decoder.transcribe([page()])
        except ReaderUnavailable as error:
            self.error = str(error)


# ---- close ---------------------------------------------------------------------------------------


def test_closing_ends_pages_in_flight_and_those_that_wait_for_a_place(start, make_decoder):
    server = start(reply=lambda n: Reply(delay=40))
    decoder = make_decoder(server, concurrency=1, timeout=120)
    callers = [Caller(decoder) for _ in range(2)]
    assert server.first_page.wait(60)
    decoder.close()
    for caller in callers:
        caller.join(20)
    assert [caller.error for caller in callers] == ["the reader was closed"] * 2
    assert [(state.in_flight, state.failures) for state in decoder._pool.servers] == [(0, 0)]


def test_closing_ends_a_connection_that_is_being_opened(make_decoder):
    with silent_host() as url:
        decoder = make_decoder(url, timeout=120)
        caller = Caller(decoder)
        caller.join(0.5)
        decoder.close()
        caller.join(4)  # to open a connection may take 5 seconds
    assert caller.error == "the reader was closed"


def test_a_closed_decoder_asks_nothing(start, make_decoder):
    server = start()
    decoder = make_decoder(server)
    decoder.close()
    with pytest.raises(ReaderUnavailable, match="the reader was closed"):
        decoder.transcribe([page()])
    assert [report.problem for report in decoder.describe()] == ["the reader was closed"]
    assert server.pages == []


def test_closing_twice_is_closing(start, make_decoder):
    decoder = make_decoder(start())
    decoder.transcribe([page()])
    decoder.close()
    decoder.close()


def test_the_thread_starts_with_the_first_page_and_ends_with_close(start, make_decoder):
    threads = loop_threads()
    decoder = make_decoder(start())
    assert loop_threads() == threads
    decoder.transcribe([page()])
    (thread,) = loop_threads() - threads
    decoder.close()
    thread.join(20)
    assert not thread.is_alive()


def test_the_thread_ends_with_a_decoder_that_nobody_closed(start):
    threads = loop_threads()
    decoder = VllmDecoder([start().url])
    decoder.transcribe([page()])
    (thread,) = loop_threads() - threads
    del decoder
    gc.collect()
    thread.join(20)
    assert not thread.is_alive()


# ---- callers -------------------------------------------------------------------------------------


def test_a_caller_may_run_an_event_loop(start, make_decoder):
    decoder = make_decoder(start())

    async def read() -> str:
        return decoder.transcribe([page()])[0].text

    assert [asyncio.run(read()), asyncio.run(read())] == [TEXT] * 2


def test_after_ctrl_c_no_further_page_is_sent_and_the_place_is_free(start, make_decoder):
    server = start(reply=lambda n: Reply(delay=40 if n == 1 else 0))
    decoder = make_decoder(server, concurrency=1, timeout=120)
    main_thread = threading.get_ident()

    def interrupt() -> None:
        assert server.first_page.wait(60)
        signal.pthread_kill(main_thread, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    # Programs that a shell starts in the background ignore Ctrl-C; this test must not.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            decoder.transcribe([page()] * 3)
        thread.join()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert decoder.transcribe([page()])[0].text == TEXT
    assert len(server.pages) == 2


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of processes with threads
def test_a_child_process_reads_with_a_loop_of_its_own(start, make_decoder):
    server = start(reply=lambda n: Reply(delay=40 if n == 1 else 0))
    decoder = make_decoder(server, concurrency=1, timeout=120)
    caller = Caller(decoder)  # takes the only place during the fork
    assert server.first_page.wait(60)

    def read() -> None:
        assert decoder.transcribe([page()])[0].text == TEXT
        decoder.close()

    child = multiprocessing.get_context("fork").Process(target=read)
    child.start()
    child.join(60)
    child.kill()  # if it hangs
    assert child.exitcode == 0
    assert caller.is_alive()  # the child closed only its own loop
    decoder.close()
    caller.join(20)
    assert caller.error == "the reader was closed"


# ---- connections ---------------------------------------------------------------------------------


@types.coroutine
def cancelling(coroutine, steps: set[int]):
    """Runs the coroutine, and cancels its task at these of its steps, counted from 1."""
    resume = partial(coroutine.send, None)
    for step in count(1):
        try:
            future = resume()
        except StopIteration as end:
            return end.value
        if step in steps:
            asyncio.current_task().cancel()
        try:
            resume = partial(coroutine.send, (yield future))
        except asyncio.CancelledError as error:
            resume = partial(coroutine.throw, error)


def test_a_request_that_is_cancelled_at_any_step_or_two_leaves_no_connection_open(start):
    url = start().url

    async def request(server: Server, steps: set[int]) -> object:
        with suppress(asyncio.CancelledError):
            return await cancelling(server.send("/version"), steps)

    async def requests() -> list[object]:
        (server,) = ServerPool([url], concurrency=1, rest=1).servers
        pairs = product(range(1, 16), repeat=2)  # a request has about ten steps
        return [await asyncio.create_task(request(server, set(pair))) for pair in pairs]

    gc.collect()
    with warnings.catch_warnings(record=True) as problems:
        warnings.simplefilter("always", ResourceWarning)
        answers = asyncio.run(requests())
        gc.collect()
    assert [str(problem.message) for problem in problems] == []
    assert (answers[0], answers[-1]) == (None, {"version": "0.32.0"})


def test_a_server_that_is_silent_in_a_tls_handshake_is_hung_up_on_at_the_timeout(make_decoder):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        decoder = make_decoder(f"https://127.0.0.1:{server.getsockname()[1]}", timeout=1.0)
        with pytest.raises(ReaderUnavailable, match="timed out"):
            decoder.transcribe([page()])
        connection, _ = server.accept()
        with connection:
            connection.settimeout(20)
            while connection.recv(4096):
                pass
