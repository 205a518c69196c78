"""A redis-py client behind a guard: one deadline for every call, and no password in an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    RedisClusterException,
    TryAgainError,
)
from redis.retry import Retry

from optical_memory.errors import InputError, StoreError, StoreTimeout
from optical_memory.stores.guard import CallGuard
from optical_memory.stores.locks import ForkLock
from optical_memory.stores.passwords import hide_password, printable_url

__all__ = ["SWEEP", "GuardedClient"]

T = TypeVar("T")
SWEEP: Final = 10
"""How many deadlines a call may take that walks all keys; no such call is in an agent's turn."""

_TRANSIENT = (
    redis.ConnectionError,
    redis.TimeoutError,
    ClusterDownError,
    TryAgainError,
    RedisClusterException,
    OSError,
)
_PERMANENT = (AuthenticationError, AuthorizationError)


class GuardedClient:
    """A server at a URL, connected at the first call, or a client of the user's own.

    `deadline` and `cooldown` are the guard's (seconds). Raises `InputError` if redis-py cannot
    read the URL.
    """

    def __init__(
        self, client: str | redis.Redis | redis.RedisCluster, *, deadline: float, cooldown: float
    ) -> None:
        if not isinstance(client, (str, redis.Redis, redis.RedisCluster)):
            raise TypeError(
                f"need a URL or a synchronous redis-py client, not {type(client).__name__}"
            )
        self._url = client if isinstance(client, str) else None
        self._client = None if isinstance(client, str) else client
        options = _url_options(client) if isinstance(client, str) else _client_options(client)
        self._password: str | None = options.get("password")
        self._opening = ForkLock(self._leave_connections)
        self._guard = CallGuard(
            deadline=deadline,
            cooldown=cooldown,
            probe=lambda: self._run(lambda client: client.execute_command("PING")),
            transient=_TRANSIENT,
            permanent=_PERMANENT,
            timeouts=(redis.TimeoutError, TimeoutError),
        )

    @property
    def is_cluster(self) -> bool:
        if self._url is None:
            return isinstance(self._client, redis.RedisCluster)
        return self._url.partition("://")[0].endswith("+cluster")

    def ask(self, *command: Any, patience: int = 1) -> Any:
        """The answer to one command, in bytes even if the client decodes. Raises `StoreError`.

        It may take `patience` deadlines.
        """
        return self.call(
            lambda client: client.execute_command(*command, NEVER_DECODE=True), patience
        )

    def ask_synced(self, *command: Any) -> Any:
        """The answer to one command, given when the server's append-only file is on disk.

        Raises `StoreError`, also if the server did not confirm that.
        """

        def attempt(client: Any) -> Any:
            # one connection, because WAITAOF waits for the writes of its own connection only
            pipe = client.pipeline(transaction=False)
            pipe.execute_command(*command)
            pipe.execute_command("WAITAOF", 1, 0, int(self._guard.deadline * 1000))
            return pipe.execute()

        answer, (n_synced, _) = self.call(attempt)
        if not n_synced:
            raise StoreError(
                "Redis wrote the commit but did not confirm that it is on disk; is appendonly on?"
            )
        return answer

    def call(self, attempt: Callable[[Any], T], patience: int = 1) -> T:
        """The result of `attempt`, which gets the client. It may take `patience` deadlines.

        Raises `StoreError`, with redis-py's error in `__cause__`.
        """
        try:
            return self._guard.call(lambda: self._run(attempt), patience * self._guard.deadline)
        except (redis.TimeoutError, TimeoutError) as error:
            raise StoreTimeout(f"Redis did not answer in time: {error}") from error
        except (redis.RedisError, RedisClusterException, OSError) as error:
            raise StoreError(f"Redis said no: {error}") from error

    def close(self) -> None:
        """Close the client if this class opened it."""
        if self._url is not None and self._client is not None:
            self._client.close()

    def _run(self, attempt: Callable[[Any], T]) -> T:
        try:
            return attempt(self._open())
        except (redis.RedisError, RedisClusterException) as error:
            hide_password(error, self._password)
            raise

    def _leave_connections(self) -> None:
        """In a forked child: the connections are the parent's, and so are the client's locks."""
        if self._url is not None:
            self._client = None

    def _open(self) -> Any:
        with self._opening:
            if self._client is None:
                assert self._url is not None
                self._client = _connect(self._url, self._guard.deadline)
            return self._client


def _connect(url: str, deadline: float) -> redis.Redis | redis.RedisCluster:
    """A client of ours: its timeouts are the deadline, and it leaves retries to the guard."""
    options: dict[str, Any] = {
        "socket_timeout": deadline,
        "socket_connect_timeout": deadline,
        # Without both, a new connection costs up to four more round trips.
        "protocol": 2,
        "driver_info": None,
        "socket_read_size": 1 << 20,  # bytes; pictures come in a few reads
    }
    address = _plain_url(url)
    if address != url:
        return redis.RedisCluster.from_url(address, **options)
    return redis.Redis.from_url(address, retry=Retry(NoBackoff(), 0), **options)


def _plain_url(url: str) -> str:
    """The URL as redis-py knows it, which has no scheme for a Cluster."""
    scheme, separator, address = url.partition("://")
    return f"{scheme.removesuffix('+cluster')}{separator}{address}"


def _url_options(url: str) -> dict[str, Any]:
    """The options of a connection that stand in a URL. Opens no connection.

    Raises `InputError`; redis-py's own error is no part of it, because that may quote the password.
    """
    try:
        pool = redis.ConnectionPool.from_url(_plain_url(url))
        if _plain_url(url) == url:  # a Cluster has options of its own
            pool.make_connection()  # refuses unknown options, and connects to nothing
        return pool.connection_kwargs
    except (TypeError, ValueError, redis.RedisError):
        pass
    raise InputError(
        f"redis-py cannot read the URL {printable_url(url)!r}: percent-encode the special "
        "characters of a password, and check the port and the options"
    )


def _client_options(client: redis.Redis | redis.RedisCluster) -> dict[str, Any]:
    return client.get_connection_kwargs()
