"""Clocks that jump: cached tokens may vanish, and nothing else changes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from optical_memory import OpticalMemory, Turn
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader, turn_texts

TEN_YEARS = 10 * 365 * 24 * 3600.0


def letters(first: int, n: int) -> list[Turn]:
    numbers = range(first, first + n)
    return [Turn("user", f"letter {i}: the pilot asked for berth {i}", id=f"m{i}") for i in numbers]


def test_turns_keep_their_order_and_words_if_the_clock_jumps_back_and_forth(tmp_path: Path):
    clock = [2e9]
    settings = {"reader": TemplateReader(), "background": False, "keep_turns": 2}
    with closing(SQLiteStore(tmp_path / "memory.db", clock=lambda: clock[0])) as store:
        memory = OpticalMemory("log", store=store, **settings)  # type: ignore[arg-type]
        for i, jump in enumerate([0.0, -TEN_YEARS, 2 * TEN_YEARS, -TEN_YEARS]):
            clock[0] += jump
            memory.remember(letters(40 * i, 40))
            memory.flush()
            assert memory.recall("berth 7")[0].text.endswith("berth 7")
            assert list(turn_texts(memory)) == [f"m{n}" for n in range(40 * (i + 1))]
            assert memory.check() == []


def test_a_clock_that_jumps_ahead_empties_the_cache_and_no_more(tmp_path: Path):
    clock = [2e9]
    with closing(SQLiteStore(tmp_path / "memory.db", clock=lambda: clock[0])) as store:
        store.put_blobs("log", {"tokens": b"x"})
        clock[0] -= TEN_YEARS
        assert store.get_blobs("log", ["tokens"]) == [b"x"]
        clock[0] += 2 * TEN_YEARS
        assert store.get_blobs("log", ["tokens"]) == [None]
        store.put_blobs("log", {"tokens": b"y"})
        assert store.get_blobs("log", ["tokens"]) == [b"y"]
