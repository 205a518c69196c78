"""VllmDecoder and servers that fail: what is tried again and elsewhere, what is told at once, what
ends when.
"""

from __future__ import annotations

import socket
import sys
import threading
import time

import numpy as np
import pytest
from support.fake_vllm import (
    CLOSED,
    DIM,
    TEXT,
    Fake,
    Reply,
    decoding,
    dripping,
    page,
    serving,
    starting,
)

from optical_memory.errors import MissingExtra, ReaderUnavailable
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.tokenizer import BOS
from optical_memory.readers.vllm.decoder import VllmDecoder
from optical_memory.readers.vllm.servers import Fleet, Unready

start = pytest.fixture(starting)
decoder = pytest.fixture(decoding)

# ---- failures that pass --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_page_that_one_server_cannot_read_now_is_read_by_another(start, decoder, status):
    ill, well = start(reply=lambda n: Reply(status)), start()
    readings = decoder(ill, well, rest=30).transcribe([page()] * 6)
    assert [read.text for read in readings] == [TEXT] * 6
    assert len(well.pages) == 6


def test_a_server_that_is_gone_costs_one_attempt_and_then_rests(start, decoder):
    well = start()
    shared = decoder(CLOSED, well, rest=30)
    started = time.monotonic()
    for _ in range(5):
        shared.transcribe([page()])
    assert len(well.pages) == 5
    assert time.monotonic() - started < 2


def test_a_server_that_hangs_leaves_time_for_another(start, decoder):
    stuck, well = start(reply=lambda n: Reply(delay=4)), start()
    (read,) = decoder(stuck, well, timeout=2.0, rest=30).transcribe([page()])
    assert read.text == TEXT


def test_the_only_server_is_asked_again_until_it_answers(start, decoder):
    server = start(reply=lambda n: Reply(503 if n < 3 else 200))
    (read,) = decoder(server).transcribe([page()])
    assert read.text == TEXT
    assert len(server.pages) == 3


def test_a_reading_that_the_server_broke_off_is_asked_for_again(start, decoder):
    server = start(reply=lambda n: Reply(finish="abort" if n == 1 else "stop"))
    (read,) = decoder(server).transcribe([page()])
    assert read.ended


def test_a_server_that_comes_back_is_used_again(decoder):
    with serving(Fake()) as server:
        port = int(server.url.rsplit(":", 1)[1])
        shared = decoder(server, timeout=2.0)
        shared.transcribe([page()])
    with pytest.raises(ReaderUnavailable):
        shared.transcribe([page()])
    with serving(Fake(), port) as server:
        assert shared.transcribe([page()])[0].text == TEXT


def test_a_server_that_should_rest_past_the_deadline_is_asked_once_all_the_same(start, decoder):
    server = start(reply=lambda n: Reply(503) if n == 1 else Reply())
    shared = decoder(server, timeout=2.0, rest=30)
    with pytest.raises(ReaderUnavailable):
        shared.transcribe([page()])
    assert shared.transcribe([page()])[0].text == TEXT
    assert len(server.pages) == 2


def failing(server, attempt):
    raise Unready("engine is dead")


def test_a_server_that_has_just_answered_no_longer_rests():
    fleet = Fleet([CLOSED], concurrency=2, rest=30)

    def answering(server, attempt):
        with pytest.raises(ReaderUnavailable):  # one beside it fails before it is done
            fleet.ask(failing, 1, call)
        assert server.resting_until > time.monotonic() + 10
        return "read"

    with fleet.call() as call:
        started = time.monotonic()
        assert fleet.ask(answering, 60, call) == "read"
        assert fleet.ask(lambda server, attempt: "at once", 60, call) == "at once"
        assert time.monotonic() - started < 10


def test_of_requests_that_fail_side_by_side_the_last_error_counts_and_one_rest():
    fleet = Fleet([CLOSED], concurrency=2, rest=30)
    (server,) = fleet.servers

    def failing_later(server, attempt):
        with pytest.raises(ReaderUnavailable):
            fleet.ask(failing, 1, call)
        server.model = "ocr"  # as one that was looked at in between
        rests.append(server.resting_until)
        raise Unready("engine was upgraded")

    rests: list[float] = []
    with fleet.call() as call, pytest.raises(ReaderUnavailable, match="engine was upgraded"):
        fleet.ask(failing_later, 1, call)
    assert (server.failures, server.model, server.in_flight) == (1, None, 0)
    assert rests == [server.resting_until]


