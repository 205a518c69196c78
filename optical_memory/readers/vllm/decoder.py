"""Decoding by stock vLLM servers: where they are, how many pages they get at once, and what each
says of itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.tokenizer import ocr_tokenizer
from optical_memory.readers.vllm.deadlines import Attempt, Call
from optical_memory.readers.vllm.servers import Fleet, Server
from optical_memory.readers.vllm.wire import ServerReport, look, read

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["ServerReport", "VllmDecoder", "VllmSettings", "vllm_urls"]

DTYPES: Final = ("bfloat16", "float16", "float32")
_LOOK: Final = (
    30.0  # seconds that a server has to describe itself; the first request to vLLM on a CPU took 12
)


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """Where the servers are and how they are asked.

    `urls` have no /v1; `concurrency` is requests in flight per server, `timeout` seconds for a page
    with its retries, `dtype` what visual tokens are sent as (the served model's own), `model` the
    served name (None: the server's first).
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
        if not 0 < self.timeout < threading.TIMEOUT_MAX:
            raise ValueError(f"timeout must be a positive number of seconds, not {self.timeout}")
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {self.dtype!r}")


def vllm_urls(url: str) -> VllmSettings:
    """`vllm+http://host:8000,host2:8000/v1?concurrency=8&timeout=120&dtype=bfloat16&model=NAME` (or
    vllm+https) as settings. Raises `ValueError` for anything that is not of this form.
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
    if not parts.hostname or parts.port == 0:  # .port raises ValueError itself for what is no port
        raise ValueError(f"{host!r} is no host:port")
    return host


def _options(query: str) -> dict[str, Any]:
    kinds = {"concurrency": int, "timeout": float, "dtype": str, "model": str}
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
        if name not in kinds:
            raise ValueError(
                f"a vLLM address has no parameter {name!r}; it may have {', '.join(kinds)}"
            )
        if name in found or not value:
            raise ValueError(f"give {name!r} once and with a value")
        try:
            found[name] = kinds[name](value)
        except ValueError as error:
            raise ValueError(f"{name} is {value!r}, which is no {kinds[name].__name__}") from error
    return found


class VllmDecoder:
    """A `Decoder` over the servers at `urls`; the other arguments are those of `VllmSettings`.

    `rest` is how many seconds a failed server is left alone the first time. `tokenizer` is that of
    the served model: DeepSeek-OCR's unless given. Threads may share one.
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
        self._fleet = Fleet(self.settings.urls, concurrency=concurrency, rest=rest)
        self._tokenizer = tokenizer or ocr_tokenizer()
        self._model = model
        self._naming = threading.Lock()

    @classmethod
    def open(cls, url: str, tokenizer: Tokenizer | None = None) -> VllmDecoder:
        """The decoder of a `vllm+http://…` address; see `vllm_urls`."""
        return cls(**asdict(vllm_urls(url)), tokenizer=tokenizer)

    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        """Raises `ReaderUnavailable` when a page got no answer within its timeout, a server refused
        it, or this was closed; the pages in flight are then given up, and no further one is sent.
        """
        if not tasks:
            return []
        places = self.settings.concurrency * len(self.settings.urls)
        pool = ThreadPoolExecutor(min(len(tasks), places), "optical-memory-vllm")
        with (
            pool,
            self._fleet.call() as call,
        ):  # the call ends first, so that the pool has nothing to wait for
            futures = [pool.submit(self._read, task, call) for task in tasks]
            try:
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
            finally:
                pool.shutdown(
                    wait=False, cancel_futures=True
                )  # after an error or Ctrl-C no further page is sent
            return [future.result() for future in futures]

    def describe(self) -> list[ServerReport]:
        """What each server says now; asks all of them at once and raises for none."""
        with ThreadPoolExecutor(len(self._fleet.servers)) as pool, self._fleet.call() as call:
            return list(pool.map(partial(self._described, call), self._fleet.servers))

    def close(self) -> None:
        """Ends what other threads ask at this moment: they, and every later call, get
        `ReaderUnavailable`.
        """
        self._fleet.close()

    def _read(self, task: Task, call: Call) -> Transcript:
        ask = read(task, self.settings.dtype, self._tokenizer)

        def request(server: Server, attempt: Attempt) -> Transcript:
            if server.model is None:
                report = self._look(server, attempt)
                if report.problem:
                    raise ReaderUnavailable(f"{server.url}: {report.problem}")
                server.model = report.model
            return ask(server, attempt)

        return self._fleet.ask(request, self.settings.timeout, call)

    def _described(self, call: Call, server: Server) -> ServerReport:
        told: tuple[type[Exception], ...] = (ReaderUnavailable, *self._fleet.transient)
        try:
            with Attempt(call, time.monotonic() + min(self.settings.timeout, _LOOK)) as attempt:
                return self._look(server, attempt)
        except told as error:
            return ServerReport(server.url, problem=str(error) or type(error).__name__)

    def _look(self, server: Server, attempt: Attempt) -> ServerReport:
        """All servers must serve one model: the one that was asked for, or the first that is met."""
        report = look(server, self._model, attempt)
        with self._naming:
            self._model = self._model or report.model
            agreed = report.model in (None, self._model)
        return (
            report if agreed else self._look(server, attempt)
        )  # another was met first, while this one was looked at
