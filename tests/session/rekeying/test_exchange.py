"""A plain session is encrypted in place, and keys are exchanged, while others use the session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from support.encrypted_memories import KEY, OTHER_KEY
from support.memories import Open, memories
from support.secret_turn import TRACES, raw, said

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import DamagedRecord, KeyMismatch
from optical_memory.stores import Put, Store, TenantKey, open_store
from optical_memory.testing import turn_texts


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as empty:
        yield empty


@pytest.fixture
def opened(store: Store) -> Iterator[Open]:
    with memories(store=store, keep_turns=2, background=False) as open_memory:
        yield open_memory


def filled(memory: OpticalMemory) -> OpticalMemory:
    memory.remember(said())
    memory.flush()
    memory.recall("shelf")  # caches tokens
    return memory


def all_values(store: Store) -> dict[tuple[str, str], bytes]:
    kinds = ("session", "turn", "page", "index", "picture")
    return {(kind, key): data for kind in kinds for key, data in store.scan("alice", kind)}  # type: ignore[arg-type]


def test_a_plain_session_is_encrypted_in_place(opened: Open, store: Store, url: str) -> None:
    memory = filled(opened())
    texts = turn_texts(memory)
    assert [trace for trace in TRACES if trace in raw(url)] != []
    assert memory.encrypt(KEY) == len(all_values(store)) - 1
    assert [trace for trace in TRACES if trace in raw(url)] == []
    for twin in (memory, opened(key=KEY)):
        assert turn_texts(twin) == texts
        assert twin.check() == []
    assert all(
        data.startswith(b"\x89OM\x01")
        for place, data in all_values(store).items()
        if place != ("session", "data-key")
    )


def test_a_session_is_encrypted_while_another_process_has_it_open(opened: Open) -> None:
    plain = filled(opened())
    filled(opened()).encrypt(KEY)
    for use in (plain.stats, lambda: plain.remember(Turn("user", "late")), plain.check):
        with pytest.raises(KeyMismatch, match="give its key"):
            use()
    assert opened(key=KEY).check() == []


def test_encrypting_again_changes_nothing(opened: Open, store: Store) -> None:
    memory = filled(opened())
    memory.encrypt(KEY)
    values = all_values(store)
    assert memory.encrypt(KEY) == 0
    assert all_values(store) == values


def test_a_session_under_another_key_is_not_encrypted_again(opened: Open, store: Store) -> None:
    filled(opened(key=KEY))
    values = all_values(store)
    with pytest.raises(KeyMismatch):
        opened().encrypt(OTHER_KEY)
    assert all_values(store) == values


def test_a_session_that_does_not_exist_yet_begins_encrypted(opened: Open, url: str) -> None:
    memory = opened()
    assert memory.encrypt(KEY) == 0
    filled(memory)
    assert [trace for trace in TRACES if trace in raw(url)] == []


def test_a_damaged_value_is_not_encrypted_as_if_it_were_whole(opened: Open, store: Store) -> None:
    filled(opened())
    values = all_values(store)
    place = next(place for place in values if place[0] == "turn" and b"Topic" in values[place])
    broken = values[place].replace(b"Topic", b"Tropic")
    store.commit("alice", [Put("turn", place[1], broken)])
    with pytest.raises(DamagedRecord, match="repair"):
        opened().encrypt(KEY)
    twin = opened(key=KEY)
    assert any("being written under a new key" in problem for problem in twin.check())
    twin.check(repair=True)
    assert twin.check() == []
    assert [t for t in TRACES if any(t in data for data in all_values(store).values())] == []


# ---- the tenant's key ----------------------------------------------------------------------------


def test_a_new_tenants_key_wraps_the_data_key_and_nothing_else_is_written(
    opened: Open, store: Store
) -> None:
    memory = filled(opened(key=KEY))
    texts = turn_texts(memory)
    values = all_values(store)
    memory.rotate_key(OTHER_KEY)
    changed = {place for place, data in all_values(store).items() if values[place] != data}
    assert changed == {("session", "data-key")}
    assert turn_texts(opened(key=OTHER_KEY)) == texts
    with pytest.raises(KeyMismatch, match=OTHER_KEY.id):
        opened(key=KEY).stats()


def test_an_old_wrapped_key_is_in_no_file(opened: Open, store: Store, url: str) -> None:
    memory = filled(opened(key=KEY))
    old_keys = [wrapped_key(store)]
    memory.rotate_key(OTHER_KEY)
    old_keys.append(wrapped_key(store))
    memory.rotate_data_key()
    old_keys.append(wrapped_key(store))
    assert old_keys[-1] in raw(url)
    assert [key for key in old_keys[:-1] if key in raw(url)] == []
    memory.forget(session=True)
    assert [key for key in old_keys if key in raw(url)] == []


def wrapped_key(store: Store) -> bytes:
    record = store.get("alice", "session", "data-key")
    assert record is not None
    return json.loads(record)["data_keys"][0]["wrapped"].encode()


def test_a_process_that_is_open_goes_on_under_a_new_tenants_key(opened: Open) -> None:
    memory, twin = filled(opened(key=KEY)), opened(key=KEY)
    twin.stats()
    memory.rotate_key(OTHER_KEY)
    twin.remember(Turn("user", "Written by the process that has the old key.", id="late"))
    memory.remember(Turn("user", "And by the other.", id="later"))
    assert {"late", "later"} <= turn_texts(opened(key=OTHER_KEY)).keys()
    assert twin.check() == []


def test_a_memory_without_a_key_has_none_to_exchange(opened: Open) -> None:
    memory = filled(opened())
    with pytest.raises(KeyMismatch):
        memory.rotate_key(KEY)
    with pytest.raises(KeyMismatch):
        memory.rotate_data_key()


# ---- the data key --------------------------------------------------------------------------------


def test_a_new_data_key_writes_every_value_again(opened: Open, store: Store) -> None:
    memory = filled(opened(key=KEY))
    texts = turn_texts(memory)
    values = all_values(store)
    n_written = memory.rotate_data_key()
    new_values = all_values(store)
    assert n_written == len(values) - 1
    assert [place for place, data in new_values.items() if values[place] == data] == []
    assert turn_texts(opened(key=KEY)) == texts
    assert memory.check() == []


def test_values_from_before_a_new_data_key_do_not_open_any_more(opened: Open, store: Store) -> None:
    memory = filled(opened(key=KEY))
    place, old = next(item for item in all_values(store).items() if item[0][0] == "turn")
    memory.rotate_data_key()
    store.commit("alice", [Put("turn", place[1], old)])
    assert any("data key that this session does not have" in problem for problem in memory.check())


def test_processes_write_while_the_data_key_is_exchanged(
    opened: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, twin = filled(opened(key=KEY)), opened(key=KEY)
    twin.stats()
    commit = type(store).commit
    written = []

    def commit_and_be_overtaken(
        self: Store, session: str, *args: object, **kwargs: object
    ) -> object:
        version = commit(self, session, *args, **kwargs)  # type: ignore[arg-type]
        if len(written) < 6:
            written.append(f"late{len(written)}")
            twin.remember(Turn("user", f"Written meanwhile: {written[-1]}.", id=written[-1]))
        return version

    monkeypatch.setattr(type(store), "commit", commit_and_be_overtaken)
    memory.rotate_data_key()
    monkeypatch.undo()
    assert len(written) == 6
    for reader in (memory, twin, opened(key=KEY)):
        assert set(written) <= turn_texts(reader).keys()
        assert reader.check() == []


def test_two_exchanges_at_once_end_with_a_single_key(opened: Open, store: Store) -> None:
    memory, twin = filled(opened(key=KEY)), opened(key=KEY)
    store_commit = type(store).commit
    is_inside = []

    def commit_inside(self: Store, session: str, *args: object, **kwargs: object) -> object:
        version = store_commit(self, session, *args, **kwargs)  # type: ignore[arg-type]
        if not is_inside:
            is_inside.append(True)
            twin.rotate_data_key()
        return version

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "commit", commit_inside)
        memory.rotate_data_key()
    assert memory.check() == twin.check() == []


# ---- dropping the key ----------------------------------------------------------------------------


def test_forgetting_a_session_drops_its_key_first(opened: Open, store: Store) -> None:
    memory = filled(opened(key=KEY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "drop", lambda self, session: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            memory.forget(session=True)
    assert ("session", "data-key") not in all_values(store)
    assert ("turn", "000000001") in all_values(store)
    for key in (KEY, OTHER_KEY, None):
        with pytest.raises(KeyMismatch):
            opened(key=key).check(repair=True)
    opened(key=KEY).forget(session=True)
    assert store.sessions() == []
    fresh = opened(key=TenantKey.generate())
    fresh.remember(Turn("user", "A new life.", id="a"))
    assert turn_texts(fresh) == {"a": "A new life."}
