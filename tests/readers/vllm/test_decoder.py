"""VllmDecoder and servers that answer: requests, answers, many pages, reports, addresses."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import partial

import pytest
import torch
from support.readers.fake_vllm import CLOSED, TEXT, Fake, Reply, decoding, page, serving, starting

from optical_memory.readers.language.tokenizer import ocr_tokenizer
from optical_memory.readers.vllm import ServerReport, VllmSettings, vllm_urls

start = pytest.fixture(starting)
make_decoder = pytest.fixture(decoding)

# ---- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_a_page_arrives_as_the_tensor_it_was(start, make_decoder, dtype):
    server = start()
    make_decoder(server, dtype=dtype).transcribe([page()])
    torch.testing.assert_close(
        server.pages, [torch.from_numpy(page().tokens).to(getattr(torch, dtype))]
    )


def test_a_request_is_greedy_and_carries_prompt_limit_and_guard(start, make_decoder):
    server = start()
    make_decoder(server).transcribe([page(limit=77)])
    body = server.bodies[0]
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0, 77, "ocr")
    assert body["messages"][-1]["content"] == "\nFree OCR."
    assert body["vllm_xargs"] == {
        "ngram_size": 30,
        "window_size": 90,
        "whitelist_token_ids": [128821, 128822],
    }


def test_the_servers_key_is_sent(start, make_decoder, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", "sesame")
    server = start()
    make_decoder(server).transcribe([page()])
    assert server.keys == {"Bearer sesame"}


# ---- answers -------------------------------------------------------------------------------------


def test_every_character_has_the_probability_of_its_least_sure_token(start, make_decoder):
    (transcript,) = make_decoder(start()).transcribe([page()])
    encode = partial(ocr_tokenizer().encode, add_special_tokens=False)
    n_before = len(encode(TEXT[:-1]).ids)
    n_tokens = len(encode(TEXT).ids)
    assert transcript.text == TEXT
    assert n_tokens - n_before > 1, "the last character must take several tokens"
    assert transcript.confidence[-1] == pytest.approx(0.9 - 0.01 * (n_tokens - 1))
    assert transcript.confidence[0] == pytest.approx(0.9)
    assert len(transcript.confidence) == len(TEXT)


def test_half_a_character_is_no_reading_of_it(start, make_decoder):
    ids = ocr_tokenizer().encode("a𝔘", add_special_tokens=False).ids[:-1]
    server = start(reply=lambda n: Reply(ids=tuple(ids), finish="length"))
    (transcript,) = make_decoder(server).transcribe([page()])
    assert transcript.text.strip("\ufffd") == "a"
    assert set(transcript.confidence[1:]) == {0}


def test_a_probability_that_rounding_put_above_one_is_one(start, make_decoder):
    server = start(reply=lambda n: Reply(ids=(5, 6), logprobs=(1e-6, -1e300)))
    (transcript,) = make_decoder(server).transcribe([page()])
    assert transcript.confidence.tolist() == [1, 0]


@pytest.mark.parametrize(("finish", "by_model"), [("stop", True), ("length", False)])
def test_a_transcript_says_whether_the_model_ended_the_page(start, make_decoder, finish, by_model):
    server = start(reply=lambda n: Reply(finish=finish))
    (transcript,) = make_decoder(server).transcribe([page()])
    assert transcript.ended is by_model


def test_readings_come_in_the_order_of_the_pages(start, make_decoder):
    ids = [
        ocr_tokenizer().encode(word, add_special_tokens=False).ids
        for word in ("one", "two", "three", "four")
    ]

    class Echo(Fake):
        def answer(self, page, body, reply):
            if page:
                reply = Reply(ids=tuple(ids[len(page) - 1]))
            return super().answer(page, body, reply)

    with serving(Echo(reply=lambda n: Reply(delay=0.05 * (n % 2)))) as server:
        transcripts = make_decoder(server).transcribe([page(n) for n in (4, 1, 3, 2)])
    assert [transcript.text for transcript in transcripts] == ["four", "one", "three", "two"]


def test_no_pages_ask_nothing(make_decoder):
    assert make_decoder(CLOSED).transcribe([]) == []


# ---- many pages ----------------------------------------------------------------------------------


def test_a_server_has_at_most_so_many_requests_in_flight_whoever_asks(start, make_decoder):
    servers = [start(reply=lambda n: Reply(delay=0.1)) for _ in range(2)]
    decoder = make_decoder(*servers, concurrency=3)
    askers = [threading.Thread(target=decoder.transcribe, args=([page()] * 12,)) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [server.most_in_flight for server in servers] == [3, 3]
    assert sum(len(server.pages) for server in servers) == 36


def test_pages_are_shared_out_evenly(start, make_decoder):
    servers = [start(reply=lambda n: Reply(delay=0.05)) for _ in range(2)]
    make_decoder(*servers, concurrency=2).transcribe([page()] * 20)
    assert all(6 <= len(server.pages) <= 14 for server in servers)


def test_one_after_the_other_servers_take_turns(start, make_decoder):
    servers = [start() for _ in range(3)]
    decoder = make_decoder(*servers)
    for _ in range(6):
        decoder.transcribe([page()])
    assert [len(server.pages) for server in servers] == [2, 2, 2]


# ---- before a page is sent -----------------------------------------------------------------------


def test_describe_reports_every_server_and_raises_for_none(start, make_decoder):
    fit = start()
    unfit = start(guards=False)
    reports = make_decoder(fit, unfit, CLOSED).describe()
    assert [report.url for report in reports] == [fit.url, unfit.url, CLOSED]
    assert reports[0] == ServerReport(fit.url, "0.32.0", "ocr", 1024, problem=None)
    assert "lets the model loop" in str(reports[1].problem)
    assert "ConnectionRefusedError" in str(reports[2].problem)


def test_a_server_is_checked_once(start, make_decoder):
    server = start()
    decoder = make_decoder(server)
    decoder.transcribe([page()])
    server.guards = False  # a second check would fail
    assert decoder.transcribe([page()])[0].text == TEXT


def test_importing_loads_neither_torch_nor_httpx():
    code = """
