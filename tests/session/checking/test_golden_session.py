"""A session with checksums, as this version wrote it first, is read forever."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from support.damage.sessions import SESSION, memory_of, turns_of

from optical_memory.stores.sqlite import SQLiteStore

GOLDEN = Path(__file__).parents[2] / "golden" / "session-4.sqlite"


def test_a_session_with_checksums_is_read_forever(tmp_path: Path) -> None:
    shutil.copy(GOLDEN, tmp_path / "m.db")
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        assert all(value.startswith(b'{"sum":"') for _, value in store.scan(SESSION, "turn"))
        memory = memory_of(store, "pages")
        assert memory.check() == []
        texts = [turn.text for turn in turns_of(14)]
        assert memory.recall("locker QX1111", 1)[0].text == texts[3]
        assert [turn.text for turn in memory._archive.snapshot().open_turns()][-3:] == texts[-3:]
