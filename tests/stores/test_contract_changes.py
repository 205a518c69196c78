"""The store contract, changes: what was written since a version, or the honest answer that the
store cannot say.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optical_memory.stores import Delete, Kind, Put, RedisStore, SQLiteStore, Store, Version

KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "picture")


def by_address(changes: list[Put | Delete] | None) -> dict[tuple[str, str], bytes | None]:
    """The values by kind and key, None for a record that is gone."""
    assert changes is not None
    values = {(c.kind, c.key): c.value if isinstance(c, Put) else None for c in changes}
    assert len(values) == len(changes), "each record stands there once"
    return values


def test_changes_are_the_present_values_of_everything_written_since(store: Store, twin: Store):
    first = store.commit("alice", [Put("turn", "1", b"old"), Put("turn", "2", b"old")])
    store.commit("alice", [Put("turn", "2", b"newer"), Put("page", "1", b"page")])
    second = store.commit("alice", [Put("turn", "2", b"newest"), Delete("page", "1")])
    third = twin.commit("alice", [Put("turn", "3", b"of another process")])
    for reader in (store, twin):
        assert by_address(reader.changes("alice", first)) == {
            ("turn", "2"): b"newest",
            ("turn", "3"): b"of another process",
            ("page", "1"): None,
        }
        assert by_address(reader.changes("alice", second)) == {("turn", "3"): b"of another process"}
        assert reader.changes("alice", third) == []


def test_changes_of_every_kind_are_told_but_pictures(store: Store):
    version = store.commit("alice", [])
    store.commit("alice", [Put(kind, "a:b", b"x") for kind in get_args(Kind)])
    values = by_address(store.changes("alice", version))
    assert values == {(kind, "a:b"): b"x" for kind in KINDS}


@pytest.mark.parametrize("key", ["", "é☃😀", "\x00", "\ud800", "a:b", "\n"])
def test_keys_and_values_of_changes_are_any(store: Store, key: str):
    version = store.commit("alice", [])
    store.commit("alice", [Put("turn", key, bytes(range(256))), Delete("page", key)])
    expected = {("turn", key): bytes(range(256)), ("page", key): None}
    assert by_address(store.changes("alice", version)) == expected


def test_changes_of_one_session_are_none_of_another(store: Store):
    alice = store.commit("alice", [])
    bob = store.commit("bob", [])
    store.commit("bob", [Put("turn", "1", b"x")])
    assert store.changes("alice", alice) == []
    assert by_address(store.changes("bob", bob)) == {("turn", "1"): b"x"}


def test_a_store_cannot_say_what_followed_a_version_that_it_never_had(store: Store):
    version = store.commit("alice", [Put("turn", "1", b"x")])
    assert store.changes("alice", Version()) is None
    assert store.changes("alice", Version("another epoch", 1)) is None
    assert store.changes("alice", Version(version.epoch, 2)) is None
    assert store.changes("nobody", version) is None


def test_changes_of_a_session_that_was_dropped_are_not_told(store: Store, twin: Store):
    version = store.commit("alice", [Put("turn", "1", b"x")])
    store.commit("alice", [Put("turn", "2", b"x")])
    twin.drop("alice")
    assert store.changes("alice", version) is None
    for text in (b"a", b"b", b"c"):
        new_version = twin.commit("alice", [Put("page", "1", text)])
    assert store.changes("alice", version) is None
    assert store.changes("alice", new_version) == []
    since_first = store.changes("alice", Version(new_version.epoch, 1))
    assert by_address(since_first) == {("page", "1"): b"c"}


@pytest.fixture
def short_log(monkeypatch: pytest.MonkeyPatch) -> int:
    """Logs of four versions and of three changes a commit, in this test."""
    for module in ("sqlite.tables", "redis"):
        monkeypatch.setattr(f"optical_memory.stores.{module}.LOG_VERSIONS", 4)
    monkeypatch.setattr("optical_memory.stores.base.LOG_CHANGES", 3)
    return 4


def test_a_log_is_trimmed_and_says_so(store: Store, short_log: int):
    versions = [store.commit("alice", [Put("turn", str(n), b"x")]) for n in range(12)]
    for n, version in enumerate(versions):
        changes = store.changes("alice", version)
        if n < 12 - 1 - short_log:
            assert changes is None
        else:
            expected = {("turn", str(later)): b"x" for later in range(n + 1, 12)}
            assert by_address(changes) == expected


@pytest.mark.usefixtures("short_log")
def test_a_commit_of_very_many_changes_is_not_in_the_log(store: Store):
    versions = [store.commit("alice", [Put("turn", "1", b"x")])]
    many = [Put("page", str(n), b"x") for n in range(4)]
    versions.append(store.commit("alice", many))
    versions.append(store.commit("alice", [Put("turn", "2", b"x")]))
    assert store.changes("alice", versions[0]) is None
    assert by_address(store.changes("alice", versions[1])) == {("turn", "2"): b"x"}


addresses = st.tuples(st.sampled_from(["turn", "page", "index"]), st.text(max_size=2))
changes = st.lists(
    st.one_of(
        st.builds(lambda address, value: Put(*address, value), addresses, st.binary(max_size=4)),
        st.builds(lambda address: Delete(*address), addresses),
    ),
    max_size=4,
)


@given(commits=st.lists(changes, min_size=1, max_size=6))
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_was_there_with_the_changes_since_is_what_is_there(
    store: Store, commits: list[list[Put | Delete]]
):
    store.drop("alice")
    states: list[tuple[Version, dict[tuple[str, str], bytes]]] = []
    for commit in commits:
        version = store.commit("alice", commit)
        records = {(kind, key): value for kind in KINDS for key, value in store.scan("alice", kind)}
        states.append((version, records))
    for version, records in states:
        records = dict(records)
        for address, value in by_address(store.changes("alice", version)).items():
            if value is None:
                records.pop(address, None)
            else:
                records[address] = value
        assert records == states[-1][1]


# ---- the log keeps nothing of the content --------------------------------------------------------


def test_a_log_holds_no_value_of_a_record_that_was_deleted_or_replaced(
    store: Store, request: pytest.FixtureRequest
):
    store.commit("alice", [Put("turn", "1", b"gate code 4711"), Put("index", "1", b"gate code")])
    store.commit("alice", [Put("turn", "1", b"forgotten"), Delete("index", "1")])
    if isinstance(store, SQLiteStore):
        paths = sorted(store.path.parent.iterdir())
        assert not any(b"gate code" in path.read_bytes() for path in paths)
        return
    assert isinstance(store, RedisStore)
    with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
        keys = list(client.scan_iter(f"*{store.prefix}*"))
        assert keys
        assert not any(b"gate code" in (client.dump(key) or b"") for key in keys)


# ---- older programs ------------------------------------------------------------------------------


def test_the_log_begins_again_if_an_older_program_wrote_in_between(
    store: Store, request: pytest.FixtureRequest
):
    version = store.commit("alice", [Put("turn", "1", b"x")])
    if isinstance(store, SQLiteStore):
        _write_as_schema_2_does(store.path)
    else:
        assert isinstance(store, RedisStore)
        with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
            client.hset(store._key("alice", "meta"), mapping={"version": 2, "format": 1})
            client.hset(store._key("alice", "turn"), "2", b"y")
    old_programs = Version(version.epoch, 2)
    assert store.version("alice") == old_programs
    assert store.changes("alice", version) is None
    assert store.changes("alice", old_programs) is None
    third = store.commit("alice", [Put("turn", "3", b"z")])
    assert store.changes("alice", version) is None
    assert store.changes("alice", third) == []
    store.commit("alice", [Put("turn", "4", b"z")])
    assert by_address(store.changes("alice", third)) == {("turn", "4"): b"z"}


def _write_as_schema_2_does(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE sessions SET version = 2")
        db.execute(
            "INSERT INTO records (session, kind, key, value) VALUES (1, 'turn', ?, ?)",
            (b"2", b"y"),
        )
        db.commit()