# ---- failures that stay --------------------------------------------------------------------------


def test_when_all_fail_the_error_names_each_server_and_comes_within_the_timeout(start, decoder):
    ill = start(reply=lambda n: Reply(503, message="engine is loading"))
    started = time.monotonic()
    with pytest.raises(ReaderUnavailable, match="engine is loading") as told:
        decoder(ill, CLOSED, timeout=1.5).transcribe([page()])
    assert CLOSED in str(told.value)
    assert told.value.__cause__ is not None
    assert time.monotonic() - started < 3


def test_a_server_that_never_answers_is_given_up_at_the_timeout(start, decoder):
    started = time.monotonic()
    with pytest.raises(ReaderUnavailable, match="timed out"):
        decoder(start(reply=lambda n: Reply(delay=3)), timeout=0.4).transcribe([page()])
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b'HTTP/1.1 200 OK\r\n\r\n{"version": "']
)
def test_a_server_that_answers_a_byte_at_a_time_is_given_up_at_the_timeout(decoder, head):
    started = time.monotonic()
    with dripping(head) as url, pytest.raises(ReaderUnavailable, match="timed out"):
        decoder(url, timeout=1.0).transcribe([page()])
    assert time.monotonic() - started < 20


def test_a_refusal_is_not_tried_again_and_has_the_servers_words(start, decoder):
    server = start(reply=lambda n: Reply(400, message="maximum context length is 1024 tokens"))
    with pytest.raises(ReaderUnavailable, match=r"context length is 1024 tokens .*--max-model-len"):
        decoder(server).transcribe([page()])
    assert len(server.pages) == 1


def test_a_refusal_is_raised_while_other_pages_are_in_flight_which_is_not_held_against_their_server(
    start, decoder
):
    server = start(
        reply=lambda n: Reply(400, delay=1, message="too long") if n == 1 else Reply(delay=40)
    )
    shared = decoder(server, concurrency=2, timeout=120)
    started = time.monotonic()
    with pytest.raises(ReaderUnavailable, match="too long"):
        shared.transcribe([page()] * 2)
    assert time.monotonic() - started < 20
    (state,) = shared._fleet.servers
    assert (state.in_flight, state.failures, state.error) == (0, 0, None)


def test_after_a_refusal_no_further_page_is_sent(start, decoder):
    server = start(reply=lambda n: Reply(400, delay=0.02))
    with pytest.raises(ReaderUnavailable):
        decoder(server, concurrency=1).transcribe([page()] * 50)
    assert len(server.pages) < 5


def test_a_server_without_prompt_embeds_is_told_the_flag(start, decoder):
    with pytest.raises(ReaderUnavailable, match="start it with --enable-prompt-embeds"):
        decoder(start(takes_pages=False)).transcribe([page()])


def test_a_server_without_the_guard_is_told_the_flag_and_gets_no_page(start, decoder):
    server = start(guards=False)
    with pytest.raises(
        ReaderUnavailable, match=r"--logits-processors vllm\.\S*NGramPerReqLogitsProcessor"
    ):
        decoder(server).transcribe([page()])
    assert server.pages == []


def test_a_server_with_another_chat_template_is_refused(start, decoder):
    with pytest.raises(ReaderUnavailable, match="another chat template or tokenizer"):
        decoder(start(before=(BOS, 128825))).transcribe([page()])


def test_a_server_of_another_width_is_refused(start, decoder):
    task = Task(np.zeros((3, DIM + 1), np.float32), "x", 5, Guard())
    with pytest.raises(ReaderUnavailable, match="serves another model"):
        decoder(start()).transcribe([task])


def test_a_model_that_is_not_served_is_named_with_those_that_are(start, decoder):
    with pytest.raises(ReaderUnavailable, match="it serves ocr, not 'other'"):
        decoder(start(), model="other").transcribe([page()])


