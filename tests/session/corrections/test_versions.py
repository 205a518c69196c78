"""Versions of a turn: the later is handed over, the older stays until the turn is forgotten."""

from __future__ import annotations

import math

import pytest
from support.edited_turns import NEW, OLD, STATES, remember_and_move_on, settings, texts
from support.memories import Open
from support.page_life import to_stubs
from support.shelf_turns import said

from optical_memory import ForgettingPolicy, Turn
from optical_memory.pages import Grid
from optical_memory.readers.pocket.reader import LADDER
from optical_memory.testing import TemplateReader, turn_texts


@pytest.mark.parametrize("state", STATES)
def test_the_later_version_is_handed_over_and_the_older_on_request(opened: Open, state: str):
    memory = opened(**settings(state))
    remember_and_move_on(memory, Turn("user", OLD, id="m1"), state)
    assert memory.remember(Turn("user", NEW, id="m1")) == ["m1"]
    for again in (memory, opened(**settings(state))):
        for question in ("card number", "card 1111"):
            assert texts(again.recall(question, 1)) == [NEW]
            assert OLD not in texts(again.recall(question, 9))
            window = str(again.context(question, budget=1_000).to_messages())
            assert ("2222" in window, "1111" in window) == (True, False)
        (part,) = again.recall("card number", 1)[0].parts
        assert (part.id, part.version, part.supersedes) == ("m1", 2, ("m1",))
        old, new = again.recall("card number", 2, superseded=True)
        assert (old.text, new.text) == (OLD, NEW) or (new.text, old.text) == (OLD, NEW)
        (part,) = next(r for r in (old, new) if r.text == OLD).parts
        assert (part.id, part.version, part.superseded_by) == ("m1", 1, "m1")
    assert turn_texts(memory)["m1"] == NEW
    assert memory.check() == []


def test_a_question_about_the_past_gets_the_older_version_with_a_mark(opened: Open):
    memory = opened()
    memory.remember(Turn("user", OLD, id="m1"))
    memory.remember([Turn("user", NEW, id="m1"), *said(3)])
    question = "What was my card number before?"
    assert {OLD, NEW} <= set(texts(memory.recall(question)))
    window = str(memory.context(question, budget=400).to_messages())
    assert f"user (replaced by a later version): {OLD}" in window
    assert f"user (replaces an earlier version): {NEW}" in window
    assert OLD not in texts(memory.recall(question, superseded=False))
    assert "1111" not in str(memory.context(question, 400, superseded=False).to_messages())
    (old,) = [r for r in memory.recall(question) if r.text == OLD]
    assert old.provenance == "[replaced by a later version, original text]"


def test_a_window_without_a_question_has_no_older_version(opened: Open):
    memory = opened(keep_turns=0)
    remember_and_move_on(memory, Turn("user", OLD, id="m1"), "certified")
    memory.remember(Turn("user", NEW, id="m1"))
    window = str(memory.context(budget=4_000).to_messages())
    assert ("2222" in window, "1111" in window) == (True, False)


def test_the_page_of_the_older_version_reads_as_before_and_names_the_hosts_id(opened: Open):
    memory = opened(keep_turns=0)
    remember_and_move_on(memory, Turn("user", OLD, id="m1"), "certified")
    memory.remember(Turn("user", NEW, id="m1"))
    page = memory.read(memory.pages()[0].id)
    assert OLD in page.text
    assert page.turns[0] == "m1"


def test_no_picture_of_a_page_shows_an_older_version_to_a_model(opened: Open):
    memory = opened(keep_turns=0, reader=TemplateReader(grid=Grid(), ladder=LADDER))
    memory.remember(Turn("user", OLD, id="m1"))
    memory.remember([Turn("user", f"The apples {i} lie on the shelf.") for i in range(400)])
    memory.flush()
    page = memory.pages()[0].id

    def pictures() -> list[str]:
        window = memory.context("apples on the shelf", 12_000, "tokens", margin=math.inf)
        assert window.passages
        return [part.page for part in window.passages if part.picture]

    assert page in pictures()
    memory.remember(Turn("user", NEW, id="m1"))
    assert page not in pictures()


