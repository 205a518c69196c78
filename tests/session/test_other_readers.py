"""A session that two readers with different ladders share: both work, and each leaves the pages of
the other alone.
"""

from __future__ import annotations

import pytest
from support.memories import Open
from support.readers.other_ladders import OTHER_LADDERS, other_reader
from support.shelf_turns import said

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.session.forgetting.policy import Schedule
from optical_memory.testing import TemplateReader

SECRET = "the cellar key hangs behind the blue jar"


@pytest.fixture(params=list(OTHER_LADDERS))
def reader(request: pytest.FixtureRequest) -> TemplateReader:
    return other_reader(request.param)


def texts(memory: OpticalMemory) -> list[str]:
    return [memory.read(page.id).text for page in memory.pages()]


def pictures(memory: OpticalMemory) -> dict[str, bytes]:
    return dict(memory.store.scan("alice", "picture"))


def test_every_door_is_open_to_both_readers_and_nothing_changes(
    opened: Open, reader: TemplateReader
):
    first = opened(capacity=None)
    first.remember(said(60))
    first.flush()
    kept_texts = texts(first)
    kept_pictures = pictures(first)
    second = opened(capacity=None, reader=reader)
    assert second.stats().turns == 60
    assert second.recall("shelf 7")
    assert second.context("shelf 7", budget=600).n_tokens <= 600
    second.fade()
    second.plan()
    second.flush()
    assert second.check() == []
    assert second.check(repair=True) == []
    for page in second.pages():
        assert len(second.read(page.id).text) == len(first.read(page.id).text)
        assert second.picture(page.id)
    assert first.check() == []
    assert texts(first) == kept_texts
    assert pictures(first) == kept_pictures


def test_each_reader_seals_its_own_pages_and_hears_of_those_of_the_other(
    opened: Open, reader: TemplateReader
):
    first = opened(capacity=None)
    first.remember(said(60))
    first.flush()
    second = opened(capacity=None, reader=reader)
    second.remember([Turn("user", f"box {i} stands on the pier") for i in range(60)])
    second.flush()
    assert "box 9 stands" in second.recall("box 9 pier")[0].text
    assert first.stats().turns == second.stats().turns == 120
    assert first.recall("shelf 7")[0].share("original", "verified") == 1.0
    assert first.check() == second.check() == []


@pytest.mark.parametrize("capacity", [0, 300])
def test_a_capacity_of_one_reader_costs_no_page_of_the_other(opened: Open, capacity: int):
    first = opened(capacity=None)
    first.remember(said(60))
    first.flush()
    kept_texts = texts(first)
    second = opened(reader=other_reader("other names"))
    assert second.fade(capacity) == []
    assert texts(first) == kept_texts
    assert second.stats().other_reader_pages == len(kept_texts)
    assert first.stats().other_reader_pages == 0


def test_a_page_that_a_reader_cannot_read_says_so_and_gives_its_exact_facts(opened: Open):
    first = opened(capacity=None, ledger="all")
    first.remember([Turn("user", f"order {i} is to go to gate 77{i:04}") for i in range(60)])
    first.flush()
    second = opened(capacity=None, reader=other_reader("other names"))
    (passage, *_) = second.recall("gate 770011")
    assert "770011" in passage.text
    assert "order 11 is to go" not in passage.text
    assert passage.is_incomplete
    assert "another reader" in passage.provenance
    assert passage.share("reconstructed", "verified") == 0.0
    page = second.read(second.pages()[0].id)
    assert "another reader" in page.provenance
    assert "770001" in page.marked()


def test_pages_with_their_text_are_read_by_both(opened: Open):
    first = opened(capacity=None, retain="text")
    first.remember(said(60))
    first.flush()
    second = opened(capacity=None, retain="text", reader=other_reader("other names"))
    assert texts(second) == texts(first)
    assert all(passage.share("original") == 1.0 for passage in second.recall("shelf 7"))


def test_a_page_that_waits_for_its_certificate_waits_for_its_own_reader(
    opened: Open, reader: TemplateReader
):
    first = opened(capacity=None)
    first.remember(said(60))
    first.seal()
    before = texts(first)
    second = opened(capacity=None, reader=reader)
    second.flush()
    assert texts(second) == before
    assert second.check(repair=True) == []
    first.flush()
    assert texts(first) == before
    assert first.check() == []
    assert {page.state for page in first.pages()} == {"certified"}


@pytest.mark.parametrize("is_certified", [True, False])
@pytest.mark.parametrize("by", ["turn", "page"])
def test_what_the_other_reader_forgets_is_on_no_picture(
    opened: Open, reader: TemplateReader, is_certified: bool, by: str
):
    first = opened(capacity=None)
    first.remember([Turn("user", SECRET, id="m0"), *said(60)])
    first.flush() if is_certified else first.seal()
    (page, *_) = first.pages()
    old_pictures = {key: png for key, png in pictures(first).items() if key.startswith(page.id)}
    second = opened(capacity=None, reader=reader)
    second.forget(turn="m0") if by == "turn" else second.forget(page=page.id)
    new_pictures = pictures(first)
    assert old_pictures
    assert all(new_pictures.get(key) != png for key, png in old_pictures.items())
    assert by == "turn" or not old_pictures.keys() & new_pictures.keys()
    assert all("blue jar" not in recollection.text for recollection in first.recall("cellar key"))


def test_the_first_reader_still_fades_its_pages(opened: Open, reader: TemplateReader):
    policy = ForgettingPolicy(schedule=Schedule((1, 2)), every=1, floor=0.0)
    first = opened(capacity=None, policy=policy)
    first.remember(said(60))
    first.flush()
    opened(capacity=None, reader=reader).fade()
    first.remember(said(60))
    first.flush()
    assert len({page.rung for page in first.pages()}) > 1
