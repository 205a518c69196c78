"""The byte store beyond LangChain's suite: namespaces, prefixes, and stores that have memories."""

from __future__ import annotations

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.agents.langchain import OpticalByteStore
from optical_memory.errors import InputError
from optical_memory.testing import TemplateReader


def test_values_survive_a_restart(file_url: str):
    first = OpticalByteStore(file_url)
    first.mset([("a", b"1"), ("a", b"2")])
    first.close()
    assert OpticalByteStore(file_url).mget(["a", "b"]) == [b"2", None]


def test_namespaces_do_not_see_each_other(file_url: str):
    first, second = OpticalByteStore(file_url, "one"), OpticalByteStore(file_url, "two")
    first.mset([("a", b"1")])
    assert list(second.yield_keys()) == []
    assert second.mget(["a"]) == [None]


def test_a_prefix_chooses_keys(file_url: str):
    store = OpticalByteStore(file_url)
    store.mset([("x/1", b""), ("x/2", b""), ("y", b"")])
    assert list(store.yield_keys(prefix="x/")) == ["x/1", "x/2"]


def test_deleting_from_an_empty_store_writes_nothing(file_url: str):
    store = OpticalByteStore(file_url)
    store.mdelete(["a"])
    store.mset([])
    assert list(store.yield_keys()) == []


def test_a_value_that_is_not_bytes_is_refused_and_nothing_is_set(file_url: str):
    store = OpticalByteStore(file_url)
    with pytest.raises(InputError, match="takes bytes, not str"):
        store.mset([("a", b"1"), ("b", "2")])
    assert store.mget(["a"]) == [None]


def test_a_store_with_memories_is_refused(file_url: str):
    with OpticalMemory("alice", store=file_url, reader=TemplateReader()) as memory:
        memory.remember(Turn("user", "hello"))
    with pytest.raises(InputError, match="file of its own"):
        OpticalByteStore(file_url)


def test_on_a_server_its_keys_are_apart_from_those_of_memories(redis_url: str, prefix: str):
    with OpticalMemory(prefix, store=redis_url, reader=TemplateReader()) as memory:
        memory.remember(Turn("user", "hello"))
        store = OpticalByteStore(redis_url, prefix)
        store.mset([("a", b"1")])
        assert f"bytes/{prefix}" not in memory.sessions()
        store.mdelete(["a"])
        memory.forget(session=True)
