"""VllmDecoder and servers that fail for a time: retries, other servers, rests, deadlines."""

from __future__ import annotations

import gc
import sys
import time

import pytest
from support.readers.fake_vllm import (
    CLOSED,
    TEXT,
    Fake,
    Reply,
    decoding,
    dripping,
    no_free_handles,
    page,
    serving,
    silent_host,
    starting,
)

from optical_memory.errors import ReaderUnavailable

start = pytest.fixture(starting)
make_decoder = pytest.fixture(decoding)

# ---- another server, or another time -------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_page_that_one_server_cannot_read_now_is_read_by_another(start, make_decoder, status):
    ill = start(reply=lambda n: Reply(status))
    well = start()
    transcripts = make_decoder(ill, well, rest=30).transcribe([page()] * 6)
    assert [transcript.text for transcript in transcripts] == [TEXT] * 6
    assert len(well.pages) == 6


def test_a_server_that_is_gone_costs_one_attempt_and_then_rests(start, make_decoder):
    well = start()
    decoder = make_decoder(CLOSED, well, rest=30)
    start_time = time.monotonic()
    for _ in range(5):
        decoder.transcribe([page()])
    assert time.monotonic() - start_time < 10  # the rest takes 15 seconds or more
    assert len(well.pages) == 5
    state = decoder._pool.servers[0]
    assert state.failures == 1
    assert state.turn == 1  # the number of its last request


def test_a_server_that_hangs_leaves_time_for_another(start, make_decoder):
    stuck = start(reply=lambda n: Reply(delay=40))
    well = start()
    (transcript,) = make_decoder(stuck, well, timeout=4.0, rest=30).transcribe([page()])
    assert transcript.text == TEXT
    assert len(stuck.pages) == 1


def test_a_server_that_takes_no_connection_leaves_time_for_another(start, make_decoder):
    well = start()
    with silent_host() as url:
        (transcript,) = make_decoder(url, well, timeout=4.0, rest=30).transcribe([page()])
    assert transcript.text == TEXT


def test_the_only_server_is_asked_again_until_it_answers(start, make_decoder):
    server = start(reply=lambda n: Reply(503 if n < 3 else 200))
    (transcript,) = make_decoder(server).transcribe([page()])
    assert transcript.text == TEXT
    assert len(server.pages) == 3


def test_a_reading_that_the_server_broke_off_is_asked_for_again(start, make_decoder):
    server = start(reply=lambda n: Reply(finish="abort" if n == 1 else "stop"))
    (transcript,) = make_decoder(server).transcribe([page()])
    assert transcript.ended


def test_a_server_that_comes_back_is_used_again(make_decoder):
    with serving(Fake()) as server:
        port = int(server.url.rsplit(":", 1)[1])
        decoder = make_decoder(server, timeout=2.0)
        decoder.transcribe([page()])
    with pytest.raises(ReaderUnavailable):
        decoder.transcribe([page()])
    with serving(Fake(), port) as server:
        assert decoder.transcribe([page()])[0].text == TEXT


def test_a_server_that_rests_past_the_deadline_is_asked_once_all_the_same(start, make_decoder):
    server = start(reply=lambda n: Reply(503) if n == 1 else Reply())
    decoder = make_decoder(server, timeout=2.0, rest=30)
    with pytest.raises(ReaderUnavailable):
        decoder.transcribe([page()])
    assert decoder.transcribe([page()])[0].text == TEXT
    assert len(server.pages) == 2


# ---- deadlines -----------------------------------------------------------------------------------


def test_when_all_fail_the_error_names_each_server_and_comes_within_the_timeout(
    start, make_decoder
):
    ill = start(reply=lambda n: Reply(503, message="engine is loading"))
    start_time = time.monotonic()
    with pytest.raises(ReaderUnavailable, match="engine is loading") as error:
        make_decoder(ill, CLOSED, timeout=1.5).transcribe([page()])
    assert time.monotonic() - start_time < 5
    assert f"{CLOSED}: ConnectionRefusedError" in str(error.value)
    assert error.value.__cause__ is not None


def test_a_server_that_never_answers_is_given_up_at_the_timeout(start, make_decoder):
    server = start(reply=lambda n: Reply(delay=40))
    start_time = time.monotonic()
    with pytest.raises(ReaderUnavailable, match="timed out"):
        make_decoder(server, timeout=1.0).transcribe([page()])
    assert time.monotonic() - start_time < 10


def test_a_server_that_takes_no_connection_is_given_up_at_the_timeout(make_decoder):
    start_time = time.monotonic()
    with silent_host() as url, pytest.raises(ReaderUnavailable, match="timed out"):
        make_decoder(url, timeout=1.0).transcribe([page()])
    assert time.monotonic() - start_time < 4  # to open a connection may take 5 seconds


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b'HTTP/1.1 200 OK\r\n\r\n{"version": "']
)
def test_a_server_that_answers_a_byte_at_a_time_is_given_up_at_the_timeout(make_decoder, head):
    start_time = time.monotonic()
    with dripping(head) as url, pytest.raises(ReaderUnavailable, match="timed out"):
        make_decoder(url, timeout=1.0).transcribe([page()])
    assert time.monotonic() - start_time < 10


def test_a_report_of_a_server_that_answers_a_byte_at_a_time_is_given_up_too(make_decoder):
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as url:
        (report,) = make_decoder(url, timeout=1.0).describe()
    assert "timed out" in str(report.problem)


# ---- a process without free file handles ---------------------------------------------------------


def test_a_process_that_can_open_no_connection_gets_the_reason(start, make_decoder):
    decoder = make_decoder(start(), timeout=1.0)
    decoder.transcribe([page()])  # starts its loop
    with no_free_handles(), pytest.raises(ReaderUnavailable, match="Too many open files"):
        decoder.transcribe([page()])
    assert decoder.transcribe([page()])[0].text == TEXT


def test_a_process_that_can_start_no_loop_gets_the_reason(start, make_decoder, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # asyncio deletes half a loop
    decoder = make_decoder(start())
    with no_free_handles(), pytest.raises(ReaderUnavailable, match="Too many open files"):
        decoder.transcribe([page()])
    gc.collect()
    assert decoder.transcribe([page()])[0].text == TEXT
