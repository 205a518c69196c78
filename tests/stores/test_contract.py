"""The store contract, records and versions: every promise of `stores/base.py`, held by SQLite and
by a real Redis or Valkey alike.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optical_memory.errors import Conflict
from optical_memory.stores import Delete, Kind, Put, RedisStore, SQLiteStore, Store, Version

ODD_NAMES = ["é☃😀", "a}:turn", "{a}", "%7B", "a:b", " ", "", "\x00", "\ud800", "*", "a" * 2_000]
KINDS = get_args(Kind)


def test_a_session_that_was_never_written_is_empty_and_does_not_exist(store: Store) -> None:
    assert store.version("alice") == Version()
    assert not store.version("alice").exists
    assert store.get("alice", "turn", "1") is None
    assert store.scan("alice", "turn") == []
    assert store.get_blobs("alice", ["x"]) == [None]
    assert store.sessions() == []


def test_what_was_committed_is_read_back_here_and_elsewhere(store: Store, twin: Store) -> None:
    store.commit(
        "alice",
        [Put("turn", "1", b"one"), Put("page", "1", b"page"), Put("session", "s", b"state")],
    )
    for reader in (store, twin):
        assert reader.get("alice", "turn", "1") == b"one"
        assert reader.get("alice", "page", "1") == b"page"
        assert reader.scan("alice", "session") == [("s", b"state")]


# ---- versions ------------------------------------------------------------------------------------


def test_every_commit_raises_the_number_by_one_in_the_same_epoch(store: Store, twin: Store) -> None:
    versions = [store.commit("alice", [Put("turn", "1", b"x")]) for _ in range(3)]
    versions.append(twin.commit("alice", []))
    assert [version.number for version in versions] == [1, 2, 3, 4]
    assert len({version.epoch for version in versions}) == 1
    assert store.version("alice") == twin.version("alice") == versions[-1]
    assert store.version("alice").exists


def test_a_commit_against_another_number_writes_nothing(store: Store, twin: Store) -> None:
    version = store.commit("alice", [Put("turn", "1", b"first")], expect=Version())
    changes = [Put("turn", "1", b"late"), Put("turn", "2", b"late"), Delete("turn", "1")]
    for stale in (Version(), Version(version.epoch, 2)):
        with pytest.raises(Conflict, match="is at version 1"):
            twin.commit("alice", changes, stale)
    assert store.scan("alice", "turn") == [("1", b"first")]
    assert store.version("alice") == version


@pytest.mark.parametrize("epoch", ["", "another", "0123456789abcdef"])
def test_a_commit_against_the_right_number_of_another_epoch_writes_nothing(
    store: Store, twin: Store, epoch: str
) -> None:
    version = store.commit("alice", [Put("turn", "1", b"first")])
    with pytest.raises(Conflict, match="has begun again"):
        twin.commit("alice", [Put("turn", "1", b"late")], expect=Version(epoch, 1))
    assert store.scan("alice", "turn") == [("1", b"first")]
    assert store.version("alice") == version
    assert twin.commit("alice", [], expect=version) == Version(version.epoch, 2)


def test_a_conflict_on_a_new_session_does_not_make_it(store: Store) -> None:
    with pytest.raises(Conflict, match="does not exist"):
        store.commit("alice", [Put("turn", "1", b"x")], expect=Version("an epoch", 3))
    assert store.sessions() == []
    assert store.version("alice") == Version()


def test_every_session_has_an_epoch_of_its_own(store: Store) -> None:
    names = [f"session {n}" for n in range(20)]
    epochs = {store.commit(name, []).epoch for name in names}
    assert len(epochs) == len(names)
    assert "" not in epochs


def test_a_dropped_session_begins_again_at_number_1_of_a_new_epoch(store: Store) -> None:
    first = store.commit("alice", [Put("turn", "1", b"x")])
    store.drop("alice")
    assert store.version("alice") == Version()
    second = store.commit("alice", [], expect=Version())
    assert second.number == 1
    assert second.epoch not in ("", first.epoch)
    assert store.scan("alice", "turn") == []


def test_a_session_that_was_dropped_and_written_to_the_same_number_is_at_another_version(
    store: Store, twin: Store
) -> None:
    for text in (b"a", b"b", b"c"):
        cached_version = store.commit("alice", [Put("turn", "1", text)])
    twin.drop("alice")
    for text in (b"x", b"y", b"z"):
        twin.commit("alice", [Put("turn", "1", text)])
    assert store.version("alice").number == cached_version.number
    assert store.version("alice") != cached_version
    with pytest.raises(Conflict, match="has begun again"):
        store.commit("alice", [Put("turn", "2", b"d")], expect=cached_version)
    assert store.scan("alice", "turn") == [("1", b"z")]


def test_a_commit_against_a_session_that_was_dropped_meanwhile_writes_nothing(
    store: Store, twin: Store
) -> None:
    version = store.commit("alice", [Put("turn", "1", b"x")])
    twin.drop("alice")
    with pytest.raises(Conflict, match="does not exist"):
        store.commit("alice", [Put("turn", "2", b"y")], expect=version)
    assert store.sessions() == []


# ---- records -------------------------------------------------------------------------------------


def test_the_changes_of_a_commit_are_made_in_order(store: Store) -> None:
    store.commit(
        "alice",
        [
            Put("turn", "1", b"a"),
            Put("turn", "1", b"b"),
            Delete("turn", "2"),
            Put("turn", "2", b"c"),
        ],
    )
    store.commit("alice", [Delete("turn", "2"), Delete("turn", "never there")])
    assert store.scan("alice", "turn") == [("1", b"b")]


def test_scan_gives_one_kind_in_key_order(store: Store) -> None:
    keys = ["b", "a", "10", "9", "é", "Z", "😀", "\uffff", ""]
    turns = [Put("turn", key, key.encode()) for key in keys]
    store.commit("alice", [*turns, Put("page", "c", b"")])
    assert [key for key, _ in store.scan("alice", "turn")] == sorted(keys)


@pytest.mark.parametrize(
    "value", [b"", b"\x00", bytes(range(256)), b"\r\n$5\r\n", "☃".encode()], ids=repr
)
def test_values_are_any_bytes(store: Store, value: bytes) -> None:
    store.commit("alice", [Put("turn", "1", value)])
    store.put_blobs("alice", {"b": value})
    assert store.get("alice", "turn", "1") == store.get_blobs("alice", ["b"])[0] == value


def test_values_of_five_megabytes_come_back_whole(store: Store) -> None:
    value = bytes(range(256)) * 20_480
    store.commit("alice", [Put("picture", "1", value), Put("picture", "2", value[::-1])])
    store.put_blobs("alice", {"b": value})
    assert store.scan("alice", "picture") == [("1", value), ("2", value[::-1])]
    assert store.get_blobs("alice", ["b"]) == [value]


def test_sessions_with_odd_names_do_not_meet(store: Store) -> None:
    for name in ODD_NAMES:
        value = name.encode("utf-8", "surrogatepass")
        store.commit(name, [Put("turn", key, value) for key in ODD_NAMES])
        store.put_blobs(name, {key: repr((name, key)).encode() for key in ODD_NAMES})
    assert store.sessions() == sorted(ODD_NAMES)
    for name in ODD_NAMES:
        value = name.encode("utf-8", "surrogatepass")
        assert store.scan(name, "turn") == [(key, value) for key in sorted(ODD_NAMES)]
        assert store.get_blobs(name, ODD_NAMES) == [repr((name, key)).encode() for key in ODD_NAMES]


changes = st.lists(
    st.one_of(
        st.builds(
            Put, st.sampled_from(["turn", "page"]), st.text(max_size=3), st.binary(max_size=8)
        ),
        st.builds(Delete, st.sampled_from(["turn", "page"]), st.text(max_size=3)),
    ),
    max_size=6,
)


@given(commits=st.lists(changes, max_size=5))
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_store_is_a_dictionary_under_a_version(
    store: Store, commits: list[list[Put | Delete]]
) -> None:
    store.drop("alice")
    model: dict[str, dict[str, bytes]] = {"turn": {}, "page": {}}
    for commit in commits:
        store.commit("alice", commit)
        for change in commit:
            if isinstance(change, Put):
                model[change.kind][change.key] = change.value
            else:
                model[change.kind].pop(change.key, None)
    assert store.version("alice").number == len(commits)
    assert store.scan("alice", "turn") == sorted(model["turn"].items())
    assert store.scan("alice", "page") == sorted(model["page"].items())


# ---- dropping a session --------------------------------------------------------------------------


def test_dropping_a_session_leaves_nothing_of_it_and_all_of_the_others(
    store: Store, twin: Store
) -> None:
    for name in ("alice", "bob"):
        version = store.commit(name, [Put(kind, "1", b"x") for kind in KINDS])
        store.put_blobs(name, {"b": b"blob"})
    store.drop("alice")
    for reader in (store, twin):
        assert (reader.version("alice"), reader.sessions()) == (Version(), ["bob"])
        assert [reader.scan("alice", kind) for kind in KINDS] == [[] for _ in KINDS]
        assert reader.get_blobs("alice", ["b"]) == [None]
        assert (reader.version("bob"), reader.get_blobs("bob", ["b"])) == (version, [b"blob"])


def test_dropping_what_is_not_there_is_no_error(store: Store) -> None:
    store.drop("nobody")
    store.drop_blobs("nobody")
    store.drop_blobs("nobody", ["x"])


# ---- the store itself ----------------------------------------------------------------------------


def test_a_healthy_store_has_no_problems(store: Store) -> None:
    if isinstance(store, RedisStore) and "REDIS_URL" in os.environ:
        pytest.skip("the settings of the server at REDIS_URL are its own")
    store.commit("alice", [Put("turn", "1", b"x")])
    assert store.check() == []


def test_a_closed_store_may_be_closed_again(tmp_path: Path, redis_url: str) -> None:
    for store in (SQLiteStore(tmp_path / "m.db"), RedisStore(redis_url)):
        store.version("alice")
        store.close()
        store.close()
