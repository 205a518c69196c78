"""A Redis server's files are written anew after something was deleted, and it is told if not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from support.valkey_server import Server, running

from optical_memory.stores import Delete, Put, RedisStore
from optical_memory.stores.scrubbing import server_files

SECRET = b"gate code 4711"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(appendonly="yes", save="3600 1") as started:
        yield started


@pytest.fixture
def folder(server: Server) -> Path:
    return server.socket.parent / "data"


def bytes_on_disk(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def delete_secret(store: RedisStore) -> None:
    store.commit("alice", [Put("turn", "1", SECRET), Put("turn", "2", b"weather")])
    store.commit("alice", [Delete("turn", "1")])


def test_a_scrub_takes_deleted_records_out_of_the_servers_files(
    server: Server, folder: Path
) -> None:
    with closing(RedisStore(server.url)) as store:
        delete_secret(store)
        assert SECRET in bytes_on_disk(folder)
        store.scrub()
        assert SECRET not in bytes_on_disk(folder)
        assert b"weather" in bytes_on_disk(folder)
        assert not any("deleted records" in problem for problem in store.check())


def test_a_scrub_waits_for_a_rewriting_that_began_before(server: Server, folder: Path) -> None:
    with closing(RedisStore(server.url)) as store, redis.Redis.from_url(server.url) as client:
        store.commit("alice", [Put("turn", "1", SECRET)])
        client.bgrewriteaof()  # it still has the secret
        store.commit("alice", [Delete("turn", "1")])
        store.scrub()
        assert SECRET not in bytes_on_disk(folder)


def test_a_user_who_may_not_rewrite_is_told_in_check(server: Server, folder: Path) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.acl_setuser(
            "tenant",
            enabled=True,
            passwords=["+secret-word"],
            keys=["*"],
            commands=["+@all", "-bgrewriteaof", "-bgsave"],
        )
    url = server.url.replace("unix://", "unix://tenant:secret-word@")
    with closing(RedisStore(url)) as store:
        delete_secret(store)
        store.scrub()
        problems = [problem for problem in store.check() if "deleted records" in problem]
    assert len(problems) == 2
    assert all("may not run it" in problem for problem in problems)
    assert not any("secret-word" in problem for problem in problems)
    with closing(RedisStore(server.url)) as store:
        store.scrub()
        assert SECRET not in bytes_on_disk(folder)


def test_a_server_that_tells_nothing_of_itself_forgets_all_the_same(server: Server) -> None:
    """Managed servers forbid the commands that Redis calls dangerous; INFO is among them."""
    with redis.Redis.from_url(server.url) as client:
        client.acl_setuser(
            "guest",
            enabled=True,
            passwords=["+secret-word"],
            keys=["{optical:*"],
            commands=["+@all", "-@dangerous"],
        )
    url = server.url.replace("unix://", "unix://guest:secret-word@")
    with closing(RedisStore(url)) as store:
        delete_secret(store)
        store.drop("alice")
        store.scrub()
        assert store.sessions() == []
        settings, files = store.check()
    assert "does not tell its settings" in settings
    assert "may keep deleted records" in files
    assert "secret-word" not in settings + files


def test_a_large_server_is_left_to_its_owner(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_files, "LARGE_BYTES", 1)
    with closing(RedisStore(server.url)) as store:
        delete_secret(store)
        with redis.Redis.from_url(server.url) as client:
            n_forks = client.info("stats")["total_forks"]
            store.scrub()
            assert client.info("stats")["total_forks"] == n_forks
        assert any("it is large" in problem for problem in store.check())
        monkeypatch.undo()
        assert not any("it is large" in problem for problem in store.check())


def test_a_store_that_shall_not_scrub_asks_for_nothing(server: Server) -> None:
    with (
        closing(RedisStore(server.url, scrub=False)) as store,
        redis.Redis.from_url(server.url) as client,
    ):
        delete_secret(store)
        n_forks = client.info("stats")["total_forks"]
        store.scrub()
        assert client.info("stats")["total_forks"] == n_forks


def test_commits_alone_never_have_files_written_anew(server: Server) -> None:
    with (
        closing(RedisStore(server.url)) as store,
        redis.Redis.from_url(server.url) as client,
    ):
        n_forks = client.info("stats")["total_forks"]
        for n in range(5):
            store.commit("alice", [Put("turn", str(n), b"x"), Delete("turn", str(n - 1))])
        store.drop("alice")
        assert client.info("stats")["total_forks"] == n_forks


def test_a_server_without_files_is_asked_for_none() -> None:
    with running(appendonly="no", save="") as bare, closing(RedisStore(bare.url)) as store:
        delete_secret(store)
        store.scrub()
        assert not any("deleted records" in problem for problem in store.check())
