"""Several vLLM servers as one: which is asked next, how many requests each has in flight, how long
a failed one rests.

Knows HTTP and what vLLM says when it refuses, and nothing of pages. A request is tried again, on
another server where there is one, until its deadline. Every wait in here ends by then, or at once
when its call ends, but for one: opening a connection takes what the resolver takes for the name,
and up to 5 seconds for each of its addresses.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar

from optical_memory.errors import MissingExtra, ReaderUnavailable
from optical_memory.readers.vllm.deadlines import Attempt, Call

if TYPE_CHECKING:
    import httpx

__all__ = ["Fleet", "Server", "Unready"]

T = TypeVar("T")
_CONNECT: Final = 5.0  # seconds to open a connection
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
    """The server is there but cannot answer now; asking later, or another one, may help. Never
    leaves `Fleet.ask`.
    """


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

    def get(self, path: str, attempt: Attempt) -> Any:
        return self._answer("GET", path, None, attempt)

    def post(self, path: str, body: Mapping[str, Any], attempt: Attempt) -> Any:
        """The JSON that it answers in time. Raises `Unready`, httpx's `RequestError`, and
        `ReaderUnavailable` for a refusal and for a call that has ended.
        """
        return self._answer("POST", path, body, attempt)

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None, attempt: Attempt
    ) -> Any:
        response = self._response(method, path, body, attempt)
        if response.status_code in _UNREADY:
            raise Unready(f"HTTP {response.status_code}: {_said(response.content)}")
        if response.status_code >= 300:
            raise ReaderUnavailable(
                _refusal(self.url, _said(response.content) or f"HTTP {response.status_code}")
            )
        return _parsed(self.url, response.content)

    def _response(
        self, method: str, path: str, body: Mapping[str, Any] | None, attempt: Attempt
    ) -> httpx.Response:
        import httpx

        attempt.check()
        left = max(attempt.until - time.monotonic(), 0.01)
        timeout = httpx.Timeout(left, connect=min(_CONNECT, left))
        told = {"trace": attempt.trace}
        try:
            response = self.client.request(
                method, self.url + path, json=body, timeout=timeout, extensions=told
            )
        except httpx.RequestError:
            attempt.check()
            raise
        attempt.check()  # a connection that was cut may look like the end of an answer
        return response


class Fleet:
    """Servers at `urls`, each with at most `concurrency` requests in flight.

    A server that fails rests for `rest` seconds, twice as long each time up to 30, and then gets
    one request at a time until it answers. Where all would rest past a request's deadline, the
    request is still tried once, on the one that rests least. Where there are several, one attempt
    may take half of the time that is left, so that a server which hangs does not keep a request
    from the others.
    """

    def __init__(self, urls: Sequence[str], *, concurrency: int, rest: float) -> None:
        httpx = _httpx()
        key = os.environ.get("VLLM_API_KEY")  # the variable that the server itself reads
        # A connection is of one request: an attempt can cut only what it saw being opened.
        headers = {"Connection": "close"} | ({"Authorization": f"Bearer {key}"} if key else {})
        limits = httpx.Limits()  # none of its own: places are counted here
        self.servers = [Server(url, httpx.Client(headers=headers, limits=limits)) for url in urls]
        self.transient: tuple[type[Exception], ...] = (Unready, httpx.RequestError)
        self._concurrency, self._rest = concurrency, rest
        self._changed = threading.Condition()
        self._calls: set[Call] = set()
        self._closed = False
        self._turns = count(1)

    @contextmanager
    def call(self) -> Iterator[Call]:
        """A call that ends with the block, or when the fleet is closed; it has ended from the start
        if that was.
        """
        call = Call(self._changed)
        with self._changed:
            call.over = self._closed
            self._calls.add(call)
        try:
            yield call
        finally:
            call.end()
            with self._changed:
                self._calls.discard(call)

    def ask(self, request: Callable[[Server, Attempt], T], timeout: float, call: Call) -> T:
        """What `request` returns from the first server that answers within `timeout` seconds, after
        at most as long a wait for a free place. Raises `ReaderUnavailable`, also when `call` ends,
        and what else `request` raises.
        """
        server = self._take(time.monotonic() + timeout, call, untried=True)
        until = time.monotonic() + timeout
        while True:
            failure: Exception | None = None
            try:
                with Attempt(call, self._attempt_until(until, timeout)) as attempt:
                    return request(server, attempt)
            except self.transient as error:
                failure = error
            finally:
                self._give_back(server, failure, call)
            server = self._take(
                until - timeout / 20, call
            )  # a shorter attempt would only hide why the others failed

    def close(self) -> None:
        """Ends all calls, those to come as well. The clients then hold nothing: a connection ends
        with its request.
        """
        with self._changed:
            self._closed = True
            for call in self._calls:
                call.end()

    def _attempt_until(self, until: float, timeout: float) -> float:
        now = time.monotonic()
        left = until - now
        return until if len(self.servers) == 1 else now + max(left / 2, min(left, timeout / 10))

    def _take(self, until: float, call: Call, *, untried: bool = False) -> Server:
        """A place at the least loaded server that does not rest; waits for one. Raises
        `ReaderUnavailable`.
        """
        with self._changed:
            while True:
                call.check()
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
                ends = [
                    server.resting_until for server in self.servers if server.resting_until > now
                ]
                self._changed.wait(min([until, *ends]) - now)

    def _has_room(self, server: Server, now: float) -> bool:
        return now >= server.resting_until and server.in_flight < (
            1 if server.failures else self._concurrency
        )

    def _give_back(self, server: Server, failure: Exception | None, call: Call) -> None:
        with self._changed:
            server.in_flight -= 1
            if not call.over:  # what was cut says nothing of the server
                self._note(server, failure, time.monotonic())
            self._changed.notify_all()

    def _note(self, server: Server, failure: Exception | None, now: float) -> None:
        server.error = failure
        if failure is None:
            server.failures, server.resting_until = 0, 0.0
            return
        server.model = None
        if now >= server.resting_until:  # else one that failed beside it was counted
            server.failures += 1
            rest = min(self._rest * 2 ** min(server.failures - 1, 16), _LONGEST_REST)
            server.resting_until = now + random.uniform(rest / 2, rest)

    def _unavailable(self) -> ReaderUnavailable:
        said = [f"{server.url}: {_name(server.error)}" for server in self.servers]
        error = ReaderUnavailable(
            f"no vLLM server answered in time (timeout= says how long); {'; '.join(said)}"
        )
        error.__cause__ = next((server.error for server in self.servers if server.error), None)
        return error


def _httpx() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise MissingExtra(
            "reading through vLLM needs httpx: pip install 'optical-memory[vllm]'"
        ) from error
    return httpx


def _name(error: Exception | None) -> str:
    return "busy with other requests" if error is None else str(error) or type(error).__name__


def _parsed(url: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise ReaderUnavailable(f"{url} is no vLLM server: it answers {content[:60]!r}") from error


def _said(content: bytes) -> str:
    """The message of an error answer: vLLM's JSON, or the start of whatever it is."""
    try:
        error = json.loads(content)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return content[:200].decode("utf-8", "replace")


def _refusal(url: str, said: str) -> str:
    advice = next((do for sign, do in _ADVICE.items() if sign in said), None)
    return f"{url} refused: {said}" + (f" ({advice})" if advice else "")
