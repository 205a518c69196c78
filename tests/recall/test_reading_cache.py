"""The cache of readings: what it keeps, how much, and for whom."""

from __future__ import annotations

import multiprocessing
import threading

import numpy as np
import pytest
from support.cached_rows import picture, row

from optical_memory.recall.reading_cache import (
    PICTURE_BYTES,
    Picture,
    ReadingCache,
    shared_readings,
)


def test_rows_of_a_picture_are_kept_together():
    cache = ReadingCache()
    cache.add(picture("a"), {1: row("one"), 2: row("two")})
    cache.add(picture("a"), {7: row("seven")})
    cache.add(picture("b"), {1: row("other")})
    assert {i: r.text for i, r in cache.rows(picture("a")).items()} == {
        1: "one",
        2: "two",
        7: "seven",
    }
    assert cache.rows(picture("c")) == {}


@pytest.mark.parametrize(
    "other",
    [
        picture("a")._replace(session="bob"),
        picture("a")._replace(page="0000001"),
        picture("a")._replace(digest="b"),
        picture("a")._replace(rung="tiny"),
        picture("a")._replace(erased_rows=frozenset({3})),
        picture("a")._replace(maker=("template", "2", "int8")),
        picture("a")._replace(maker=("template", "1", "f16")),
        picture("a")._replace(maker=("pocket", "1", "int8")),
    ],
)
def test_a_reading_is_of_one_picture_one_reader_revision_and_codec(other: Picture):
    cache = ReadingCache()
    cache.add(picture("a"), {1: row()})
    assert cache.rows(other) == {}


def test_a_full_cache_drops_what_was_not_used_for_the_longest_time():
    size = PICTURE_BYTES + row().n_bytes
    cache = ReadingCache(max_bytes=3 * size)
    for name in "abc":
        cache.add(picture(name), {0: row()})
    assert cache.n_bytes == 3 * size
    assert cache.rows(picture("a"))
    cache.add(picture("d"), {0: row()})
    assert [name for name in "abcd" if cache.rows(picture(name))] == ["a", "c", "d"]
    assert cache.n_bytes == 3 * size


def test_a_cache_never_takes_more_than_its_bound():
    cache = ReadingCache(max_bytes=20_000)
    rng = np.random.default_rng(0)
    for _ in range(300):
        name = str(rng.integers(12))
        cache.add(picture(name), {int(rng.integers(40)): row("x" * int(rng.integers(1, 90)))})
        assert cache.n_bytes <= cache.max_bytes
    cache.add(picture("huge"), {i: row("x" * 80) for i in range(200)})
    assert cache.rows(picture("huge")) == {}
    pictures = cache.pictures("alice")
    cache.drop(pictures)
    assert cache.n_bytes == 0


def test_what_a_caller_does_to_its_rows_changes_nothing_in_the_cache():
    cache = ReadingCache()
    cache.add(picture("a"), {1: row()})
    cache.rows(picture("a")).clear()
    assert cache.rows(picture("a"))


def test_threads_may_share_a_cache():
    cache = ReadingCache(max_bytes=30_000)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            for _ in range(300):
                key = picture(str(rng.integers(20)))
                cache.add(key, {int(rng.integers(30)): row()})
                cache.rows(key)
                cache.drop([picture(str(rng.integers(20)))])
        except BaseException as error:  # noqa: BLE001  the test fails by it
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    cache.drop(cache.pictures("alice"))
    assert cache.n_bytes == 0


def test_a_forked_process_has_readings_of_its_own():
    parents = shared_readings()
    with parents._lock:  # as if another thread held it at the fork
        process = multiprocessing.get_context("fork").Process(target=_use_the_shared_readings)
        process.start()
        process.join(20)
    assert process.exitcode == 0
    assert shared_readings() is parents
    assert not parents.rows(picture("child"))


def _use_the_shared_readings() -> None:
    shared_readings().add(picture("child"), {0: row()})