def test_servers_of_two_models_are_not_mixed(start, decoder):
    shared = decoder(start(model="ocr"), start(model="ocr-2"))
    assert shared.transcribe([page()])[0].text == TEXT
    with pytest.raises(ReaderUnavailable, match="it serves ocr-2, not 'ocr'"):
        shared.transcribe([page()])


def test_servers_of_two_models_that_are_met_at_once_are_not_mixed_either(decoder):
    both_are_asked = threading.Barrier(2)
    asked: set[str] = set()

    class Slow(Fake):
        def get(self, path):
            if path == "/v1/models" and self.model not in asked:
                asked.add(self.model)
                both_are_asked.wait(60)
            return super().get(path)

    with serving(Slow(model="ocr")) as one, serving(Slow(model="ocr-2")) as other:
        with pytest.raises(
            ReaderUnavailable, match=r"it serves (ocr, not 'ocr-2'|ocr-2, not 'ocr')"
        ):
            decoder(one, other, concurrency=1, timeout=120).transcribe([page()] * 6)
        assert not (one.pages and other.pages)


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        (Reply(ids=(5, -1)), "token_ids.1"),
        (Reply(ids=(5, 2**32)), "token_ids.1"),
        (Reply(ids=(5, 2**70)), "token_ids.1"),
        (Reply(ids=(5, 6), logprobs=(-0.1, float("nan"))), "content.1.logprob"),
        (Reply(ids=(5, 6), logprobs=(-0.1, None)), "content.1.logprob"),
        (Reply(ids=(5, 6), logprobs=(-0.1, 0.5)), "content.1.logprob"),
        (Reply(ids=(5, 6), logprobs=(-0.1, float("-inf"))), "content.1.logprob"),
    ],
)
def test_ids_and_probabilities_that_cannot_be_are_no_answer(start, decoder, reply, wrong):
    with pytest.raises(ReaderUnavailable, match=f"does not answer as vLLM .* wrong is .*{wrong}"):
        decoder(start(reply=lambda n: reply)).transcribe([page()])


def test_what_is_no_vllm_is_told_so(decoder):
    class Proxy(Fake):
        def get(self, path):
            return 200, ["hello"]

    with (
        serving(Proxy()) as server,
        pytest.raises(ReaderUnavailable, match="does not answer as vLLM"),
    ):
        decoder(server).transcribe([page()])


def test_without_httpx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r"optical-memory\[vllm\]"):
        VllmDecoder([CLOSED])


def test_a_process_that_has_no_handles_left_is_told_so(start, decoder, monkeypatch):
    def dup(self):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket.socket, "dup", dup)
    with pytest.raises(ReaderUnavailable, match="Too many open files"):
        decoder(start(), timeout=2.0).transcribe([page()])


# ---- a decoder that is closed --------------------------------------------------------------------


def test_closing_ends_pages_in_flight_and_those_that_wait_for_a_place(start, decoder):
    server = start(reply=lambda n: Reply(delay=40))
    shared = decoder(server, concurrency=1, timeout=120)
    told: list[str] = []

    def ask():
        with pytest.raises(ReaderUnavailable) as error:
            shared.transcribe([page()])
        told.append(str(error.value))

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    while not server.in_flight:
        time.sleep(0.01)
    shared.close()
    for asker in askers:
        asker.join(20)
    assert told == ["the reader was closed"] * 2
    assert [(state.in_flight, state.failures) for state in shared._fleet.servers] == [(0, 0)]


def test_a_request_that_was_cut_says_nothing_of_its_server():
    fleet = Fleet([CLOSED], concurrency=2, rest=30)
    (server,) = fleet.servers
    server.failures, server.error = 3, Unready("engine is dead")

    def cut(server, attempt):
        fleet.close()
        attempt.check()

    with fleet.call() as call, pytest.raises(ReaderUnavailable, match="closed"):
        fleet.ask(cut, 60, call)
    assert (server.in_flight, server.failures, str(server.error)) == (0, 3, "engine is dead")


def test_a_closed_decoder_asks_nothing(start, decoder):
    server = start()
    shared = decoder(server)
    shared.close()
    with pytest.raises(ReaderUnavailable, match="the reader was closed"):
        shared.transcribe([page()])
    assert [report.problem for report in shared.describe()] == ["the reader was closed"]
    assert server.pages == []
