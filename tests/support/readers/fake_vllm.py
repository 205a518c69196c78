"""Small local vLLM servers: they unpack pages, answer, fail, stall, drip, and refuse.

Also sockets that take no connection, and a process without free file handles.
"""

from __future__ import annotations

import base64
import gc
import io
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import torch

from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.tokenizer import BOS, EOS, ocr_tokenizer
from optical_memory.readers.vllm import VllmDecoder

DIM = 8
TEXT = "Naïve: 42 𝔘"  # its last character is cut over several tokens

CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens


@dataclass
class Reply:
    """The answer to a page, after `delay` seconds; another `status` than 200 is an error."""

    status: int = 200
    delay: float = 0.0
    message: str = "no"
    ids: tuple[int, ...] = (*ocr_tokenizer().encode(TEXT, add_special_tokens=False).ids, EOS)
    logprobs: tuple[float | None, ...] | None = None  # None: falling from that of 0.9
    finish: str = "stop"


@dataclass
class Fake:
    """One server's switches and its records. `reply(n)` is the reply to the n-th page."""

    reply: Callable[[int], Reply] = lambda n: Reply()
    model: str = "ocr"
    takes_pages: bool = True
    guards: bool = True
    template_ids: tuple[int, ...] = (BOS,)  # its chat template writes them first
    url: str = ""
    pages: list[torch.Tensor] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    first_page: threading.Event = field(default_factory=threading.Event)  # set when it arrives
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
        page = page_part(body["messages"])
        if page is None:
            ids = (5, 5, 7, 5) if self.guards else (5, 5, 5, 5)
            return 200, self.answer([], body, Reply(ids=ids, finish="length"))
        if not self.takes_pages:
            return 400, error("You must set `--enable-prompt-embeds` to input `prompt_embeds`")
        file = io.BytesIO(base64.b64decode(page["data"], validate=True))
        tensor = torch.load(file, weights_only=True)
        if tensor.shape[1] != DIM:
            width = tensor.shape[1]
            return 400, error(f"hidden_size {width} does not match the model's hidden_size {DIM}")
        return self.read_page(tensor, body)

    def read_page(self, tensor: torch.Tensor, body: dict[str, Any]) -> tuple[int, object]:
        with self.lock:
            self.pages.append(tensor)
            self.bodies.append(body)
            reply = self.reply(len(self.pages))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.first_page.set()
        time.sleep(reply.delay)
        with self.lock:
            self.in_flight -= 1
        if reply.status != 200:
            return reply.status, error(reply.message)
        return 200, self.answer([9] * len(tensor), body, reply)

    def answer(self, page: list[int], body: dict[str, Any], reply: Reply) -> dict[str, Any]:
        prompt = (
            ocr_tokenizer().encode(body["messages"][-1]["content"], add_special_tokens=False).ids
        )
        logprobs = reply.logprobs or [float(np.log(0.9 - 0.01 * i)) for i in range(len(reply.ids))]
        steps = [{"token": "?", "logprob": logprob, "bytes": []} for logprob in logprobs]
        choice = {
            "token_ids": list(reply.ids),
            "logprobs": {"content": steps},
            "finish_reason": reply.finish,
        }
        return {"prompt_token_ids": [*self.template_ids, *page, *prompt], "choices": [choice]}


def page_part(messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    for message in messages:
        for part in message["content"]:
            if isinstance(part, dict):
                return part
    return None


def error(message: str) -> dict[str, Any]:
    """An error in the words of vLLM's API."""
    return {"error": {"message": message}}


@contextmanager
def serving(fake: Fake, port: int = 0) -> Iterator[Fake]:
    """The server, at an address that it then has."""

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


@contextmanager
def dripping(head: bytes, seconds: float = 40.0) -> Iterator[str]:
    """The address of a server that answers with `head`, then with a byte every 50 ms."""

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client has hung up
            connection.sendall(head)
            for _ in range(int(seconds / 0.05)):
                connection.sendall(b"x")
                time.sleep(0.05)

    def listen() -> None:
        with suppress(OSError):  # the test is over
            while True:
                threading.Thread(target=drip, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def silent_host() -> Iterator[str]:
    """An address that takes no connection, and refuses none: its queue is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


QUIET_ROUNDS = 4
"""So many looks in a row find no free handle before there are none for good."""


def _use_up_handles(stack: ExitStack) -> bool:
    """Open files until the last handle is used; False if there was none."""
    is_any = False
    with suppress(OSError):
        while True:
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            is_any = True
    return is_any


@contextmanager
def no_free_handles() -> Iterator[None]:
    """Uses up all file handles of this process."""
    gc.collect()  # or it frees handles of earlier tests meanwhile
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        first = os.open(os.devnull, os.O_RDONLY)
        stack.callback(os.close, first)
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(first + 64, hard), hard))
        n_quiet = 0
        while n_quiet < QUIET_ROUNDS:  # a connection of before may still be closing
            n_quiet = 0 if _use_up_handles(stack) else n_quiet + 1
            time.sleep(0.05)
        yield


def starting() -> Iterator[Callable[..., Fake]]:
    """A fixture: starts a server with these switches; all servers stop after the test."""
    with ExitStack() as stack:
        yield lambda **switches: stack.enter_context(serving(Fake(**switches)))


def decoding() -> Iterator[Callable[..., VllmDecoder]]:
    """A fixture: makes a decoder of these servers; all decoders are closed after the test."""
    with ExitStack() as stack:

        def make(*servers: Fake | str, **options: Any) -> VllmDecoder:
            urls = [server if isinstance(server, str) else server.url for server in servers]
            decoder = VllmDecoder(urls, **({"timeout": 5.0, "rest": 0.05} | options))
            stack.callback(decoder.close)
            return decoder

        yield make


def page(n: int = 3, limit: int = 50, prompt: str = "\nFree OCR.") -> Task:
    """A page of n tokens."""
    values = np.linspace(-2, 2, n * DIM, dtype=np.float32).reshape(n, DIM)
    return Task(values, prompt, limit, Guard(30, 90, (128821, 128822)))
