"""VllmDecoder against servers too small to be wrong: they unpack what arrives, answer, fail, hang and refuse."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
import torch

from optical_memory.errors import MissingExtra, ReaderUnavailable
from optical_memory.readers.tokenizer import BOS, EOS, ocr_tokenizer
from optical_memory.readers.transcripts import Guard, Task
from optical_memory.readers.vllm import ServerReport, VllmDecoder, VllmSettings, vllm_urls

DIM = 8
TEXT = "Naïve: 42 𝔘"  # its last character is cut over several tokens


@dataclass
class Reply:
    """What a server does with a page: answers after `delay` seconds, or says `status`."""

    status: int = 200
    delay: float = 0.0
    message: str = "no"
    ids: tuple[int, ...] = (*ocr_tokenizer().encode(TEXT, add_special_tokens=False).ids, EOS)
    finish: str = "stop"


@dataclass
class Fake:
    """One server's switches, and what it saw. `reply(n)` says what becomes of the n-th page."""

    reply: Callable[[int], Reply] = lambda n: Reply()
    model: str = "ocr"
    takes_pages: bool = True
    guards: bool = True
    before: tuple[int, ...] = (BOS,)  # what its chat template writes first
    url: str = ""
    pages: list[torch.Tensor] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path: str) -> tuple[int, object]:
        if path == "/version":
            return 200, {"version": "0.32.0"}
        if path == "/v1/models":
            return 200, {"data": [{"id": self.model, "max_model_len": 1024}]}
        return 404, {"detail": "Not Found"}

    def chat(self, body: dict[str, Any]) -> tuple[int, object]:
        page = next((part for m in body["messages"] for part in m["content"] if isinstance(part, dict)), None)
        if page is None:
            return 200, self.answer([], body, Reply(ids=(5, 5, 7, 5) if self.guards else (5,) * 4, finish="length"))
        if not self.takes_pages:
            return 400, error("You must set `--enable-prompt-embeds` to input `prompt_embeds`")
        tensor = torch.load(io.BytesIO(base64.b64decode(page["data"], validate=True)), weights_only=True)
        if tensor.shape[1] != DIM:
            return 400, error(f"hidden_size {tensor.shape[1]} does not match the model's hidden_size {DIM}")
        return self.read(tensor, body)

    def read(self, tensor: torch.Tensor, body: dict[str, Any]) -> tuple[int, object]:
        with self.lock:
            self.pages.append(tensor)
            self.bodies.append(body)
            reply = self.reply(len(self.pages))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        time.sleep(reply.delay)
        with self.lock:
            self.in_flight -= 1
        if reply.status != 200:
            return reply.status, error(reply.message)
        return 200, self.answer([9] * len(tensor), body, reply)

    def answer(self, page: list[int], body: dict[str, Any], reply: Reply) -> dict[str, Any]:
        prompt = ocr_tokenizer().encode(body["messages"][-1]["content"], add_special_tokens=False).ids
        steps = [{"token": "?", "logprob": float(np.log(0.9 - 0.01 * i)), "bytes": []} for i in range(len(reply.ids))]
        choice = {"token_ids": list(reply.ids), "logprobs": {"content": steps}, "finish_reason": reply.finish}
        return {"prompt_token_ids": [*self.before, *page, *prompt], "choices": [choice]}


def error(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}


