"""A Cluster in trouble: slots that move, a primary that is killed, and a replica in its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from redis.crc import key_slot
from support.cluster import Cluster, running_cluster, wait_until

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import StoreError
from optical_memory.stores import RedisStore
from optical_memory.testing import TemplateReader, turn_texts

pytestmark = pytest.mark.slow

SLOT = key_slot(b"{optical:alice}")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def store(cluster: Cluster) -> Iterator[RedisStore]:
    store = RedisStore(cluster.url, deadline=10.0)  # time for a replica to take over
    yield store
    store.close()


def memory_in(store: RedisStore) -> OpticalMemory:
    memory = OpticalMemory(
        "alice", store=store, reader=TemplateReader(), background=False, keep_turns=3
    )
    memory.deadline = None
    return memory


def letter(n: int) -> Turn:
    return Turn("user", f"letter {n}: the pilot asked for berth {n}", id=f"m{n}")


def remember_while(memory: OpticalMemory, work: threading.Thread, first: int) -> list[str]:
    """The ids of turns that are acknowledged while `work` runs, and of three turns after it."""
    ids: list[str] = []
    n = first
    n_after = 0
    while n_after < 3:
        n_after += not work.is_alive()
        try:
            ids += memory.remember(letter(n))
        except StoreError:
            time.sleep(0.05)
            continue  # the same turn again, as a host does
        n += 1
    return ids


def assert_all_there(memory: OpticalMemory, ids: list[str]) -> None:
    texts = turn_texts(memory)
    assert list(texts) == ids
    assert all(texts[id] == letter(int(id[1:])).text for id in ids)
    assert memory.check() == []


def test_no_turn_is_lost_while_slots_move_and_while_a_replica_takes_over(
    cluster: Cluster, store: RedisStore
):
    with closing(memory_in(store)) as memory:
        ids = memory.remember([letter(n) for n in range(60)])
        memory.flush()
        assert "berth 7" in memory.recall("berth 7")[0].text

        source = cluster.primary_of(SLOT)
        target = next(node for node in cluster.nodes[:3] if node is not source)
        moving = threading.Thread(target=cluster.move_slot, args=(SLOT, source, target, 0.05))
        moving.start()
        ids += remember_while(memory, moving, len(ids))
        moving.join()
        assert cluster.primary_of(SLOT) is target
        assert_all_there(memory, ids)

        target.ask("WAIT", 1, 5000)  # the replica has all of it
        target.kill()
        failing_over = threading.Thread(
            target=wait_until, args=(lambda: _has_new_primary(cluster, target.port),)
        )
        failing_over.start()
        ids += remember_while(memory, failing_over, len(ids))
        failing_over.join()
        assert_all_there(memory, ids)
        assert memory.forget(turn="m3") == 1
    url = f"redis+cluster://127.0.0.1:{cluster.primary_of(SLOT).port}"  # one that lives
    with closing(RedisStore(url)) as fresh, closing(memory_in(fresh)) as again:
        assert again.stats().turns == len(ids)
        assert again.recall("berth 7")[0].text


def _has_new_primary(cluster: Cluster, old_port: int) -> bool:
    try:
        return cluster.primary_of(SLOT).port != old_port
    except AssertionError:
        return False
