"""Sealing: full pages of old turns, several in a commit, without waiting for a reader."""

from __future__ import annotations

import time

import pytest
from support.memories import Open
from support.page_life import turns_with_secret

from optical_memory import Turn
from optical_memory.session.seal import PAGES_A_COMMIT
from optical_memory.stores import Store
from optical_memory.testing import TemplateReader


def test_a_commit_seals_four_pages(opened: Open, store: Store):
    memory = opened(keep_turns=0)
    memory.remember(turns_with_secret(80))
    before = store.version("alice").number
    assert memory.seal()
    n_pages = len(memory.pages())
    n_commits = store.version("alice").number - before
    assert n_pages > PAGES_A_COMMIT == 4
    assert n_commits == -(-n_pages // PAGES_A_COMMIT)


def test_sealing_reads_nothing(opened: Open):
    reader = TemplateReader()
    memory = opened(reader=reader)
    memory.remember(turns_with_secret(40))
    assert memory.seal()
    assert not memory.seal(), "nothing is left to seal"
    assert not reader.calls


def test_a_page_with_a_turn_that_stays_open_is_not_sealed(opened: Open):
    memory = opened(keep_turns=30)
    memory.remember(turns_with_secret(40))
    memory.seal()
    newest = [record.ordinal for record in memory._archive.snapshot().open_turns()][-30:]
    for page in memory.pages():
        layout = memory.inspect(page.id).layout
        assert layout is not None
        assert {span.ordinal for span in layout.spans}.isdisjoint(newest)


@pytest.mark.parametrize("text", ["word ", "\n", "x", "门 "])
def test_a_step_costs_the_same_however_long_the_turn_is(opened: Open, text: str):
    def seconds(n_pages: int) -> float:
        """CPU time of the first step of a turn of so many pages, at least."""
        memory = opened(keep_turns=0)
        n_rows = n_pages * memory.reader.profile.grid.rows
        turn = text * (n_rows if text == "\n" else n_rows * 60 // len(text))
        memory.remember([Turn("user", turn), Turn("user", "end")])
        start = time.process_time()
        assert memory._upkeep.seal()
        seconds = time.process_time() - start
        memory.forget(session=True)
        return seconds

    seconds(10)
    assert seconds(640) < 4 * min(seconds(10) for _ in range(3))
