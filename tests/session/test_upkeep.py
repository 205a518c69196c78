"""Looking after a session: statistics, a check that finds and mends damage, export and restore."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import InputError, NewerFormat, StoreError
from optical_memory.pages import Page
from optical_memory.renderers import PlacedTurn
from optical_memory.renderers.pictures import png_bytes
from optical_memory.session.policy import ForgettingPolicy
from optical_memory.stores import Delete, Kind, Put, Store
from optical_memory.testing import SMALL_LADDER, TemplateReader, turns_told


@pytest.fixture
def memory(store: Store) -> Iterator[OpticalMemory]:
    """Sixty turns on certified pages and a few open ones, over SQLite and over Valkey."""
    memory = OpticalMemory(
        "alice",
        store=store,
        reader=TemplateReader(),
        keep_turns=3,
        capacity=10**6,
        background=False,
    )
    memory.remember(
        [Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.") for i in range(60)]
    )
    memory.flush()
    yield memory
    memory._worker.stop()


def break_in(memory: OpticalMemory, *changes: Put | Delete) -> None:
    """Damage the store behind the memory's back."""
    memory.store.commit("alice", changes)


# ---- statistics ----------------------------------------------------------------------------------


def test_statistics_add_up(memory: OpticalMemory):
    stats = memory.stats()
    snapshot = memory.archive.snapshot()
    assert (stats.turns, stats.open_turns) == (60, len(snapshot.open_turns()))
    assert stats.pages == {"large": len(snapshot.pages)}
    assert stats.visual_tokens == len(snapshot.pages) * SMALL_LADDER[0].n_tokens
    assert stats.text_tokens == sum(page.text_tokens for page in snapshot.pages.values())
    assert stats.compression == stats.text_tokens / stats.visual_tokens
    assert stats.problem is None
    assert json.loads(json.dumps(stats.to_json()))["turns"] == 60


def test_compression_grows_as_pages_fade(memory: OpticalMemory):
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


# ---- check and repair ----------------------------------------------------------------------------


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
    other = memory.archive.picture("0000000", "tiny") or b""
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
    memory.policy = ForgettingPolicy(stub_tokens=5)
    for capacity in range(400, 0, -20):
        memory.fade(capacity)
        assert memory.check() == []
        assert memory.archive.snapshot().pages["0000000"].rung not in ("small", "tiny")


def test_a_page_without_any_picture_is_marked_as_forgotten(memory: OpticalMemory):
    break_in(memory, *(Delete("picture", f"0000001/{rung.name}") for rung in SMALL_LADDER))
    memory.store.drop_blobs("alice")
    with pytest.raises(StoreError, match="no picture"):
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
    page = next(iter(memory.archive.snapshot().pages.values()))
    broken = page.model_copy(update={"certificate": (page.certificate or {}) | damage})
    break_in(memory, Put("page", page.id, broken.dump()))
    (told,) = memory.check()
    assert "certificate of page 0000000 does not parse" in told
    assert memory.check(repair=True) == [told]
    assert memory.check() == []
    assert "verified" not in {span.status for span in memory.read(page.id).spans}


@pytest.mark.parametrize("newer", ["record", "field", "certificate"])
def test_what_a_newer_version_wrote_is_not_taken_for_damage(memory: OpticalMemory, newer: str):
    page = next(iter(memory.archive.snapshot().pages.values()))
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
    before = {page: memory.read(page).text for page in memory.archive.snapshot().pages}
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
        Put("picture", "0000099/large", png_bytes(memory.renderer.draw(page_of(memory), 512))),
    )
    assert memory.check() == [
        "picture 0000099/large belongs to no page at that rung; repair removes it"
    ]
    memory.check(repair=True)
    assert memory.check() == []


def page_of(memory: OpticalMemory) -> Page:
    return memory.renderer.paginate([PlacedTurn(Turn("user", "stray"), "s", 0)])[0]


def test_a_missing_turn_is_found(memory: OpticalMemory):
    break_in(memory, Delete("turn", "000000020"))
    told = " ".join(memory.check())
    assert "not numbered without gaps" in told
    assert "counts 60 turns, but 59 are stored" in told


# ---- export and restore --------------------------------------------------------------------------


def test_what_was_exported_is_restored_word_for_word_in_another_store(
    memory: OpticalMemory, tmp_path: Path
):
    memory.fade(capacity=300)
    memory.export(tmp_path / "alice.zip")
    other = f"sqlite:///{tmp_path}/other.db"
    with OpticalMemory.restore(
        tmp_path / "alice.zip", store=other, reader=TemplateReader(), background=False
    ) as again:
        assert again.session == "alice"
        assert turns_told(again) == turns_told(memory)
        assert again.stats().to_json() | {"capacity": 0} == memory.stats().to_json() | {
            "capacity": 0
        }
        assert again.recall("topic7", k=3) == memory.recall("topic7", k=3)
        assert again.check() == []


def test_an_export_needs_nothing_of_ours_to_be_read(memory: OpticalMemory, tmp_path: Path):
    memory.export(tmp_path / "alice.zip")
    with zipfile.ZipFile(tmp_path / "alice.zip") as file:
        assert json.loads(file.read("manifest.json"))["session"] == "alice"
        assert file.read("picture/0000000/large.png").startswith(b"\x89PNG")
        assert json.loads(file.read("turn/000000000.json"))["id"] == "t0"


def test_nothing_is_written_over(memory: OpticalMemory, tmp_path: Path):
    memory.export(tmp_path / "alice.zip")
    version = memory.store.version("alice")
    with pytest.raises(InputError, match="'alice' exists already"):
        OpticalMemory.restore(tmp_path / "alice.zip", store=memory.store, reader=TemplateReader())
    assert memory.store.version("alice") == version
    copy = OpticalMemory.restore(
        tmp_path / "alice.zip", "copy", store=memory.store, reader=TemplateReader()
    )
    assert turns_told(copy) == turns_told(memory)
    copy.close()


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04"])
def test_what_is_no_export_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.zip"):
        OpticalMemory.restore(
            tmp_path / "x.zip", store=f"sqlite:///{tmp_path}/m.db", reader=TemplateReader()
        )
    assert not (tmp_path / "m.db").exists()


def test_an_export_of_a_later_format_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("manifest.json", json.dumps({"format": 9, "session": "a", "version": 1}))
    with pytest.raises(InputError, match="format 9"):
        OpticalMemory.restore(
            tmp_path / "x.zip", store=f"sqlite:///{tmp_path}/m.db", reader=TemplateReader()
        )
