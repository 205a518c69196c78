"""Statistics of a session."""

from __future__ import annotations

import json

from support.memories import Open
from support.shelf_turns import said

from optical_memory import OpticalMemory
from optical_memory.stores import Store
from optical_memory.testing import SMALL_LADDER, TemplateReader


def test_statistics_add_up(memory: OpticalMemory):
    stats = memory.stats()
    snapshot = memory._archive.snapshot()
    assert (stats.turns, stats.open_turns) == (60, len(snapshot.open_turns()))
    assert stats.pages == {"large": len(snapshot.pages)}
    assert stats.visual_tokens == len(snapshot.pages) * SMALL_LADDER[0].n_tokens
    assert stats.text_tokens == sum(page.text_tokens for page in snapshot.pages.values())
    assert stats.ledger_tokens == sum(page.n_ledger_tokens for page in memory.pages()) > 0
    assert stats.compression == stats.text_tokens / (stats.visual_tokens + stats.ledger_tokens)
    assert stats.problem is None
    assert json.loads(json.dumps(stats.to_json()))["turns"] == 60


def test_compression_grows_as_pages_fade(opened: Open):
    memory = opened(reader=TemplateReader(reads_cells=True), keep_turns=3)
    memory.remember(said(60))
    memory.flush()
    before = memory.stats().compression
    memory.fade(capacity=150)
    after = memory.stats().compression
    assert before is not None
    assert after is not None
    assert after > 2 * before
    assert memory.stats().visual_tokens <= 150


def test_an_empty_session_has_statistics_too(store: Store):
    with OpticalMemory("nobody", store=store, reader=TemplateReader()) as memory:
        assert (memory.stats().turns, memory.stats().compression, memory.check()) == (0, None, [])