import sys, optical_memory.readers.vllm
print(*{"torch", "transformers", "httpx"} & set(sys.modules))
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert process.stdout.strip() == b""


# ---- addresses -----------------------------------------------------------------------------------


def test_an_address_names_servers_and_settings():
    url = (
        "vllm+http://a:8000,b.example:8001/v1"
        "?concurrency=4&timeout=30&dtype=float32&model=deepseek-ai/DeepSeek-OCR"
    )
    urls = ("http://a:8000", "http://b.example:8001")
    model = "deepseek-ai/DeepSeek-OCR"
    assert vllm_urls(url) == VllmSettings(urls, 4, 30.0, "float32", model)


def test_an_address_may_have_a_prefix_tls_and_ipv6():
    assert vllm_urls("vllm+https://gate/ocr/v1/").urls == ("https://gate/ocr",)
    assert vllm_urls("vllm+http://[::1]:8000").urls == ("http://[::1]:8000",)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://a:8000", "no vLLM address"),
        ("vllm+ftp://a", "no vLLM address"),
        ("vllm+http://", "no host:port"),
        ("vllm+http://a:8000,", "no host:port"),
        ("vllm+http://a:port", "port|Port"),
        ("vllm+http://key@a:8000", "VLLM_API_KEY"),
        ("vllm+http://a?speed=9", "no parameter 'speed'"),
        ("vllm+http://a?concurrency=8&concurrency=9", "once"),
        ("vllm+http://a?model=", "with a value"),
        ("vllm+http://a?concurrency=many", "no int"),
        ("vllm+http://a?concurrency=0", "at least 1"),
        ("vllm+http://a?timeout=-1", "positive"),
        ("vllm+http://a?timeout=nan", "positive"),
        ("vllm+http://a?timeout=inf", "positive"),
        ("vllm+http://a?dtype=int8", "dtype must be one of"),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason(url, complaint):
    with pytest.raises(ValueError, match=complaint):
        vllm_urls(url)
