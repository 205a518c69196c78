"""Several vLLM servers as one: which is asked next, how many requests each has in flight, how long a failed one rests.

Knows HTTP and what vLLM says when it refuses, and nothing of pages. A request is tried again, on another server where
there is one, until its deadline; every wait in here ends by then.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar

from optical_memory.errors import MissingExtra, ReaderUnavailable

if TYPE_CHECKING:
    import httpx

__all__ = ["Fleet", "Server", "Unready"]

T = TypeVar("T")
_CONNECT: Final = 5.0  # seconds to open a connection
_IDLE: Final = 2.0  # seconds that an unused connection is kept; vLLM closes its end after 5
_LONGEST_REST: Final = 30.0  # seconds
_UNREADY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_ADVICE: Final[Mapping[str, str]] = {
    "part type": "it takes no prompt_embeds in chat messages: vLLM 0.32 does",
    "hidden_size": "it serves another model than the one that made these tokens",
    "context length": "start it with a larger --max-model-len, or lower the rung",
    "Unauthorized": "set VLLM_API_KEY to the key that it was started with",
    "does not exist": "name the served model with ?model=",
}
"""What a refusal has in its text, and what to do about it."""


class Unready(Exception):
    """The server is there but cannot answer now; asking later, or another one, may help. Never leaves `Fleet.ask`."""


@dataclass(eq=False)
class Server:
    """One server at `url` (without /v1) and what is known of it now."""

    url: str
    client: httpx.Client
    model: str | None = None  # its name once the server was looked at and found fit, until it fails
    in_flight: int = 0
    failures: int = 0  # in a row
    resting_until: float = 0.0  # monotonic
    turn: int = 0  # of the last request, so that equals take turns
    error: Exception | None = None

    def get(self, path: str, until: float) -> Any:
        return self._answer("GET", path, None, until)

    def post(self, path: str, body: Mapping[str, Any], until: float) -> Any:
        """The JSON that it answers by `until` (monotonic). Raises `Unready`, httpx's `RequestError`, and
        `ReaderUnavailable` for a refusal."""
        return self._answer("POST", path, body, until)

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None, until: float) -> Any:
        import httpx

        left = max(until - time.monotonic(), 0.01)
        timeout = httpx.Timeout(left, connect=min(_CONNECT, left))
        with self.client.stream(method, self.url + path, json=body, timeout=timeout) as response:
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if time.monotonic() > until:
                    raise httpx.ReadTimeout(f"no whole answer within {left:.1f} s")
        if response.status_code in _UNREADY:
            raise Unready(f"HTTP {response.status_code}: {_said(content)}")
        if response.status_code >= 300:
            raise ReaderUnavailable(_refusal(self.url, _said(content) or f"HTTP {response.status_code}"))
        return _parsed(self.url, content)


class Fleet:
    """Servers at `urls`, each with at most `concurrency` requests in flight.

    A server that fails rests for `rest` seconds, twice as long each time up to 30, and then gets one request at a time
    until it answers. Where all would rest past a request's deadline, the request is still tried once, on the one that
    rests least. Where there are several, one attempt may take half of the time that is left, so that a server which
    hangs does not keep a request from the others.
    """

    def __init__(self, urls: Sequence[str], *, concurrency: int, rest: float) -> None:
        httpx = _httpx()
        key = os.environ.get("VLLM_API_KEY")  # the variable that the server itself reads
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_keepalive_connections=concurrency, keepalive_expiry=_IDLE)
        self.servers = [Server(url, httpx.Client(headers=headers, limits=limits)) for url in urls]
        self.transient: tuple[type[Exception], ...] = (Unready, httpx.RequestError)
        self._concurrency, self._rest = concurrency, rest
        self._changed = threading.Condition()
        self._turns = count(1)

    def ask(self, request: Callable[[Server, float], T], timeout: float) -> T:
        """What `request(server, until)` returns from the first server that answers within `timeout` seconds, after at
        most as long a wait for a free place. Raises `ReaderUnavailable`, and what else `request` raises."""
        server = self._take(time.monotonic() + timeout, untried=True)
        until = time.monotonic() + timeout
        while True:
            failure: Exception | None = None
            try:
                return request(server, self._attempt_until(until, timeout))
            except self.transient as error:
                failure = error
            finally:
                self._give_back(server, failure)
            server = self._take(until - timeout / 20)  # a shorter attempt would only hide why the others failed

    def close(self) -> None:
        for server in self.servers:
            server.client.close()

    def _attempt_until(self, until: float, timeout: float) -> float:
        now = time.monotonic()
        left = until - now
        return until if len(self.servers) == 1 else now + max(left / 2, min(left, timeout / 10))

    def _take(self, until: float, *, untried: bool = False) -> Server:
        """A place at the least loaded server that does not rest; waits for one. Raises `ReaderUnavailable`."""
        with self._changed:
            while True:
                now = time.monotonic()
                soonest = min(server.resting_until for server in self.servers)
                awake = max(now, soonest) if untried and soonest > until else now
                free = [server for server in self.servers if self._has_room(server, awake)]
                if free and now < until:
                    server = min(free, key=lambda server: (server.in_flight, server.turn))
                    server.in_flight, server.turn = server.in_flight + 1, next(self._turns)
                    return server
                if now >= until:
                    raise self._unavailable()
                ends = [server.resting_until for server in self.servers if server.resting_until > now]
                self._changed.wait(min([until, *ends]) - now)

    def _has_room(self, server: Server, now: float) -> bool:
        return now >= server.resting_until and server.in_flight < (1 if server.failures else self._concurrency)

    def _give_back(self, server: Server, failure: Exception | None) -> None:
        with self._changed:
            server.in_flight -= 1
            now = time.monotonic()
            if failure is None:
                server.failures, server.error = 0, None
            elif now >= server.resting_until:  # else one that failed beside it was counted
                server.failures, server.error, server.model = server.failures + 1, failure, None
                rest = min(self._rest * 2 ** min(server.failures - 1, 16), _LONGEST_REST)
                server.resting_until = now + random.uniform(rest / 2, rest)
            self._changed.notify_all()

    def _unavailable(self) -> ReaderUnavailable:
        said = [f"{server.url}: {_name(server.error)}" for server in self.servers]
        error = ReaderUnavailable(f"no vLLM server answered in time (timeout= says how long); {'; '.join(said)}")
        error.__cause__ = next((server.error for server in self.servers if server.error), None)
        return error


def _httpx() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise MissingExtra("reading through vLLM needs httpx: pip install 'optical-memory[vllm]'") from error
    return httpx


def _name(error: Exception | None) -> str:
    return "busy with other requests" if error is None else str(error) or type(error).__name__


def _parsed(url: str, content: bytes | bytearray) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise ReaderUnavailable(f"{url} is no vLLM server: it answers {bytes(content[:60])!r}") from error


def _said(content: bytes | bytearray) -> str:
    """The message of an error answer: vLLM's JSON, or the start of whatever it is."""
    try:
        error = json.loads(content)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return bytes(content[:200]).decode("utf-8", "replace")


def _refusal(url: str, said: str) -> str:
    advice = next((do for sign, do in _ADVICE.items() if sign in said), None)
    return f"{url} refused: {said}" + (f" ({advice})" if advice else "")
