"""A check that finds and mends damage."""

from __future__ import annotations

import json

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import NewerFormat, StoreError
from optical_memory.pages import Page
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.pictures import png_bytes
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.stores import Delete, Kind, Put, Store
from optical_memory.testing import SMALL_GRID, SMALL_LADDER, TemplateReader


def break_in(memory: OpticalMemory, *changes: Put | Delete) -> None:
    """Damage the store behind the memory's back."""
    memory.store.commit("alice", changes)


def test_a_sound_session_checks_clean_at_every_stage(memory: OpticalMemory):
    for capacity in (400, 150, 60, 0):
        memory.fade(capacity)
        assert memory.check() == []


def test_a_lost_picture_is_found_and_drawn_again_while_the_text_is_there(store: Store):
    memory = OpticalMemory(
        "alice", store=store, reader=TemplateReader(), keep_turns=0, background=False, retain="text"
    )
    memory.remember([Turn("user", f"Topic{i} is on shelf {i * 3}.") for i in range(60)])
    memory.seal()
    key = "0000000/small"
    drawn = store.get("alice", "picture", key)
    break_in(memory, Delete("picture", key))
    assert memory.check() == [
        "page 0000000 lacks its pictures at ['small']; repair draws them again"
    ]
    memory.check(repair=True)
    assert memory.check() == []
    assert store.get("alice", "picture", key) == drawn


@pytest.mark.parametrize("damage", ["deleted", "not a picture", "of another size"])
def test_a_damaged_picture_without_text_is_found_and_the_page_goes_on_with_the_others(
    memory: OpticalMemory, damage: str
):
    truth, key = memory.read("0000000").text, "0000000/large"
    other = memory.picture("0000000", "tiny")
    change = {
        "deleted": Delete("picture", key),
        "not a picture": Put("picture", key, b"\x89PNG, or so"),
        "of another size": Put("picture", key, other),
    }[damage]
    break_in(memory, change)
    told = "page 0000000 lacks its pictures at ['large'] and its text is gone"
    assert memory.check() == [f"{told}; repair goes on with ['base', 'small', 'tiny']"]
    memory.check(repair=True)
    assert memory.check() == []
    assert memory.read("0000000").rung == "base"
    assert memory.read("0000000").text == truth


def test_a_page_never_fades_to_a_picture_that_was_lost(memory: OpticalMemory):
    break_in(memory, Delete("picture", "0000000/tiny"), Delete("picture", "0000000/small"))
    memory.check(repair=True)
    memory.policy = ForgettingPolicy(condense=False, stub_tokens=5)
    for capacity in range(400, 0, -20):
        memory.fade(capacity)
        assert memory.check() == []
        assert memory._archive.snapshot().pages["0000000"].rung not in ("small", "tiny")


def test_a_page_without_any_picture_is_marked_as_forgotten(memory: OpticalMemory):
    break_in(memory, *(Delete("picture", f"0000001/{rung.name}") for rung in SMALL_LADDER))
    memory.store.drop_blobs("alice")
    with pytest.raises(StoreError, match="gone from the store"):
        memory.read("0000001")
    memory.check(repair=True)
    assert memory.check() == []
    assert memory.stats().pages["forgotten"] == 1


@pytest.mark.parametrize(
    "damage", [{"rungs": [["large"]]}, {"rungs": 5}, {"rungs": [["large", 1.0]]}, {"v": "?"}]
)
def test_a_damaged_certificate_is_found_and_after_repair_its_page_reads_as_reconstructed(
    memory: OpticalMemory, damage: dict[str, object]
):
    page = next(iter(memory._archive.snapshot().pages.values()))
    broken = page.model_copy(update={"certificate": (page.certificate or {}) | damage})
    break_in(memory, Put("page", page.id, broken.dump()))
    (told,) = memory.check()
    assert "certificate of page 0000000 does not parse" in told
    assert memory.check(repair=True) == [told]
    assert memory.check() == []
    assert "verified" not in {span.status for span in memory.read(page.id).spans}


@pytest.mark.parametrize("newer", ["record", "field", "certificate"])
def test_what_a_newer_version_wrote_is_not_taken_for_damage(memory: OpticalMemory, newer: str):
    page = next(iter(memory._archive.snapshot().pages.values()))
    said = json.loads(page.dump())
    said |= {"record": {"v": 99}, "field": {"v": 99, "mood": "blue"}, "certificate": {}}[newer]
    if newer == "certificate":
        said["certificate"]["v"] = 99
    data = json.dumps(said).encode()
    break_in(memory, Put("page", page.id, data))
    with pytest.raises(NewerFormat):
        memory.check(repair=True)
    assert memory.store.get("alice", "page", page.id) == data


@pytest.mark.parametrize(
    ("kind", "key"),
    [("turn", "000000007"), ("page", "0000001"), ("session", "session"), ("turn", "000000059")],
)
@pytest.mark.parametrize("damage", [b"", b"{", b'{"v": "?"}', b"\xff\xfe"])
def test_a_damaged_record_is_found_and_after_repair_everything_else_is_there(
    memory: OpticalMemory, kind: Kind, key: str, damage: bytes
):
    before = {page: memory.read(page).text for page in memory._archive.snapshot().pages}
    break_in(memory, Put(kind, key, damage))
    (told,) = memory.check()
    assert told.startswith(f"{kind} {key} is damaged")
    memory.check(repair=True)
    assert memory.check() == []
    lost = {key} if kind == "page" else set()
    assert {page: memory.read(page).text for page in before if page not in lost} == {
        page: text for page, text in before.items() if page not in lost
    }
    memory.remember(Turn("user", "and so it goes on"))
    assert memory.check() == []


def test_pictures_that_belong_to_no_page_are_found_and_removed(memory: OpticalMemory):
    break_in(
        memory,
        Put(
            "picture",
            "0000099/large",
            png_bytes(PageRenderer(SMALL_GRID).draw(page_of(memory), 512)),
        ),
    )
    assert memory.check() == [
        "picture 0000099/large belongs to no page at that rung; repair removes it"
    ]
    memory.check(repair=True)
    assert memory.check() == []


def page_of(memory: OpticalMemory) -> Page:
    return PageRenderer(SMALL_GRID).paginate([PlacedTurn(Turn("user", "stray"), "s", 0)])[0]


def test_a_missing_turn_is_found(memory: OpticalMemory):
    break_in(memory, Delete("turn", "000000020"))
    told = " ".join(memory.check())
    assert "1 acknowledged turns of session 'alice' are gone" in told
    assert "not numbered without gaps" in told
    assert "repair marks lost turns as forgotten" in told
    memory.check(repair=True)
    assert memory.check() == ["the store lost 1 turns that it had acknowledged"]
