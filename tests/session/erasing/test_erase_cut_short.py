"""A `forget` that ends between its records and its cached tokens: it is told, and done later."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.memories import Open
from support.secret_turn import assert_no_trace, said

from optical_memory import OpticalMemory
from optical_memory.errors import StoreError
from optical_memory.session.token_cache import TokenCache


class Killed(BaseException):
    """The process ends here."""


def forget_and_die(memory: OpticalMemory, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the secret turn in a process that ends in this call of the store."""

    def die(*arguments: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(memory.store, call, die)
        with pytest.raises(Killed):
            memory.forget(turn="m5")


def repair(memory: OpticalMemory) -> None:
    assert any("a forget was cut short" in problem for problem in memory.check())
    assert any("a forget was cut short" in problem for problem in memory.check(repair=True))


def forget_again(memory: OpticalMemory) -> None:
    assert memory.forget(turn="m5") == 1


def work(memory: OpticalMemory) -> None:
    memory.flush()


@pytest.mark.parametrize("finish", [repair, forget_again, work])
def test_a_kill_before_the_cache_is_empty_is_made_good(
    opened: Open, url: str, monkeypatch: pytest.MonkeyPatch, finish: Callable[[OpticalMemory], None]
):
    memory = opened()
    memory.remember(said())
    memory.flush()
    keys = _cached_keys(memory)
    assert keys
    forget_and_die(memory, "drop_blobs", monkeypatch)
    assert any(memory.store.get_blobs("alice", keys))
    again = opened()
    assert again._archive.snapshot().session.v == 6
    finish(again)
    assert again._archive.snapshot().session.v == 1
    assert not any(again.store.get_blobs("alice", keys))
    assert again.check() == []
    assert_no_trace(url)


def test_a_cache_that_fails_is_emptied_at_the_next_chance(
    opened: Open, monkeypatch: pytest.MonkeyPatch
):
    memory = opened()
    memory.remember(said())
    memory.flush()
    keys = _cached_keys(memory)

    def fail(*arguments: object, **options: object) -> None:
        raise StoreError("the cache is gone")

    with monkeypatch.context() as patch:
        patch.setattr(memory.store, "drop_blobs", fail)
        with pytest.raises(StoreError):
            memory.forget(turn="m5")
    memory.flush()
    assert not any(memory.store.get_blobs("alice", keys))
    assert memory.check() == []


def _cached_keys(memory: OpticalMemory) -> list[str]:
    cache: TokenCache = memory._cache
    snapshot = memory._archive.snapshot()
    rungs = memory.reader.profile.ladder
    return [
        cache._key(page, rung)
        for page in snapshot.pages.values()
        for rung in rungs
        if rung.name == page.rung
    ]
