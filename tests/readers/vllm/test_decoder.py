"""VllmDecoder and servers that answer: what goes over the wire, what comes back, many pages,
addresses.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import torch
from support.fake_vllm import CLOSED, TEXT, Fake, Reply, decoding, page, serving, starting

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.language.tokenizer import ocr_tokenizer
from optical_memory.readers.vllm.decoder import ServerReport, VllmSettings, vllm_urls

start = pytest.fixture(starting)
decoder = pytest.fixture(decoding)

# ---- what goes over the wire ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_a_page_arrives_as_the_tensor_it_was(start, decoder, dtype):
    server = start()
    decoder(server, dtype=dtype).transcribe([page()])
    torch.testing.assert_close(
        server.pages, [torch.from_numpy(page().tokens).to(getattr(torch, dtype))]
    )


def test_a_request_is_greedy_and_carries_prompt_limit_and_guard(start, decoder):
    server = start()
    decoder(server).transcribe([page(limit=77)])
    body = server.bodies[0]
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0, 77, "ocr")
    assert body["messages"][-1]["content"] == "\nFree OCR."
    assert body["vllm_xargs"] == {
        "ngram_size": 30,
        "window_size": 90,
        "whitelist_token_ids": [128821, 128822],
    }


def test_the_servers_key_is_sent(start, decoder, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", "sesame")
    server = start()
    decoder(server).transcribe([page()])
    assert server.keys == {"Bearer sesame"}


# ---- what comes back -----------------------------------------------------------------------------


def test_every_character_has_the_probability_of_its_least_sure_token(start, decoder):
    (read,) = decoder(start()).transcribe([page()])
    pieces = [
        len(ocr_tokenizer().encode(TEXT[:i], add_special_tokens=False).ids)
        for i in (len(TEXT) - 1, len(TEXT))
    ]
    assert read.text == TEXT
    assert pieces[1] - pieces[0] > 1, "the last character must take several tokens"
    assert read.confidence[-1] == pytest.approx(0.9 - 0.01 * (pieces[1] - 1))
    assert read.confidence[0] == pytest.approx(0.9)
    assert len(read.confidence) == len(TEXT)


def test_half_a_character_is_no_reading_of_it(start, decoder):
    ids = ocr_tokenizer().encode("a𝔘", add_special_tokens=False).ids[:-1]
    (read,) = decoder(start(reply=lambda n: Reply(ids=tuple(ids), finish="length"))).transcribe(
        [page()]
    )
    assert read.text.strip("\ufffd") == "a"
    assert set(read.confidence[1:]) == {0}


def test_a_probability_that_rounding_put_above_one_is_one(start, decoder):
    (read,) = decoder(start(reply=lambda n: Reply(ids=(5, 6), logprobs=(1e-6, -1e300)))).transcribe(
        [page()]
    )
    assert read.confidence.tolist() == [1, 0]


@pytest.mark.parametrize(("finish", "ended"), [("stop", True), ("length", False)])
def test_whether_the_model_ended_the_page_itself_is_told(start, decoder, finish, ended):
    (read,) = decoder(start(reply=lambda n: Reply(finish=finish))).transcribe([page()])
    assert read.ended is ended


def test_readings_come_in_the_order_of_the_pages(start, decoder):
    ids = [
        ocr_tokenizer().encode(word, add_special_tokens=False).ids
        for word in ("one", "two", "three", "four")
    ]

    class Echo(Fake):
        def answer(self, page, body, reply):
            return super().answer(
                page, body, Reply(ids=tuple(ids[len(page) - 1])) if page else reply
            )

    with serving(Echo(reply=lambda n: Reply(delay=0.05 * (n % 2)))) as server:
        readings = decoder(server).transcribe([page(n) for n in (4, 1, 3, 2)])
    assert [read.text for read in readings] == ["four", "one", "three", "two"]


def test_no_pages_ask_nothing(decoder):
    assert decoder(CLOSED).transcribe([]) == []


# ---- many pages ----------------------------------------------------------------------------------


def test_a_server_has_at_most_so_many_requests_in_flight_whoever_asks(start, decoder):
    servers = [start(reply=lambda n: Reply(delay=0.02)) for _ in range(2)]
    shared = decoder(*servers, concurrency=3)
    askers = [threading.Thread(target=shared.transcribe, args=([page()] * 12,)) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [server.most_in_flight for server in servers] == [3, 3]
    assert sum(len(server.pages) for server in servers) == 36


def test_pages_are_shared_out_evenly(start, decoder):
    servers = [start(reply=lambda n: Reply(delay=0.05)) for _ in range(2)]
    decoder(*servers, concurrency=2).transcribe([page()] * 20)
    assert all(6 <= len(server.pages) <= 14 for server in servers)


def test_one_after_the_other_servers_take_turns(start, decoder):
    servers = [start() for _ in range(3)]
    shared = decoder(*servers)
    for _ in range(6):
        shared.transcribe([page()])
    assert [len(server.pages) for server in servers] == [2, 2, 2]


def test_who_finds_no_free_place_in_time_is_told_so(start, decoder):
    server = start(reply=lambda n: Reply(delay=2))
    shared = decoder(server, concurrency=1, timeout=60)
    first = threading.Thread(target=shared.transcribe, args=([page()],))
    first.start()
    while not server.in_flight:
        time.sleep(0.01)
    with (
        pytest.raises(ReaderUnavailable, match="busy with other requests"),
        shared._fleet.call() as call,
    ):
        shared._fleet.ask(lambda server, attempt: None, 0.1, call)
    first.join()


# ---- what is known before a page is sent ---------------------------------------------------------


def test_describe_tells_of_every_server_and_raises_for_none(start, decoder):
    fit, unfit = start(), start(guards=False)
    reports = decoder(fit, unfit, CLOSED).describe()
    assert [report.url for report in reports] == [fit.url, unfit.url, CLOSED]
    assert reports[0] == ServerReport(fit.url, "0.32.0", "ocr", 1024, problem=None)
    assert "lets the model loop" in str(reports[1].problem)
    assert "refused" in str(reports[2].problem)


def test_a_server_is_looked_at_once(start, decoder):
    server = start()
    shared = decoder(server)
    shared.transcribe([page()])
    server.guards = False  # a second look would tell
    assert shared.transcribe([page()])[0].text == TEXT


def test_importing_loads_neither_torch_nor_httpx():
    code = "import sys, optical_memory.readers.vllm.decoder; print(*{'torch', 'transformers', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# ---- addresses -----------------------------------------------------------------------------------


def test_an_address_names_servers_and_settings():
    url = "vllm+http://a:8000,b.example:8001/v1?concurrency=4&timeout=30&dtype=float32&model=deepseek-ai/DeepSeek-OCR"
    assert vllm_urls(url) == VllmSettings(
        ("http://a:8000", "http://b.example:8001"), 4, 30.0, "float32", "deepseek-ai/DeepSeek-OCR"
    )


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
        ("vllm+http://a?dtype=int8", "dtype must be one of"),
    ],
)
def test_an_address_that_is_wrong_is_told_how(url, complaint):
    with pytest.raises(ValueError, match=complaint):
        vllm_urls(url)
