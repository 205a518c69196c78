"""Kill -9 at random moments: no acknowledged commit is lost, and no commit is half done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import redis

import optical_memory
from optical_memory.errors import StoreError
from optical_memory.stores import Put, RedisStore, Store, Version, open_store
from optical_memory.stores.private_server import private_server

ROOT = Path(optical_memory.__file__).parents[1]
BATCH = 20

# Every commit rewrites all records with its own number and adds one; a half-done commit would show
# two numbers.
WRITER = """
import sys
from optical_memory.stores import Put, open_store
store = open_store(sys.argv[1])
version = store.version("alice")
while True:
    number = version.number + 1
    mark = b"%d " % number * 200
    batch = [Put("page", str(i), mark) for i in range(20)] + [Put("turn", f"{number:06d}", mark)]
    version = store.commit("alice", batch, expect=version)
    sys.stdout.write(f"{version.epoch} {version.number}\\n")  # a whole line at a time, or none
    sys.stdout.flush()
"""


def assert_whole(store: Store, last: Version) -> None:
    """The store holds every commit up to the `last` acknowledged one, at most one more, and nothing
    in between.
    """
    version = store.version("alice")
    assert version.epoch == last.epoch
    assert last.number <= version.number <= last.number + 1
    assert {value for _, value in store.scan("alice", "page")} == {b"%d " % version.number * 200}
    assert [key for key, _ in store.scan("alice", "turn")] == [
        f"{n:06d}" for n in range(1, version.number + 1)
    ]


def kill_a_writer(url: str, delay: float) -> Version:
    """Start a writer and kill it `delay` seconds after its first commit.

    Returns the version of the last commit that it acknowledged.
    """
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        first_line = writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        lines = [first_line, *writer.stdout.read().splitlines()]
        epoch, number = lines[-1].split()
        return Version(epoch, int(number))


def kill_writers(url: str, kills: int, open_again: Callable[[], Store]) -> None:
    chance = random.Random(11)
    for _ in range(kills):
        last = kill_a_writer(url, chance.uniform(0, 0.05))
        with closing(open_again()) as store:
            assert_whole(store, last)
            assert store.check() == []


def test_sqlite_survives_thirty_killed_writers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    kill_writers(url, 30, lambda: open_store(url))


def test_redis_survives_ten_killed_writers(tmp_path: Path) -> None:
    with private_server(tmp_path) as url:
        kill_writers(url, 10, lambda: open_store(url))


def kill_server(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)


def write_until_it_fails(url: str, versions: list[Version]) -> None:
    """Append the version of every acknowledged commit to `versions`, which outlives the thread."""
    with closing(RedisStore(url, deadline=1.0)) as store:
        version = store.version("alice")
        while True:
            number = version.number + 1
            mark = b"%d " % number * 200
            pages = [Put("page", str(i), mark) for i in range(BATCH)]
            turn = Put("turn", f"{number:06d}", mark)
            try:
                version = store.commit("alice", [*pages, turn], expect=version)
            except StoreError:
                return
            versions.append(version)


@pytest.mark.parametrize("run", range(3))
def test_redis_with_its_file_synced_survives_a_killed_server(tmp_path: Path, run: int) -> None:
    chance = random.Random(run)
    for _ in range(4):
        versions: list[Version] = []
        with private_server(tmp_path) as url:
            writer = threading.Thread(target=write_until_it_fails, args=(url, versions))
            writer.start()
            while not versions and writer.is_alive():
                time.sleep(0.01)  # until the first commit, however busy the machine is
            time.sleep(chance.uniform(0.05, 0.2))
            kill_server(url)
            writer.join()
        with private_server(tmp_path) as url, closing(open_store(url)) as store:
            assert_whole(store, versions[-1])
