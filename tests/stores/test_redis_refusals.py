"""A server that refuses, for whatever reason, costs a turn its memory and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest
import redis
from support.late_server import late_door
from support.valkey_server import ALWAYS, Server, running

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import StoreError
from optical_memory.stores import RedisStore
from optical_memory.testing import TemplateReader

TURN = 2.5
"""The longest turn (seconds)."""

AGAIN = 0.2
"""So many seconds after a failure a store asks again."""

Trouble = Callable[[Server, redis.Redis], Iterator[None]]


@pytest.fixture
def server() -> Iterator[Server]:
    with running(**ALWAYS) as server:
        yield server


def memory_at(url: str) -> OpticalMemory:
    store = RedisStore(url, cooldown=AGAIN)
    return OpticalMemory(
        "log", store=store, reader=TemplateReader(), keep_turns=2, background=False
    )


def turn(n: int) -> Turn:
    return Turn("user", f"letter {n}: the harbour pilot asked for berth {n}", id=f"m{n}")


# ---- what a server says --------------------------------------------------------------------------


def replica_of_nobody(server: Server, client: redis.Redis) -> Iterator[None]:
    """It refuses writes (READONLY)."""
    client.replicaof("127.0.0.1", 1)
    yield
    client.replicaof("NO", "ONE")


def stale_replica(server: Server, client: redis.Redis) -> Iterator[None]:
    """It refuses reads too (MASTERDOWN)."""
    client.config_set("replica-serve-stale-data", "no")
    yield from replica_of_nobody(server, client)


def too_few_replicas(server: Server, client: redis.Redis) -> Iterator[None]:
    """It refuses writes (NOREPLICAS)."""
    client.config_set("min-replicas-to-write", 1)
    yield
    client.config_set("min-replicas-to-write", 0)


def no_rights_to_write(server: Server, client: redis.Redis) -> Iterator[None]:
    """It refuses writes (NOPERM)."""
    client.execute_command("ACL", "SETUSER", "default", "-@write")
    yield
    client.execute_command("ACL", "SETUSER", "default", "+@all")


def no_rights_to_scripts(server: Server, client: redis.Redis) -> Iterator[None]:
    client.execute_command("ACL", "SETUSER", "default", "-@scripting")
    yield
    client.execute_command("ACL", "SETUSER", "default", "+@all")


def endless_script(server: Server, client: redis.Redis) -> Iterator[None]:
    """It refuses everything while somebody's script runs (BUSY)."""
    client.config_set("busy-reply-threshold", 50)

    def run() -> None:
        with redis.Redis.from_url(server.url) as other, suppress(redis.ResponseError):
            other.eval("while true do end", 0)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.1)
    yield
    client.script_kill()
    thread.join()


def paused(server: Server, client: redis.Redis) -> Iterator[None]:
    """It answers nobody."""
    client.execute_command("CLIENT", "PAUSE", 3_000, "ALL")
    yield
    client.ping()  # answered when the pause is over


def paused_writes(server: Server, client: redis.Redis) -> Iterator[None]:
    """It answers only those who read."""
    client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    yield
    client.execute_command("CLIENT", "UNPAUSE")


def full_of_clients(server: Server, client: redis.Redis) -> Iterator[None]:
    """It takes no new connection and ended the old ones."""
    client.client_kill_filter(_type="normal", skipme=True)
    client.config_set("maxclients", 1)
    yield
    client.config_set("maxclients", 100)


REFUSALS = [
    replica_of_nobody,
    stale_replica,
    too_few_replicas,
    no_rights_to_write,
    no_rights_to_scripts,
    endless_script,
    paused,
    paused_writes,
    full_of_clients,
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_a_refused_turn_ends_in_time_and_no_turn_is_lost(server: Server, refusal: Trouble) -> None:
    with closing(memory_at(server.url)) as memory, redis.Redis.from_url(server.url) as client:
        memory.remember([turn(n) for n in range(40)])
        memory.flush()
        with contextmanager(refusal)(server, client):
            start = time.monotonic()
            with pytest.raises(StoreError):
                memory.remember(turn(40))
            assert time.monotonic() - start < TURN
            start = time.monotonic()
            with suppress(StoreError):  # some servers still answer who only reads
                assert memory.context("berth 7")
            assert time.monotonic() - start < TURN
        time.sleep(AGAIN)
        _is_whole(memory, [*range(41)])
    with closing(memory_at(server.url)) as memory:
        _is_whole(memory, [*range(41)])


def _is_whole(memory: OpticalMemory, numbers: list[int]) -> None:
    """Every turn is there once, those too that are sent again, and each can be found."""
    memory.remember([turn(n) for n in numbers])
    assert memory.stats().turns == len(numbers)
    assert memory.check() == []
    for n in (numbers[3], numbers[-1]):
        assert f"berth {n}" in memory.recall(f"letter {n} berth {n}", k=1)[0].text


# ---- what a server does to connections -----------------------------------------------------------


def ended_connections(client: redis.Redis) -> None:
    client.client_kill_filter(_type="normal", skipme=True)


def forgotten_scripts(client: redis.Redis) -> None:
    client.script_flush()


@pytest.mark.parametrize("trouble", [ended_connections, forgotten_scripts])
def test_a_turn_is_remembered_once_over_a_server_that_ends_connections_or_forgets_scripts(
    server: Server, trouble: Callable[[redis.Redis], None]
) -> None:
    with closing(memory_at(server.url)) as memory, redis.Redis.from_url(server.url) as client:
        for n in range(20):
            trouble(client)
            memory.remember(turn(n))
            trouble(client)
            assert memory.context("berth")
        memory.flush()
        _is_whole(memory, [*range(20)])


def test_a_server_that_still_loads_its_data_costs_one_turn_and_no_data() -> None:
    with running(**ALWAYS, **{"enable-debug-command": "yes"}) as server:
        with closing(memory_at(server.url)) as memory:
            memory.remember([turn(n) for n in range(40)])
        loading = threading.Thread(target=_load_slowly, args=(server.url,))
        loading.start()
        time.sleep(0.2)
        with closing(memory_at(server.url)) as memory:
            start = time.monotonic()
            with pytest.raises(StoreError):
                memory.remember(turn(40))
            assert time.monotonic() - start < TURN
            loading.join()
            time.sleep(AGAIN)
            _is_whole(memory, [*range(41)])


def _load_slowly(url: str) -> None:
    """Makes the server load its data again, two seconds for each key."""
    with redis.Redis.from_url(url) as client:
        client.config_set("loading-process-events-interval-bytes", 1024)
        client.config_set("key-load-delay", 500_000)
        client.execute_command("DEBUG", "RELOAD")
        client.config_set("key-load-delay", 0)


@pytest.mark.parametrize("n_bytes", [1, 64])
def test_a_server_whose_answers_drip_costs_one_turn_its_time(server: Server, n_bytes: int) -> None:
    with closing(memory_at(server.url)) as memory:
        memory.remember([turn(n) for n in range(40)])
    with late_door(server.socket, 0.0) as door, closing(memory_at(door.url)) as memory:
        door.drip(n_bytes, 0.05)
        start = time.monotonic()
        with pytest.raises(StoreError):
            memory.context("berth 7")
        assert time.monotonic() - start < TURN
        door.drip(None, 0.0)
    with closing(memory_at(server.url)) as memory:
        _is_whole(memory, [*range(40)])
