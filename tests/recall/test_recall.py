"""Recalling: the turn and how it was read, the same with the cache and without, and with the
bundled reader.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.memories import Open
from support.page_life import ledger_tokens
from support.shelf_turns import said

from optical_memory import ForgettingPolicy, OpticalMemory, Turn, Weights
from optical_memory.errors import StoreError
from optical_memory.profiles import V1_LADDER
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader


def test_recall_finds_the_turn_and_says_how_it_was_read(opened: Open):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    (passage,) = memory.recall("where is topic7?", k=1)
    assert passage.text == said(60)[7].text
    assert passage.provenance == "[read from large, 100 % verified]"
    assert passage.turns == ("t7",)
    assert passage.text in " ".join(memory.read(passage.page).text.split())
    spans = passage.spans
    assert "".join(passage.text[span.start : span.end] for span in spans) == passage.text


def test_an_open_turn_is_recalled_as_a_turn_and_not_as_a_page(opened: Open):
    memory = opened()
    memory.remember(said(2))
    (turn,) = memory.recall("topic1", k=1)
    assert (turn.page, turn.rung, turn.text) == ("turn t1", "open", said(2)[1].text)
    assert turn.provenance == "[original text]"


def test_nothing_is_found_where_no_word_is_shared(opened: Open):
    memory = opened()
    assert memory.recall("topic1") == []
    memory.remember(said(2))
    assert memory.recall("zeppelin") == []


def test_reading_from_the_cache_never_sees_a_picture_and_says_the_same(opened: Open):
    reader = TemplateReader()
    memory = opened(reader=reader)
    memory.remember(said(60))
    memory.flush()
    passages = memory.recall("topic7 shelf", k=5)
    n_pages = len({page for passage in passages for page in passage.pages})
    assert n_pages > 0
    calls = dict(reader.calls)
    assert memory.recall("topic7 shelf", k=5) == passages
    assert reader.calls == calls, "rows that were read are kept"
    memory._page_reader.drop_readings()
    assert memory.recall("topic7 shelf", k=5) == passages
    assert reader.calls["decoded"] == calls["decoded"] + n_pages
    assert reader.calls["encoded"] == calls["encoded"]
    memory.store.drop_blobs("alice")
    memory._page_reader.drop_readings()
    assert memory.recall("topic7 shelf", k=5) == passages
    assert reader.calls["encoded"] == calls["encoded"] + n_pages


def test_dropping_blobs_at_random_moments_changes_nothing_that_is_recalled(opened: Open):
    memory = opened(reader=TemplateReader(misread={"large": 0.03}))
    memory.remember(said(80))
    memory.flush()
    first_answer = [memory.recall(f"topic{n} shelf", k=3) for n in range(20)]
    stop = threading.Event()

    def drop() -> None:
        while not stop.is_set():
            memory.store.drop_blobs("alice")
            memory._page_reader.drop_readings()
            time.sleep(0.001)

    thread = threading.Thread(target=drop)
    thread.start()
    try:
        assert [memory.recall(f"topic{n} shelf", k=3) for n in range(20)] == first_answer
    finally:
        stop.set()
        thread.join()


class StoreWithoutCache:
    """A store whose cache fails at every call; its records work."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_blobs(self, *args: object) -> None:
        raise StoreError("no cache today")

    put_blobs = get_blobs


@pytest.fixture
def without_cache(tmp_path: Path) -> Iterator[Any]:
    """The store of the memories that `opened` opens, over a connection whose cache fails."""
    store = SQLiteStore(tmp_path / "memory.db")
    yield StoreWithoutCache(store)
    store.close()


def test_a_cache_that_fails_costs_speed_only_and_is_logged_once(
    opened: Open, without_cache: Any, caplog: pytest.LogCaptureFixture
):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    first_answer = memory.recall("topic7", k=3)
    assert first_answer
    other_memory = opened(store=without_cache)
    other_memory._page_reader.drop_readings()  # the process keeps rows that it has read
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert other_memory.recall("topic7", k=3) == first_answer
        other_memory._page_reader.drop_readings()
        assert other_memory.recall("topic7", k=3) == first_answer
    warnings = [record.message for record in caplog.records if record.name == "optical_memory"]
    assert [message.count("no cache today") for message in warnings] == [1]


def test_async_calls_say_what_the_others_say(opened: Open):
    memory = opened()

    async def talk() -> tuple[object, object]:
        await memory.aremember(said(3))
        return await memory.arecall("topic1"), await memory.acontext("topic1")

    assert asyncio.run(talk()) == (memory.recall("topic1"), memory.context("topic1"))


def test_recalls_slow_fading_where_the_policy_says_so(opened: Open):
    memory = opened(policy=ForgettingPolicy(pages_per_hit=5))
    memory.remember(said(60))
    memory.flush()
    page = memory.recall("topic7", k=1)[0].page
    assert memory.inspect(page).record.hits == 1


@pytest.mark.parametrize(
    ("settings", "n_hits"),
    [
        ({"capacity": 10**6}, 1),
        ({"capacity": None}, 0),
        ({"capacity": 10**6, "policy": ForgettingPolicy(weights=Weights(per_hit=0))}, 0),
    ],
)
def test_recalls_are_counted_where_a_capacity_is_spent_by_them(
    opened: Open, settings: dict[str, Any], n_hits: int
):
    memory = opened(**settings)
    memory.remember(said(60))
    memory.flush()
    version = memory.store.version("alice")
    page = memory.recall("topic7", k=1)[0].page
    assert memory.inspect(page).record.hits == n_hits
    assert (memory.store.version("alice") == version) == (n_hits == 0)


@pytest.mark.slow
def test_the_bundled_reader_seals_certifies_fades_and_reads_from_cached_tokens(file_url: str):
    reader = PocketReader(ladder=V1_LADDER[2:])
    policy = ForgettingPolicy(condense=False, floor=0.0)
    with OpticalMemory(
        "alice", store=file_url, reader=reader, keep_turns=0, policy=policy
    ) as memory:
        memory.remember(
            [Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.") for i in range(280)]
        )
        memory.flush()
        memory.fade(150 + ledger_tokens(memory))
        stats = memory.stats()
        assert stats.visual_tokens <= 150
        assert set(stats.pages) <= {"small", "tiny", "stub"}
        assert stats.pages.keys() & {"small", "tiny"}
        passages = memory.recall("topic", k=60)
        assert {passage.rung for passage in passages} & {"small", "tiny"}
        memory.store.drop_blobs("alice")
        memory._page_reader.drop_readings()
        assert memory.recall("topic", k=60) == passages
        assert memory.check() == []


def test_a_recall_that_cannot_be_counted_answers_all_the_same(
    opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = opened(keep_turns=0, capacity=10**6, background=False)
    memory.remember(said(40))
    memory.flush()

    def refuse(*_: object, **__: object) -> None:
        raise StoreError("attempt to write a readonly database")

    monkeypatch.setattr(memory.store, "commit", refuse)
    assert memory.recall("topic7", k=1)
    assert "not counted" in caplog.text
