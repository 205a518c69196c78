"""Stores that answer several questions at once give what the single questions give."""

from __future__ import annotations

from typing import Any

import pytest

from optical_memory.stores import Delete, Put, SQLiteStore, Store, Version
from optical_memory.stores.base import BatchStore, Kind, is_batch, record_keys

KINDS: tuple[Kind, ...] = ("session", "turn", "page", "index")
WRITES = [
    Put("session", "session", b"{}"),
    Put("turn", "2", b"second"),
    Put("turn", "1", b"first"),
    Put("page", "\udcff", b"a lone surrogate"),
    Put("picture", "1/base", b"png"),
    Put("picture", "1/tiny", b""),
]


class PassingOn:
    """A wrapper that passes on every name it does not know."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def batch(store: Store) -> BatchStore:
    """A store that is far away."""
    if not is_batch(store):
        pytest.skip("a file answers fast enough")
    return store


def test_a_session_is_loaded_as_it_is_scanned(batch: BatchStore) -> None:
    assert batch.load("alice", KINDS) == (Version(), {kind: [] for kind in KINDS})
    version = batch.commit("alice", WRITES)
    loaded_version, records = batch.load("alice", KINDS)
    assert loaded_version == version
    assert records == {kind: batch.scan("alice", kind) for kind in KINDS}


def test_changes_come_with_the_version_that_they_lead_to(batch: BatchStore) -> None:
    assert batch.changes_since("alice", Version()) == (Version(), None)
    first = batch.commit("alice", WRITES)
    assert batch.changes_since("alice", first) == (first, [])
    second = batch.commit("alice", [Delete("turn", "1")])
    assert batch.changes_since("alice", first) == (second, [Delete("turn", "1")])
    assert batch.changes_since("alice", Version("another life", 1)) == (second, None)


def test_records_come_in_the_order_of_their_keys_in_the_question(batch: BatchStore) -> None:
    batch.commit("alice", WRITES)
    keys = ["1/tiny", "2/base", "1/base"]
    assert batch.get_many("alice", "picture", keys) == [b"", None, b"png"]
    assert batch.get_many("alice", "picture", []) == []


def test_keys_are_known_without_their_values(store: Store) -> None:
    store.commit("alice", WRITES)
    for kind in KINDS:
        keys = [key for key, _ in store.scan("alice", kind)]
        assert sorted(record_keys(store, "alice", kind)) == keys
        assert record_keys(PassingOn(store), "alice", kind) == keys  # type: ignore[arg-type]


def test_a_wrapper_is_asked_through_its_own_methods(store: Store) -> None:
    assert is_batch(store) != isinstance(store, SQLiteStore)
    assert not is_batch(PassingOn(store))  # type: ignore[arg-type]
