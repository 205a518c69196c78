"""A damaged or lost picture costs its own page, and no other page of a recall or a window."""

from __future__ import annotations

import pytest
from support.memories import Open

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import CorruptPicture
from optical_memory.stores import Delete, Put


@pytest.fixture(params=["broken", "gone"])
def damaged(request: pytest.FixtureRequest, opened: Open) -> OpticalMemory:
    """Three pages or more of gate codes, of which the first has broken pictures, or none."""
    memory = opened(keep_turns=0, background=False)
    memory.remember([Turn("user", f"turn {i}: the gate code is {i}{i}{i}") for i in range(60)])
    memory.flush()
    page = memory.pages()[0]
    keys = [f"{page.id}/{rung.name}" for rung in memory.reader.profile.ladder]
    if request.param == "broken":
        memory.store.commit(memory.session, [Put("picture", key, b"no PNG") for key in keys])
    else:
        memory.store.commit(memory.session, [Delete("picture", key) for key in keys])
    memory.store.drop_blobs(memory.session)
    return opened(keep_turns=0, background=False)


def test_recall_reads_the_other_pages(damaged: OpticalMemory, caplog: pytest.LogCaptureFixture):
    pages = [page.id for page in damaged.pages()]
    assert len(pages) >= 3
    matches = damaged.recall("gate code", 9)
    assert {match.page for match in matches} & set(pages[1:])
    assert any("the picture of page" in message for message in caplog.messages)


def test_a_window_has_the_other_pages(damaged: OpticalMemory):
    passages = damaged.context("gate code", 600).passages
    assert {part.page for part in passages} & {page.id for page in damaged.pages()[1:]}


def test_to_read_the_page_itself_tells_the_damage(damaged: OpticalMemory):
    with pytest.raises(CorruptPicture, match="is damaged"):
        damaged.read(damaged.pages()[0].id)
    assert any("lacks its pictures" in problem for problem in damaged.check())
