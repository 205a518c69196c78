"""The store contract, shared sessions: threads and processes that write at once lose nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import optical_memory
from optical_memory.errors import Conflict
from optical_memory.stores import Put, RedisStore, SQLiteStore, Store, Version

ROOT = Path(optical_memory.__file__).parents[1]


def append(store: Store, n_turns: int) -> None:
    """Append numbered turns the way a memory does: read the version, commit against it, retry on
    conflict.
    """
    n_commits = 0
    while n_commits < n_turns:
        version = store.version("alice")
        turn = Put("turn", f"{version.number:06d}", b"x")
        try:
            store.commit("alice", [turn, Put("session", "s", b"%d" % version.number)], version)
        except Conflict:
            continue
        n_commits += 1


def turn_keys(store: Store) -> list[str]:
    return [key for key, _ in store.scan("alice", "turn")]


def run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_that_share_a_store_lose_no_append(store: Store) -> None:
    run([threading.Thread(target=append, args=(store, 25)) for _ in range(4)])
    assert turn_keys(store) == [f"{n:06d}" for n in range(100)]
    assert (store.version("alice").number, store.get("alice", "session", "s")) == (100, b"99")


def test_threads_that_do_not_look_at_versions_all_get_their_own(store: Store) -> None:
    versions: list[Version] = []

    def commit_twenty_times() -> None:
        versions.extend(store.commit("alice", []) for _ in range(20))

    run([threading.Thread(target=commit_twenty_times) for _ in range(4)])
    assert sorted(version.number for version in versions) == list(range(1, 81))
    assert len({version.epoch for version in versions}) == 1


def test_of_threads_that_begin_a_session_at_once_just_one_begins_it(store: Store) -> None:
    versions: list[Version] = []
    conflicts: list[Conflict] = []

    def begin() -> None:
        try:
            versions.append(store.commit("alice", [], expect=Version()))
        except Conflict as error:
            conflicts.append(error)

    run([threading.Thread(target=begin) for _ in range(6)])
    assert (len(versions), len(conflicts)) == (1, 5)
    assert store.version("alice") == versions[0]


APPEND = """
import sys
from optical_memory.errors import Conflict
from optical_memory.stores import Put, open_store
from optical_memory.stores.redis import RedisStore
url, prefix, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url) if url.startswith("sqlite") else RedisStore(url, prefix=prefix)
while count:
    version = store.version("alice")
    try:
        store.commit("alice", [Put("turn", f"{version.number:06d}", b"x")], version)
        count -= 1
    except Conflict:
        pass
"""


def test_processes_that_share_a_session_lose_no_append(
    store: Store, request: pytest.FixtureRequest
) -> None:
    if isinstance(store, SQLiteStore):
        address = [f"sqlite:///{store.path}", "-"]
    else:
        assert isinstance(store, RedisStore)
        address = [request.getfixturevalue("redis_url"), store.prefix]
    command = [sys.executable, "-c", APPEND, *address, "40"]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    append(store, 40)
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert turn_keys(store) == [f"{n:06d}" for n in range(160)]
