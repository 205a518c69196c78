"""A session on a full disk: nothing is lost, nothing half written, and it can still be forgotten.

"Full" is a file system without room, or files that have the size which they may have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

import pytest
from support.memories import Open, memories
from support.raw_records import raw_turns
from support.secret_turn import assert_no_trace, on_page_with_secret, said
from support.small_disks import file_limit, fill, small_disk

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import Forgotten, StoreError
from optical_memory.stores import Put, SQLiteStore
from optical_memory.stores.sqlite.dropping import take_name
from optical_memory.stores.sqlite.reserve import RESERVE_BYTES
from optical_memory.testing import turn_texts

MEGABYTE = 1 << 20
LONG = "and the tide tables of the whole year, " * 50

Full = Callable[[], AbstractContextManager[object]]
"""From now on, or in this context, there is no room."""


@pytest.fixture(params=["disk", "files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on a small disk, or one whose files are to be limited."""
    if request.param == "files":
        yield tmp_path
        return
    with small_disk(tmp_path / "disk", 5 * MEGABYTE) as folder:
        yield folder


@pytest.fixture
def full(disk: Path) -> Full:
    def is_full() -> AbstractContextManager[object]:
        if disk.name == "disk":
            return nullcontext(fill(disk))
        sizes = [path.stat().st_size for path in disk.glob("memory.db*")]
        return file_limit(max(size for size in sizes if size != RESERVE_BYTES) + 16384)

    return is_full


@pytest.fixture
def url(disk: Path) -> str:
    return f"sqlite:///{disk}/memory.db"


@pytest.fixture
def opened(url: str) -> Iterator[Open]:
    with memories(store=url, keep_turns=3, background=False) as open_memory:
        yield open_memory


def remember_until_full(memory: OpticalMemory) -> list[str]:
    """The ids of turns that were remembered before the store refused a turn."""
    ids: list[str] = []
    for n in range(2000):
        turn = Turn("user", f"letter {n} {LONG}", id=f"l{n}")
        try:
            ids += memory.remember(turn)
        except StoreError:
            break
    with pytest.raises(StoreError, match="may be full: make room"):
        memory.remember(turn)
    return ids


def other_problems(memory: OpticalMemory) -> list[str]:
    """The problems of the session, and none of the disk's."""
    of_disk = ("MiB left", "the logs cannot be emptied")
    return [line for line in memory.check() if not any(words in line for words in of_disk)]


@pytest.fixture
def memory(opened: Open) -> OpticalMemory:
    """A session with pages and a secret, whose tokens are cached."""
    memory = opened()
    memory.remember(said())
    memory.flush()
    memory.recall("apples", k=5)
    return memory


def test_remember_fails_clearly_and_every_acknowledged_turn_is_there(
    memory: OpticalMemory, opened: Open, full: Full, url: str
):
    ids = [f"m{n}" for n in range(40)]
    with full():
        ids += remember_until_full(memory)
        assert list(turn_texts(memory)) == ids
        assert list(raw_turns(url, "alice")) == ids
        assert other_problems(memory) == []
        assert list(turn_texts(opened())) == ids
    again = opened()
    assert list(turn_texts(again)) == ids
    assert other_problems(again) == []


def test_recall_context_stats_check_and_opening_work(
    memory: OpticalMemory, opened: Open, full: Full
):
    with full():
        remember_until_full(memory)
        for reader in (memory, opened()):
            reader.store.drop_blobs("alice")
            assert "shelf 57" in reader.recall("shelf of Topic19")[0].text
            assert "shelf 57" in str(reader.context("shelf of Topic19").to_messages())
            assert reader.stats().turns >= 40
            assert other_problems(reader) == []


@pytest.mark.parametrize("is_open", [True, False], ids=["in a turn in hand", "on a page"])
def test_a_turn_is_forgotten(
    memory: OpticalMemory, opened: Open, full: Full, url: str, is_open: bool
):
    secret = Turn("user", "The zorblax code is QX-7731-ZZ.", id="open") if is_open else None
    if secret is not None:
        memory.forget(turn="m5")
        memory.remember(secret)
    with full():
        remember_until_full(memory)
        memory.forget(turn="open" if is_open else "m5")
        assert_no_trace(url)
        assert other_problems(memory) == []
        with pytest.raises(Forgotten):
            memory.forget(turn="open" if is_open else "m5")
        assert "shelf 57" in opened().recall("shelf of Topic19")[0].text


def test_a_page_and_a_session_are_forgotten(memory: OpticalMemory, full: Full, url: str):
    with full():
        remember_until_full(memory)
        memory.forget(page=on_page_with_secret(memory))
        assert_no_trace(url)
        memory.forget(session=True)
        assert memory.store.sessions() == []
        assert raw_turns(url, "alice") == {}
        assert other_problems(memory) == []


def test_a_session_that_is_larger_than_the_room_for_erasures_is_forgotten(tmp_path: Path):
    with small_disk(tmp_path / "disk", 16 * MEGABYTE) as folder:
        with closing(SQLiteStore(folder / "memory.db")) as store:
            for n in range(6):
                pages = [Put("page", f"{n}-{i}", b"zorblax" * 1900) for i in range(100)]
                store.commit("alice", pages)
                store.commit("bob", [Put("turn", str(n), b"weather")])
            assert store.path.stat().st_size > 2 * RESERVE_BYTES
            fill(folder)
            store.drop("alice")
            assert store.sessions() == ["bob"]
            assert len(store.scan("bob", "turn")) == 6
        assert_no_trace(f"sqlite:///{folder}/memory.db")


def test_a_session_that_was_forgotten_in_pieces_is_gone_for_everybody_at_once(
    opened: Open, url: str, disk: Path
):
    memory = opened()
    memory.remember(said())
    take_name(memory.store._records, "alice")  # type: ignore[attr-defined]  # then it was killed
    again = opened()
    assert again.store.sessions() == []
    again.remember(Turn("user", "a new life", id="new"))
    assert other_problems(again) == []
    assert list(turn_texts(again)) == ["new"]
    assert_no_trace(url)


def test_room_for_erasures_is_made_again_when_the_disk_has_room(
    memory: OpticalMemory, opened: Open, disk: Path, full: Full
):
    if disk.name != "disk":
        pytest.skip("a limit of files leaves the room on the disk as it is")
    reserve = disk / "memory.db-reserve"
    assert reserve.stat().st_mode & 0o777 == 0o600
    with full():
        remember_until_full(memory)
        memory.forget(turn="m5")
        (disk / "another program's file").unlink()
        opened()
        assert reserve.stat().st_size >= RESERVE_BYTES // 2


def test_a_database_that_may_not_grow_forgets_too(memory: OpticalMemory, url: str):
    with memory.store._records.reading() as db:  # type: ignore[attr-defined]
        n_pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {n_pages}")
    ids = [f"m{n}" for n in range(40)] + remember_until_full(memory)
    assert list(turn_texts(memory)) == ids
    memory.forget(turn="m5")
    assert_no_trace(url)
    memory.forget(turn=ids[-1])
    memory.forget(page=memory.pages()[0].id)
    assert other_problems(memory) == []
    memory.forget(session=True)
    assert raw_turns(url, "alice") == {}
