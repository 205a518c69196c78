"""A store around a store keeps the contract, encrypts every value, and never uses an old key."""

from __future__ import annotations

import pytest
from support.encrypted_memories import KEY, OTHER_KEY

from optical_memory.errors import Conflict, KeyMismatch
from optical_memory.session.archive import Archive
from optical_memory.session.rekeying.exchange import rotate_data_key
from optical_memory.stores import Delete, Put, RedisStore, Store, Version
from optical_memory.stores.encryption.encrypted_store import EncryptedStore, encrypted
from optical_memory.stores.protection.base import DamagedValue

ODD_NAMES = ["é☃😀", "a}:turn", "%7B", "a:b", " ", "\x00", "\ud800", "a" * 2_000]


@pytest.fixture
def own(store: Store) -> EncryptedStore:
    return encrypted(store, KEY)


@pytest.fixture
def twin(store: Store) -> EncryptedStore:
    """The same store with the same key, as another process has it."""
    return encrypted(store, KEY)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_what_is_committed_is_read_back_under_any_name(
    own: EncryptedStore, twin: EncryptedStore, store: Store, name: str
) -> None:
    own.commit(name, [Put("turn", name, b"zorblax"), Put("page", "1", b"")], Version())
    assert twin.get(name, "turn", name) == b"zorblax"
    assert twin.scan(name, "turn") == [(name, b"zorblax")]
    assert twin.scan(name, "page") == [("1", b"")]
    assert b"zorblax" not in (store.get(name, "turn", name) or b"zorblax")


def test_nobody_above_sees_the_key_record(own: EncryptedStore, twin: EncryptedStore) -> None:
    version = own.commit("alice", [Put("session", "session", b"{}")], Version())
    twin.scan("alice", "session")
    own.commit("alice", [Put("turn", "1", b"one"), Delete("turn", "2")], version)
    assert own.scan("alice", "session") == [("session", b"{}")]
    assert own.keys("alice", "session") == ["session"]
    rotate_data_key(Archive(own.raw, "alice", key=KEY))
    changes = twin.changes("alice", version)
    assert changes is not None
    assert {(change.kind, change.key) for change in changes} <= {
        ("turn", "1"),
        ("turn", "2"),
        ("session", "session"),
    }
    assert Put("turn", "1", b"one") in changes


def test_a_far_store_answers_in_one_round_trip(own: EncryptedStore, store: Store) -> None:
    if not isinstance(store, RedisStore):
        assert not hasattr(type(own), "load")
        return
    version = own.commit("alice", [Put("session", "session", b"{}"), Put("turn", "1", b"one")])
    twin = encrypted(store, KEY)
    assert twin.load("alice", ("session", "turn")) == (  # type: ignore[attr-defined]
        version,
        {"session": [("session", b"{}")], "turn": [("1", b"one")]},
    )
    assert twin.get_many("alice", "turn", ["2", "1"]) == [None, b"one"]  # type: ignore[attr-defined]
    newer = own.commit("alice", [Put("turn", "2", b"two")], version)
    changes = twin.changes_since("alice", version)  # type: ignore[attr-defined]
    assert changes == (newer, [Put("turn", "2", b"two")])


def test_two_that_begin_a_session_at_once_have_one_key(
    own: EncryptedStore, twin: EncryptedStore
) -> None:
    own.commit("alice", [Put("turn", "1", b"one")], Version())
    with pytest.raises(Conflict):
        twin.commit("alice", [Put("turn", "2", b"two")], Version())
    twin.commit("alice", [Put("turn", "2", b"two")])
    assert own.scan("alice", "turn") == [("1", b"one"), ("2", b"two")]


def test_a_commit_for_any_version_never_uses_a_data_key_that_is_gone(
    own: EncryptedStore, twin: EncryptedStore
) -> None:
    version = own.commit("alice", [Put("turn", "1", b"one")])
    twin.scan("alice", "turn")
    rotate_data_key(Archive(own.raw, "alice", key=KEY))
    with pytest.raises(Conflict):
        twin.commit("alice", [Put("turn", "2", b"two")], version)
    twin.commit("alice", [Put("turn", "2", b"two")])
    assert encrypted(own.raw, KEY).scan("alice", "turn") == [("1", b"one"), ("2", b"two")]


def test_a_session_that_was_dropped_begins_with_another_key(
    own: EncryptedStore, twin: EncryptedStore
) -> None:
    own.commit("alice", [Put("turn", "1", b"one")])
    twin.scan("alice", "turn")
    old_keys = twin.protection.keyring("alice").keys
    own.drop("alice")
    assert twin.scan("alice", "session") == []
    twin.commit("alice", [Put("turn", "1", b"new")], Version())
    assert twin.protection.keyring("alice").keys != old_keys
    assert own.scan("alice", "session") == []
    assert own.scan("alice", "turn") == [("1", b"new")]


def test_a_plain_session_is_refused_and_not_written(own: EncryptedStore, store: Store) -> None:
    version = store.commit("alice", [Put("turn", "1", b'{"id":"m1"}')])
    for use in (
        lambda: own.scan("alice", "turn"),
        lambda: own.get("alice", "turn", "1"),
        lambda: own.commit("alice", [Put("turn", "2", b"x")], version),
        lambda: own.commit("alice", [Put("turn", "2", b"x")]),
        lambda: own.put_blobs("alice", {"a": b"x"}),
    ):
        with pytest.raises(KeyMismatch):
            use()
    assert store.version("alice") == version


def test_one_damaged_value_spoils_no_other(own: EncryptedStore, store: Store) -> None:
    own.commit("alice", [Put("turn", str(n), b"%d" % n) for n in range(5)])
    data = store.get("alice", "turn", "2")
    assert data is not None
    store.commit("alice", [Put("turn", "2", data[:-1])])
    values = dict(own.scan("alice", "turn"))
    damaged = values.pop("2")
    assert isinstance(damaged, DamagedValue)
    assert values == {str(n): b"%d" % n for n in (0, 1, 3, 4)}


# ---- blobs ---------------------------------------------------------------------------------------


def test_blobs_and_their_names_tell_nothing(own: EncryptedStore, store: Store) -> None:
    own.commit("alice", [])
    own.put_blobs("alice", {"sha256:1": b"tokens", "sha256:2": b"more"})
    assert own.get_blobs("alice", ["sha256:2", "sha256:3", "sha256:1"]) == [
        b"more",
        None,
        b"tokens",
    ]
    assert store.get_blobs("alice", ["sha256:1", "sha256:2"]) == [None, None]
    own.drop_blobs("alice", ["sha256:1"])
    assert own.get_blobs("alice", ["sha256:1", "sha256:2"]) == [None, b"more"]
    own.drop_blobs("alice")
    assert own.get_blobs("alice", ["sha256:2"]) == [None]


def test_a_blob_that_was_moved_or_changed_is_as_good_as_absent(
    own: EncryptedStore, store: Store
) -> None:
    own.commit("alice", [])
    own.put_blobs("alice", {"a": b"tokens of a"})
    name = own.protection.keyring("alice").current.blob_name
    (data,) = store.get_blobs("alice", [name("a")])
    assert data is not None
    store.put_blobs("alice", {name("a"): data[:-1], name("b"): data, name("c"): b"plain"})
    assert own.get_blobs("alice", ["a", "b", "c"]) == [None, None, None]


def test_another_tenants_key_gets_no_blobs(own: EncryptedStore, store: Store) -> None:
    own.commit("alice", [])
    own.put_blobs("alice", {"a": b"tokens"})
    with pytest.raises(KeyMismatch):
        encrypted(store, OTHER_KEY).get_blobs("alice", ["a"])