def test_a_chain_of_versions_has_its_last_as_current(opened: Open):
    memory = opened(keep_turns=0)
    codes = ["4400", "4401", "4402", "4403"]
    for i, code in enumerate(codes):
        memory.remember(Turn("user", f"The gate code is {code}.", id="m1"))
        memory.remember([Turn("user", t.text) for t in said(20, first=20 * i)])
        memory.flush()
    for code in codes:
        (found,) = memory.recall(f"gate code {code}", 1)
        assert found.text == "The gate code is 4403."
        assert found.parts[0].version == 4
    older = [r.parts[0].version for r in memory.recall("gate code", 4, superseded=True)]
    assert sorted(older) == [1, 2, 3, 4]
    assert memory.stats().superseded_turns == 3
    assert memory.forget(turn="m1") == 4


def test_many_versions_of_a_turn_take_no_place_from_other_turns(opened: Open):
    memory = opened()
    for i in range(60):
        memory.remember(Turn("user", f"{i} things are said of the boiler, the boiler.", id="m1"))
    houses = [f"The boiler of house {i} is warm." for i in range(12)]
    memory.remember([Turn("user", text) for text in houses])
    found = texts(memory.recall("What of the boiler?", 6))
    assert len(set(found)) == 6
    assert found[0] == "59 things are said of the boiler, the boiler."
    window = str(memory.context("What of the boiler?", 500, margin=math.inf).to_messages())
    assert all(text in window for text in houses)
    assert window.count("things are said") == 1
    older = memory.recall("What of the boiler?", 9, superseded=True)
    assert len({(part.id, part.version) for r in older for part in r.parts}) == 9


@pytest.mark.parametrize("state", ["open", "certified"])
def test_an_older_version_given_again_is_current_again_and_nothing_grows(opened: Open, state: str):
    memory = opened(**settings(state))
    remember_and_move_on(memory, Turn("user", OLD, id="m1"), state)
    memory.remember(Turn("user", NEW, id="m1"))
    n_records = len(memory._archive.snapshot().turns)
    for _ in range(3):
        for text in (OLD, NEW):
            assert memory.remember(Turn("user", text, id="m1")) == ["m1"]
            assert texts(memory.recall("card number", 1)) == [text]
    assert len(memory._archive.snapshot().turns) == n_records
    assert memory.check() == []


def test_an_edited_message_that_a_list_moves_stays_current_in_its_order(opened: Open):
    memory = opened()
    lists = [["Red.", "Blue."], ["Red.", "Green boat."], ["Red.", "New.", "Green boat."]]
    for contents in lists:
        ids = memory.sync([{"role": "user", "content": text} for text in contents])
    recent = [part.text for part in memory.context(budget=500).parts]
    assert recent == ["Red.", "New.", "Green boat."]
    (found, *_) = memory.recall("green boat")
    assert (found.text, found.turns) == ("Green boat.", (ids[2],))
    assert memory.forget(turn=ids[2]) == 2


def test_a_message_that_a_host_streams_keeps_no_versions(opened: Open):
    memory = opened()
    for end in range(5, len(OLD) + 1, 5):
        memory.sync([{"role": "user", "content": OLD[:end], "id": "m1"}])
    assert len(memory._archive.snapshot().turns) == 1
    assert memory.stats().superseded_turns == 0


def test_an_edit_in_a_hosts_list_is_a_version_by_its_id_and_by_its_place(opened: Open):
    for fields in ({"id": "m1"}, {}):
        memory = opened(keep_turns=0)
        filler = [{"role": "user", "content": turn.text} for turn in said(40)]
        (id, *_) = memory.sync([{"role": "user", "content": OLD, **fields}, *filler])
        memory.flush()
        ids = memory.sync([{"role": "user", "content": NEW, **fields}, *filler])
        assert ids[0] == id
        assert texts(memory.recall("card 1111", 1)) == [NEW]
        assert OLD in texts(memory.recall("card 1111", 3, superseded=True))
        assert memory.sync([{"role": "user", "content": NEW, **fields}, *filler]) == ids
        assert memory.forget(turn=id) == 2
        assert not memory.recall("card", superseded=True)
        memory.forget(session=True)


def test_a_stub_has_no_word_of_an_older_version(opened: Open):
    memory = opened(keep_turns=0, policy=ForgettingPolicy(condense=False, stub_tokens=200))
    remember_and_move_on(memory, Turn("user", "The zeppelin is AX-4417-ZQ.", id="m1"), "certified")
    memory.remember(Turn("user", "The balloon is red.", id="m1"))
    page = memory.pages()[0].id
    to_stubs(memory, page)
    stub = memory.read(page).text.lower()
    assert "topic3" in stub
    assert not [word for word in ("zeppelin", "4417") if word in stub]
