"""Decoding by stock vLLM servers: their address, many pages at once, a report of each server."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.tokenizer import ocr_tokenizer
from optical_memory.readers.vllm.loop_thread import LoopThread
from optical_memory.readers.vllm.servers import Server, ServerPool, Unready, within
from optical_memory.readers.vllm.wire import ServerReport, page_request, server_report

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "VllmDecoder",
    "VllmSettings",
    "vllm_urls",
]

DTYPES: Final = ("bfloat16", "float16", "float32")
_REPORT: Final = 30.0  # seconds for a server's report; a first request to vLLM on a CPU took 12


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """Addresses of the servers, and how requests are sent to them.

    `urls` have no /v1. `concurrency` counts the requests in flight per server. `timeout` is the
    seconds for a page with its retries. Visual tokens are sent as `dtype`, which must be that of
    the served model. `model` is the served name (None: the server's first).
    """

    urls: tuple[str, ...]
    concurrency: int = 8
    timeout: float = 120.0
    dtype: str = "bfloat16"
    model: str | None = None

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("name at least one vLLM server")
        if self.concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {self.concurrency}")
        if not 0 < self.timeout < math.inf:
            raise ValueError(f"timeout must be a positive number of seconds, not {self.timeout}")
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {self.dtype!r}")


def vllm_urls(url: str) -> VllmSettings:
    """The settings in an address such as
    `vllm+http://host:8000,host2:8000/v1?concurrency=8&timeout=120&dtype=bfloat16&model=NAME`.

    `vllm+https` works too. Raises `ValueError` if the address does not have this form.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.removeprefix("vllm+")
    if scheme not in ("http", "https") or scheme == parts.scheme or parts.fragment:
        raise ValueError(
            f"{url!r} is no vLLM address: write vllm+http://host:8000 or vllm+https://…"
        )
    path = parts.path.rstrip("/").removesuffix("/v1")
    return VllmSettings(
        urls=tuple(f"{scheme}://{_host(host)}{path}" for host in parts.netloc.split(",")),
        **_options(parts.query),
    )


def _host(host: str) -> str:
    if "@" in host:
        raise ValueError("a key does not belong into the address: set VLLM_API_KEY")
    parts = urlsplit(f"//{host}")
    if not parts.hostname or parts.port == 0:  # .port itself raises ValueError if it is no number
        raise ValueError(f"{host!r} is no host:port")
    return host


def _options(query: str) -> dict[str, Any]:
    kinds = {"concurrency": int, "timeout": float, "dtype": str, "model": str}
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
        if name not in kinds:
            raise ValueError(
                f"a vLLM address has no parameter {name!r}; it may have {', '.join(kinds)}"
            )
        if name in options or not value:
            raise ValueError(f"give {name!r} once and with a value")
        try:
            options[name] = kinds[name](value)
        except ValueError as error:
            raise ValueError(f"{name} is {value!r}, which is no {kinds[name].__name__}") from error
    return options


class VllmDecoder:
    """A `Decoder` over the servers at `urls`; the other arguments are those of `VllmSettings`.

    A server that fails rests for `rest` seconds the first time. `tokenizer` is that of the served
    model: DeepSeek-OCR's by default. Several threads may share a decoder. Raises `MissingExtra` if
    httpx is not installed.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        concurrency: int = 8,
        timeout: float = 120.0,
        dtype: str = "bfloat16",
        model: str | None = None,
        rest: float = 1.0,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.settings = VllmSettings(tuple(urls), concurrency, timeout, dtype, model)
        self._new_pool = partial(ServerPool, self.settings.urls, concurrency=concurrency, rest=rest)
        self._pool = self._new_pool()
        self._tokenizer = tokenizer or ocr_tokenizer()
        self._model = model
        self._thread = LoopThread()

    @classmethod
    def open(cls, url: str, tokenizer: Tokenizer | None = None) -> VllmDecoder:
        """The decoder of a `vllm+http://…` address; see `vllm_urls`."""
        return cls(**asdict(vllm_urls(url)), tokenizer=tokenizer)

    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        """Reads pages, and returns their texts in the same order.

        Raises `ReaderUnavailable` if no server answered for a page within its timeout, if a server
        refused it, or if `close` was called. The other pages are then given up.
        """
        if not tasks:
            return []
        return self._thread.run(lambda: self._transcripts(tasks))

    def describe(self) -> list[ServerReport]:
        """A fresh report of each server; asks all of them at once. Errors are in the reports."""
        try:
            return self._thread.run(self._reports)
        except ReaderUnavailable as error:
            return [ServerReport(url, problem=str(error)) for url in self.settings.urls]

    def close(self) -> None:
        """Ends all requests. Threads that wait for them, and every later call, get
        `ReaderUnavailable`.
        """
        self._thread.close()

    # ---- in the thread of the loop ---------------------------------------------------------------

    async def _transcripts(self, tasks: Sequence[Task]) -> list[Transcript]:
        places = asyncio.Semaphore(self.settings.concurrency * len(self.settings.urls))
        pages = [asyncio.create_task(self._transcript(task, places)) for task in tasks]
        try:
            return await asyncio.gather(*pages)
        finally:  # after an error no further page is sent
            for page in pages:
                page.cancel()
            await asyncio.gather(*pages, return_exceptions=True)

    async def _transcript(self, task: Task, places: asyncio.Semaphore) -> Transcript:
        async with places:  # a packed page has up to 1.4 MB: no more than the servers take
            pool = self._process_pool()
            request = page_request(task, self.settings.dtype, self._tokenizer)
            return await pool.ask(partial(self._send, request), self.settings.timeout)

    async def _send(
        self, request: Callable[[Server], Awaitable[Transcript]], server: Server
    ) -> Transcript:
        """Checks the server first, unless its last check succeeded."""
        if server.model is None:
            report = await self._report(server)
            if report.problem:
                raise ReaderUnavailable(f"{server.url}: {report.problem}")
            server.model = report.model
        return await request(server)

    async def _reports(self) -> list[ServerReport]:
        return await asyncio.gather(*map(self._report_or_error, self._process_pool().servers))

    async def _report_or_error(self, server: Server) -> ServerReport:
        try:
            return await within(min(self.settings.timeout, _REPORT), self._report(server))
        except (ReaderUnavailable, Unready) as error:
            return ServerReport(server.url, problem=str(error))

    async def _report(self, server: Server) -> ServerReport:
        """All servers must serve one model: the model of the settings, or of the first answer."""
        report = await server_report(server, self._model)
        self._model = self._model or report.model
        if report.model in (None, self._model):
            return report
        return await self._report(server)  # another server answered first and set the model

    def _process_pool(self) -> ServerPool:
        """A child process needs a pool of its own: the parent's belongs to the parent's loop."""
        if self._pool.process != os.getpid():
            self._pool = self._new_pool()
        return self._pool
