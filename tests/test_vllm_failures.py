"""VllmDecoder and servers that fail: what is tried again and elsewhere, and what is told at once."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest
from fake_vllm import CLOSED, DIM, TEXT, Fake, Reply, decoding, page, serving, starting

from optical_memory.errors import MissingExtra, ReaderUnavailable
from optical_memory.readers.tokenizer import BOS
from optical_memory.readers.transcripts import Guard, Task
from optical_memory.readers.vllm import VllmDecoder

start = pytest.fixture(starting)
decoder = pytest.fixture(decoding)

# ---- failures that pass ---------------------------------------------------------------------------------------------


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


# ---- failures that stay ---------------------------------------------------------------------------------------------


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


def test_a_refusal_is_raised_at_once_with_the_servers_words(start, decoder):
    server = start(reply=lambda n: Reply(400, message="maximum context length is 1024 tokens"))
    with pytest.raises(ReaderUnavailable, match=r"context length is 1024 tokens .*--max-model-len"):
        decoder(server).transcribe([page()])
    assert len(server.pages) == 1


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
    with pytest.raises(ReaderUnavailable, match=r"--logits-processors vllm\.\S*NGramPerReqLogitsProcessor"):
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


def test_what_is_no_vllm_is_told_so(decoder):
    class Proxy(Fake):
        def get(self, path):
            return 200, ["hello"]

    with serving(Proxy()) as server, pytest.raises(ReaderUnavailable, match="does not answer as vLLM"):
        decoder(server).transcribe([page()])


def test_without_httpx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r"optical-memory\[vllm\]"):
        VllmDecoder([CLOSED])
