"""Faults while the real reader certifies: what it reads afterwards is what was said."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.faults.fault_point import FaultPoint
from support.faults.faulty_store import faulty

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import OpticalMemoryError
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.stores import SQLiteStore

TEXT = "The heron waits at the third bridge, and the gate code of house {n} is {n}4417#. " * 6
SURE = ("original", "verified")


@pytest.mark.slow
def test_pages_of_pocket_are_true_after_a_fault(tmp_path: Path) -> None:
    turns = [Turn("user", TEXT.format(n=n), id=f"m{n}") for n in range(20)]
    store = SQLiteStore(tmp_path / "m.db")
    point = FaultPoint("lost answer", 8)
    settings = {"reader": PocketReader(), "keep_turns": 0, "background": False, "semantic": None}
    memory = OpticalMemory("alice", store=faulty(store, point), **settings)  # type: ignore[arg-type]
    memory.remember(turns)
    point.is_armed = True
    with pytest.raises(OpticalMemoryError):
        memory.flush()
    point.is_armed = False
    memory.flush()
    assert point.has_fired
    assert memory.check() == []
    pages = memory.pages()
    assert pages
    for page in pages:
        layout = memory.inspect(page.id).layout
        reading = memory.read(page.id)
        is_sure = [False] * len(reading.text)
        for span in reading.spans:
            is_sure[span.start : span.end] = [span.status in SURE] * (span.end - span.start)
        for placed in layout.spans:
            text = TEXT.format(n=placed.turn[1:])
            if placed.resumed:
                continue
            pairs = zip(reading.text[placed.body : placed.end], text, strict=False)
            wrong = [i for i, (a, b) in enumerate(pairs) if a != b and is_sure[placed.body + i]]
            assert wrong == []
    memory.close()
    store.close()
