"""The store contract, blobs: a cache that may vanish, and that touches no record."""

from __future__ import annotations

import pytest

from optical_memory.errors import InputError
from optical_memory.stores import Put, Store, Version


def test_blobs_come_in_the_order_asked_for_with_none_where_absent(store: Store) -> None:
    store.put_blobs("alice", {"a": b"1", "b": b"2"})
    store.put_blobs("alice", {"b": b"3"})
    assert store.get_blobs("alice", ["b", "x", "a", "b"]) == [b"3", None, b"1", b"3"]
    assert store.get_blobs("alice", []) == []
    store.put_blobs("alice", {})


def test_blobs_may_be_dropped_one_by_one_or_all_at_once(store: Store) -> None:
    store.put_blobs("alice", dict.fromkeys("abc", b"x"))
    store.put_blobs("bob", {"a": b"y"})
    store.drop_blobs("alice", ["a", "never there"])
    assert store.get_blobs("alice", ["a", "b"]) == [None, b"x"]
    store.drop_blobs("alice", [])
    assert store.get_blobs("alice", ["a", "b"]) == [None, b"x"]
    store.drop_blobs("alice")
    assert store.get_blobs("alice", ["a", "b", "c"]) == [None, None, None]
    assert store.get_blobs("bob", ["a"]) == [b"y"]


def test_blobs_make_no_session_and_change_no_version(store: Store) -> None:
    store.put_blobs("alice", {"a": b"x"})
    assert (store.sessions(), store.version("alice")) == ([], Version())
    version = store.commit("bob", [])
    store.put_blobs("bob", {"a": b"x"})
    assert store.version("bob") == version


def test_losing_every_blob_touches_no_record(store: Store) -> None:
    version = store.commit("alice", [Put("page", "1", b"x")])
    store.put_blobs("alice", {"a": b"x"})
    store.drop_blobs("alice")
    assert (store.scan("alice", "page"), store.version("alice")) == ([("1", b"x")], version)


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_ttl_must_be_positive(store: Store, ttl: int) -> None:
    with pytest.raises(InputError, match="ttl must be positive"):
        store.put_blobs("alice", {"a": b"x"}, ttl=ttl)
    assert store.get_blobs("alice", ["a"]) == [None]
