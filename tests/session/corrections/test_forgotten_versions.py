"""A turn is forgotten with all its versions, whichever of them names it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from support.edited_turns import NEW, OLD, STATES, remember_and_move_on, settings, texts
from support.memories import Open
from support.secret_turn import raw
from support.shelf_turns import said

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.testing import TemplateReader


@pytest.mark.parametrize("state", STATES)
def test_forgetting_a_turn_takes_all_versions_and_leaves_no_trace(
    opened: Open, url: str, state: str
):
    memory = opened(**settings(state))
    remember_and_move_on(memory, Turn("user", "The zorblax opens with QX-7731-ZZ.", id="m1"), state)
    memory.remember(Turn("user", "The zorblax opens with flurbington.", id="m1"))
    memory.remember(Turn("user", "Nothing at all of a Zebedee.", id="m1"))
    memory.remember([Turn("user", turn.text) for turn in said(30, first=50)])
    if state != "open":
        memory.flush()
    assert memory.forget(turn="m1") == 3
    for word in (b"zorblax", b"QX-7731", b"flurbington", b"ebedee"):
        assert word not in raw(url)
    assert memory.recall("zorblax QX-7731-ZZ flurbington Zebedee", superseded=True) == []
    assert memory.check() == []
    assert memory.stats().forgotten_turns == 3


def test_two_versions_on_a_page_are_both_white_afterwards(opened: Open, url: str):
    memory = opened(keep_turns=0)
    memory.remember([Turn("user", "A zorblax.", id="m1"), Turn("user", "Not yet.", id="m2")])
    memory.remember(Turn("user", "A flurbington.", id="m1"))
    remember_and_move_on(memory, Turn("user", "More."), "certified")
    page = memory.pages()[0].id
    assert {"zorblax.", "flurbington."} <= set(memory.read(page).text.split())
    memory.forget(turn="m1")
    assert not {"zorblax.", "flurbington."} & set(memory.read(page).text.split())
    assert b"zorblax" not in raw(url)
    assert b"flurbington" not in raw(url)


def test_any_versions_own_id_names_the_turn_but_a_hosts_id_goes_first(opened: Open):
    memory = opened(keep_turns=0)
    remember_and_move_on(memory, Turn("user", OLD, id="m1"), "certified")
    memory.remember(Turn("user", NEW, id="m1"))
    memory.remember(Turn("user", "A turn of its own.", id="m1~2"))
    assert memory.forget(turn="m1~2") == 1
    assert texts(memory.recall("card number", 1)) == [NEW]
    with pytest.raises(Forgotten):
        memory.forget(turn="m1~2")
    assert memory.forget(turn="m1") == 2


def test_a_version_id_names_all_versions(opened: Open):
    memory = opened(keep_turns=0)
    remember_and_move_on(memory, Turn("user", OLD, id="m1"), "certified")
    memory.remember(Turn("user", NEW, id="m1"))
    assert memory.forget(turn="m1~2") == 2
    assert not memory.recall("card number", superseded=True)


def test_an_exported_file_has_the_marks_and_nothing_of_what_was_forgotten(
    opened: Open, tmp_path: Path
):
    memory = opened(keep_turns=0)
    remember_and_move_on(memory, Turn("user", OLD, id="m1"), "certified")
    memory.remember([Turn("user", NEW, id="m1"), Turn("user", "A zorblax.", id="m2")])
    memory.remember(Turn("user", "Two flurbingtons.", id="m2"))
    memory.forget(turn="m2")
    memory.export(tmp_path / "alice.zip")
    with zipfile.ZipFile(tmp_path / "alice.zip") as file:
        records = b"".join(file.read(name) for name in file.namelist())
    assert b"1111" in records or b"2222" in records
    assert b"zorblax" not in records
    assert b"flurbington" not in records
    copy = OpticalMemory.restore(
        tmp_path / "alice.zip",
        store=f"sqlite:///{tmp_path}/copy.db",
        reader=TemplateReader(),
        background=False,
    )
    assert texts(copy.recall("card 1111", 1)) == [NEW]
    assert OLD in texts(copy.recall("card 1111", 2, superseded=True))
    copy.remember(Turn("user", "A zorblax.", id="m2"))
    copy.remember(Turn("user", "Two flurbingtons."))
    assert copy.recall("zorblax flurbingtons", superseded=True) == []
    copy.close()


def test_a_turn_may_be_named_without_its_conversation_if_no_other_id_ends_so(opened: Open):
    memory = opened()
    memory.remember(
        [Turn("user", "The code is 4417.", id="chat-1/m1"), Turn("user", "Hi", id="m2")]
    )
    memory.remember(Turn("user", "Beans.", id="chat-1/m3"))
    memory.remember(Turn("user", "Peas.", id="chat-2/m3"))
    memory.forget(turn="m1")
    for id in ("m1", "1", "m3"):
        with pytest.raises(Forgotten):
            memory.forget(turn=id)
    assert [turn.text for turn in memory.recall("4417 beans peas", 9)] != []
    assert memory.stats().forgotten_turns == 1