@contextmanager
def serving(fake: Fake, port: int = 0) -> Iterator[Fake]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send(*fake.get(self.path))

        def do_POST(self) -> None:
            fake.keys.add(self.headers["Authorization"])
            self.send(*fake.chat(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def send(self, status: int, content: object) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None: ...

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *args: object) -> None: ...  # clients that gave up

    with Quiet(("127.0.0.1", port), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


@pytest.fixture
def start() -> Iterator[Callable[..., Fake]]:
    """Starts a server with the switches given; all stop after the test."""
    with ExitStack() as stack:
        yield lambda **switches: stack.enter_context(serving(Fake(**switches)))


@pytest.fixture
def decoder() -> Iterator[Callable[..., VllmDecoder]]:
    with ExitStack() as stack:

        def make(*servers: Fake | str, **options: Any) -> VllmDecoder:
            urls = [server if isinstance(server, str) else server.url for server in servers]
            made = VllmDecoder(urls, **({"timeout": 5.0, "rest": 0.05} | options))
            stack.callback(made.close)
            return made

        yield make


def page(n: int = 3, limit: int = 50, prompt: str = "\nFree OCR.") -> Task:
    values = np.linspace(-2, 2, n * DIM, dtype=np.float32).reshape(n, DIM)
    return Task(values, prompt, limit, Guard(30, 90, (128821, 128822)))


CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens

# ---- what goes over the wire ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_a_page_arrives_as_the_tensor_it_was(start, decoder, dtype):
    server = start()
    decoder(server, dtype=dtype).transcribe([page()])
    torch.testing.assert_close(server.pages, [torch.from_numpy(page().tokens).to(getattr(torch, dtype))])


def test_a_request_is_greedy_and_carries_prompt_limit_and_guard(start, decoder):
    server = start()
    decoder(server).transcribe([page(limit=77)])
    body = server.bodies[0]
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0, 77, "ocr")
    assert body["messages"][-1]["content"] == "\nFree OCR."
    assert body["vllm_xargs"] == {"ngram_size": 30, "window_size": 90, "whitelist_token_ids": [128821, 128822]}


def test_the_servers_key_is_sent(start, decoder, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", "sesame")
    server = start()
    decoder(server).transcribe([page()])
    assert server.keys == {"Bearer sesame"}


# ---- what comes back ------------------------------------------------------------------------------------------------


def test_every_character_has_the_probability_of_its_least_sure_token(start, decoder):
    (read,) = decoder(start()).transcribe([page()])
    pieces = [len(ocr_tokenizer().encode(TEXT[:i], add_special_tokens=False).ids) for i in (len(TEXT) - 1, len(TEXT))]
    assert read.text == TEXT
    assert pieces[1] - pieces[0] > 1, "the last character must take several tokens"
    assert read.confidence[-1] == pytest.approx(0.9 - 0.01 * (pieces[1] - 1))
    assert read.confidence[0] == pytest.approx(0.9)
    assert len(read.confidence) == len(TEXT)


def test_half_a_character_is_no_reading_of_it(start, decoder):
    ids = ocr_tokenizer().encode("a𝔘", add_special_tokens=False).ids[:-1]
    (read,) = decoder(start(reply=lambda n: Reply(ids=tuple(ids), finish="length"))).transcribe([page()])
    assert read.text.strip("\ufffd") == "a"
    assert set(read.confidence[1:]) == {0}


@pytest.mark.parametrize(("finish", "ended"), [("stop", True), ("length", False)])
def test_whether_the_model_ended_the_page_itself_is_told(start, decoder, finish, ended):
    (read,) = decoder(start(reply=lambda n: Reply(finish=finish))).transcribe([page()])
    assert read.ended is ended


def test_readings_come_in_the_order_of_the_pages(start, decoder):
    ids = [ocr_tokenizer().encode(word, add_special_tokens=False).ids for word in ("one", "two", "three", "four")]

    class Echo(Fake):
        def answer(self, page, body, reply):
            return super().answer(page, body, Reply(ids=tuple(ids[len(page) - 1])) if page else reply)

    with serving(Echo(reply=lambda n: Reply(delay=0.05 * (n % 2)))) as server:
        readings = decoder(server).transcribe([page(n) for n in (4, 1, 3, 2)])
    assert [read.text for read in readings] == ["four", "one", "three", "two"]


def test_no_pages_ask_nothing(decoder):
    assert decoder(CLOSED).transcribe([]) == []


# ---- many pages -----------------------------------------------------------------------------------------------------


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
    servers = [start(reply=lambda n: Reply(delay=0.01)) for _ in range(2)]
    decoder(*servers, concurrency=2).transcribe([page()] * 20)
    assert all(6 <= len(server.pages) <= 14 for server in servers)


def test_one_after_the_other_servers_take_turns(start, decoder):
    servers = [start() for _ in range(3)]
    shared = decoder(*servers)
    for _ in range(6):
        shared.transcribe([page()])
    assert [len(server.pages) for server in servers] == [2, 2, 2]


def test_who_finds_no_free_place_in_time_is_told_so(start, decoder):
    server = start(reply=lambda n: Reply(delay=0.5))
    shared = decoder(server, concurrency=1)
    first = threading.Thread(target=shared.transcribe, args=([page()],))
    first.start()
    while not server.in_flight:
        time.sleep(0.01)
    with pytest.raises(ReaderUnavailable, match="busy with other requests"):
        shared._fleet.ask(lambda server, until: None, timeout=0.1)
    first.join()


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


# ---- what is known before a page is sent ----------------------------------------------------------------------------


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
    code = "import sys, optical_memory.readers.vllm; print(*{'torch', 'transformers', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# ---- addresses ------------------------------------------------------------------------------------------------------


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
