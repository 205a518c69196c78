"""Several vLLM servers as one: which of them gets a request, how many each has in flight, and how
long a failed server rests.

Knows HTTP and vLLM's refusals, and nothing of pages. A pool belongs to one event loop, so it needs
no lock. Every wait ends at its deadline, or at once if its task is cancelled.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar

from optical_memory.errors import MissingExtra, ReaderUnavailable

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Server",
    "ServerPool",
    "Unready",
    "within",
]

T = TypeVar("T")
_CONNECT: Final = 5.0  # seconds to open a connection, so that a silent host leaves time for another
_LONGEST_REST: Final = 30.0  # seconds
_UNREADY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_ADVICE: Final[Mapping[str, str]] = {
    "part type": "it takes no prompt_embeds in chat messages: vLLM 0.32 does",
    "hidden_size": "it serves another model than the one that made these tokens",
    "context length": "start it with a larger --max-model-len, or lower the rung",
    "Unauthorized": "set VLLM_API_KEY to the key that it was started with",
    "does not exist": "name the served model with ?model=",
}
"""Words of a refusal, and what the user can do about it."""


class Unready(Exception):
    """The server cannot answer at present; another server, or a later request, may succeed.

    Never leaves `ServerPool.ask`.
    """


async def within(seconds: float, answer: Awaitable[T]) -> T:
    """The answer. Raises `Unready` if it takes longer; its work is then cancelled."""
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError as error:
        raise Unready(f"timed out: no whole answer within {seconds:.1f} s") from error


@dataclass(eq=False)
class Server:
    """One server at `url` (without /v1), and its present state."""

    url: str
    client: httpx.AsyncClient
    model: str | None = None  # its name after a check that it can read pages, until it fails
    in_flight: int = 0
    failures: int = 0  # in a row
    resting_until: float = 0.0  # monotonic
    turn: int = 0  # of its last request, so that equal servers take turns
    error: Exception | None = None

    async def send(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of the answer; a request without a body is a GET.

        Raises `Unready`, and `ReaderUnavailable` for a refusal.
        """
        import httpx

        try:
            response = await self._response(path, body)
        except httpx.RequestError as error:
            raise Unready(_reason(error)) from error
        if response.status_code in _UNREADY:
            raise Unready(f"HTTP {response.status_code}: {_error_text(response.content)}")
        if response.status_code >= 300:
            text = _error_text(response.content) or f"HTTP {response.status_code}"
            raise ReaderUnavailable(_refusal(self.url, text))
        return _parsed(self.url, response.content)

    async def _response(self, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        """Closes its connection itself in the end.

        httpx leaves a connection open if a task is cancelled between two steps: after the
        connection was opened, in a TLS handshake, or while httpx closes it.
        """
        method = "GET" if body is None else "POST"
        async with AsyncExitStack() as connections:

            async def trace(event: str, info: Mapping[str, Any]) -> None:
                if event.endswith("connect_tcp.complete"):  # of the server, or of a proxy
                    connections.push_async_callback(info["return_value"].aclose)

            return await self.client.request(
                method, self.url + path, json=body, extensions={"trace": trace}
            )

    def has_place(self, concurrency: int) -> bool:
        """A server that failed gets one request at a time until it answers."""
        return self.in_flight < (1 if self.failures else concurrency)

    def note_answer(self) -> None:
        self.error = None
        self.failures = 0
        self.resting_until = 0.0

    def note_failure(self, error: Exception, rest: float) -> None:
        """Lets the server rest, for `rest` seconds the first time.

        Requests that fail side by side count as one failure.
        """
        time_now = time.monotonic()
        self.error = error
        self.model = None
        if time_now >= self.resting_until:
            seconds = min(rest * 2 ** min(self.failures, 16), _LONGEST_REST)
            self.failures += 1
            self.resting_until = time_now + random.uniform(seconds / 2, seconds)


class ServerPool:
    """Servers at `urls`, each with at most `concurrency` requests in flight.

    A server that fails rests for `rest` seconds, and twice as long each further time, up to 30. It
    then gets one request at a time until it answers. If all servers rest past the deadline of a
    new request, the server with the shortest rest is tried once. If there are several servers, an
    attempt takes at most half of the time that is left: a server that hangs must not keep a request
    from the others.
    """

    def __init__(self, urls: Sequence[str], *, concurrency: int, rest: float) -> None:
        self.servers = [Server(url, _client()) for url in urls]
        self.process = os.getpid()
        self._concurrency = concurrency
        self._rest = rest
        self._change = asyncio.Event()  # set and cleared at once, to wake all that wait
        self._turns = count(1)

    async def ask(self, request: Callable[[Server], Awaitable[T]], timeout: float) -> T:
        """The result of `request` from the first server that answers within `timeout` seconds.

        Waits at most as long again for a free place first. Raises `ReaderUnavailable` if no server
        answers, and whatever else `request` raises.
        """
        server = await self._place(time.monotonic() + timeout, is_new=True)
        deadline = time.monotonic() + timeout
        while True:
            try:
                return await self._attempt(request, server, self._seconds(deadline, timeout))
            except Unready:  # no shorter attempt: its timeout would hide the other servers' errors
                server = await self._place(deadline - timeout / 20)

    async def _attempt(
        self, request: Callable[[Server], Awaitable[T]], server: Server, seconds: float
    ) -> T:
        """Gives the place back in the end. A cancelled request says nothing of its server."""
        try:
            answer = await within(seconds, request(server))
        except Unready as error:
            server.note_failure(error, self._rest)
            raise
        except ReaderUnavailable:  # a refusal is an answer
            server.note_answer()
            raise
        else:
            server.note_answer()
            return answer
        finally:
            server.in_flight -= 1
            self._change.set()
            self._change.clear()

    def _seconds(self, deadline: float, timeout: float) -> float:
        """For one attempt."""
        seconds_left = deadline - time.monotonic()
        if len(self.servers) == 1:
            return seconds_left
        return max(seconds_left / 2, min(seconds_left, timeout / 10))

    async def _place(self, deadline: float, *, is_new: bool = False) -> Server:
        """Takes a place at the least loaded server; waits for it until `deadline` (monotonic)."""
        while time.monotonic() < deadline:
            servers = self._free(deadline, is_new)
            if servers:
                server = min(servers, key=lambda server: (server.in_flight, server.turn))
                server.in_flight += 1
                server.turn = next(self._turns)
                return server
            await self._wait(deadline)
        raise self._no_answer()

    def _free(self, deadline: float, is_new: bool) -> list[Server]:
        """Servers that have a place and do not rest.

        If all rest past the deadline of a new request, the first to wake counts as awake.
        """
        time_now = time.monotonic()
        first = min(self.servers, key=lambda server: server.resting_until)
        awake = [server for server in self.servers if server.resting_until <= time_now]
        if is_new and first.resting_until > deadline:
            awake = [first]
        return [server for server in awake if server.has_place(self._concurrency)]

    async def _wait(self, deadline: float) -> None:
        """Until a request ends, a rest ends, or the deadline is there."""
        time_now = time.monotonic()
        ends = [server.resting_until for server in self.servers if server.resting_until > time_now]
        with suppress(TimeoutError):
            async with asyncio.timeout(min([deadline, *ends]) - time_now):
                await self._change.wait()

    def _no_answer(self) -> ReaderUnavailable:
        reasons = [
            f"{server.url}: {server.error or 'busy with other requests'}" for server in self.servers
        ]
        error = ReaderUnavailable(
            f"no vLLM server answered in time (timeout= sets the seconds); {'; '.join(reasons)}"
        )
        error.__cause__ = next((server.error for server in self.servers if server.error), None)
        return error


def _client() -> httpx.AsyncClient:
    try:
        import httpx
    except ImportError as error:
        raise MissingExtra(
            "reading through vLLM needs httpx: pip install 'optical-memory[vllm]'"
        ) from error
    key = os.environ.get("VLLM_API_KEY")  # the server reads the same variable
    return httpx.AsyncClient(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        # The pool counts requests. An idle connection would be closed by the server at a time when
        # it may be used again, and there would be something to close here.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        timeout=httpx.Timeout(None, connect=_CONNECT),  # others are for one receive: see `within`
    )


def _reason(error: httpx.RequestError) -> str:
    """The system's own error, if there is any: httpx says "All connection attempts failed"."""
    text = str(error) or type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            text = f"{type(cause).__name__}: {cause}"
        if isinstance(cause, BaseExceptionGroup):  # an error for each address of a host
            cause = cause.exceptions[0]
        else:
            cause = cause.__cause__ or cause.__context__
    return text


def _parsed(url: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise ReaderUnavailable(f"{url} is no vLLM server: it answers {content[:60]!r}") from error


def _error_text(content: bytes) -> str:
    """The message in vLLM's JSON, or the beginning of another server's answer."""
    try:
        error = json.loads(content)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return content[:200].decode("utf-8", "replace")


def _refusal(url: str, text: str) -> str:
    advice = next((advice for words, advice in _ADVICE.items() if words in text), None)
    return f"{url} refused: {text} ({advice})" if advice else f"{url} refused: {text}"
