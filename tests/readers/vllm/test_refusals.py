"""VllmDecoder and unfit servers: refusals, other models, answers that vLLM never gives."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest
from support.readers.fake_vllm import (
    CLOSED,
    DIM,
    TEXT,
    Fake,
    Reply,
    decoding,
    page,
    serving,
    starting,
)

from optical_memory.errors import MissingExtra, ReaderUnavailable
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.tokenizer import BOS
from optical_memory.readers.vllm import VllmDecoder

start = pytest.fixture(starting)
make_decoder = pytest.fixture(decoding)

# ---- refusals ------------------------------------------------------------------------------------


def test_a_refusal_is_not_tried_again_and_has_the_servers_words(start, make_decoder):
    server = start(reply=lambda n: Reply(400, message="maximum context length is 1024 tokens"))
    with pytest.raises(ReaderUnavailable, match=r"context length is 1024 tokens .*--max-model-len"):
        make_decoder(server).transcribe([page()])
    assert len(server.pages) == 1


def test_a_refusal_is_raised_while_other_pages_are_in_flight_which_is_not_held_against_their_server(
    start, make_decoder
):
    def reply(n):
        return Reply(400, delay=1, message="too long") if n == 1 else Reply(delay=40)

    decoder = make_decoder(start(reply=reply), concurrency=2, timeout=120)
    start_time = time.monotonic()
    with pytest.raises(ReaderUnavailable, match="too long"):
        decoder.transcribe([page()] * 2)
    assert time.monotonic() - start_time < 20
    (state,) = decoder._pool.servers
    assert (state.in_flight, state.failures, state.error) == (0, 0, None)


def test_after_a_refusal_no_further_page_is_sent(start, make_decoder):
    server = start(reply=lambda n: Reply(400, delay=0.02))
    with pytest.raises(ReaderUnavailable):
        make_decoder(server, concurrency=1).transcribe([page()] * 50)
    assert len(server.pages) < 5


def test_a_server_without_prompt_embeds_is_refused_with_the_flag(start, make_decoder):
    with pytest.raises(ReaderUnavailable, match="start it with --enable-prompt-embeds"):
        make_decoder(start(takes_pages=False)).transcribe([page()])


def test_a_server_without_the_guard_is_refused_with_the_flag_and_gets_no_page(start, make_decoder):
    server = start(guards=False)
    with pytest.raises(
        ReaderUnavailable, match=r"--logits-processors vllm\.\S*NGramPerReqLogitsProcessor"
    ):
        make_decoder(server).transcribe([page()])
    assert server.pages == []


def test_a_server_with_another_chat_template_is_refused(start, make_decoder):
    with pytest.raises(ReaderUnavailable, match="another chat template or tokenizer"):
        make_decoder(start(template_ids=(BOS, 128825))).transcribe([page()])


def test_a_server_of_another_width_is_refused(start, make_decoder):
    task = Task(np.zeros((3, DIM + 1), np.float32), "x", 5, Guard())
    with pytest.raises(ReaderUnavailable, match="serves another model"):
        make_decoder(start()).transcribe([task])


# ---- models --------------------------------------------------------------------------------------


def test_a_model_that_is_not_served_is_named_with_those_that_are(start, make_decoder):
    with pytest.raises(ReaderUnavailable, match="it serves ocr, not 'other'"):
        make_decoder(start(), model="other").transcribe([page()])


def test_servers_of_two_models_are_not_mixed(start, make_decoder):
    decoder = make_decoder(start(model="ocr"), start(model="ocr-2"))
    assert decoder.transcribe([page()])[0].text == TEXT
    with pytest.raises(ReaderUnavailable, match="it serves ocr-2, not 'ocr'"):
        decoder.transcribe([page()])


def test_servers_of_two_models_that_answer_at_once_are_not_mixed_either(make_decoder):
    both_answer = threading.Barrier(2)
    models: set[str] = set()

    class Slow(Fake):
        def get(self, path):
            if path == "/v1/models" and self.model not in models:
                models.add(self.model)
                both_answer.wait(60)
            return super().get(path)

    with serving(Slow(model="ocr")) as server, serving(Slow(model="ocr-2")) as server_2:
        with pytest.raises(
            ReaderUnavailable, match=r"it serves (ocr, not 'ocr-2'|ocr-2, not 'ocr')"
        ):
            make_decoder(server, server_2, concurrency=1, timeout=120).transcribe([page()] * 6)
        assert not (server.pages and server_2.pages)


# ---- answers that cannot be right ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "field"),
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
def test_ids_and_probabilities_that_cannot_be_are_no_answer(start, make_decoder, reply, field):
    with pytest.raises(ReaderUnavailable, match=f"does not answer as vLLM .* wrong is .*{field}"):
        make_decoder(start(reply=lambda n: reply)).transcribe([page()])


def test_more_tokens_than_probabilities_are_no_answer(start, make_decoder):
    server = start(reply=lambda n: Reply(ids=(5, 6), logprobs=(-0.1,)))
    with pytest.raises(ReaderUnavailable, match="another number of probabilities than of tokens"):
        make_decoder(server).transcribe([page()])


@pytest.mark.parametrize("answer", [["hello"], {"version": 32}])
def test_another_kind_of_server_is_refused(make_decoder, answer):
    class Proxy(Fake):
        def get(self, path):
            return 200, answer

    with (
        serving(Proxy()) as server,
        pytest.raises(ReaderUnavailable, match="does not answer as vLLM"),
    ):
        make_decoder(server).transcribe([page()])


def test_without_httpx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r"optical-memory\[vllm\]"):
        VllmDecoder([CLOSED])
