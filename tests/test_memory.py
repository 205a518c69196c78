"""Remembering: every turn word for word and in order, edits, and no waiting for the reader."""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from support.memories import Open
from support.shelf_turns import said

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import InputError
from optical_memory.profiles import Rung
from optical_memory.renderers import PageRenderer
from optical_memory.testing import TemplateReader, turn_texts
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Attachment, ToolCall


def test_what_was_remembered_is_there_after_reopening_without_closing(opened: Open):
    ids = opened(background=False).remember(said(3))
    again = opened(background=False)
    assert list(turn_texts(again).items()) == list(zip(ids, (t.text for t in said(3)), strict=True))


def test_every_turn_is_told_word_for_word_and_in_order_once_it_stands_on_pages(opened: Open):
    memory = opened()
    turns = [
        Turn("user", "  indented\n\n\tand tabbed  \n", name="Mel"),
        Turn("assistant", "", tool_calls=(ToolCall("f", '{"a": 1}', "c1"),)),
        Turn("tool", "result 1\r\nline 2", tool_call_id="c1"),
        Turn("user", "a picture", attachments=(Attachment("image", "a.png", "two cats"),)),
        Turn("user", "long " * 400),
        *said(40),
    ]
    ids = memory.remember(turns)
    memory.flush()
    told = turn_texts(memory)
    assert list(told) == ids
    assert told[ids[0]] == "  indented\n\n\tand tabbed  \n"
    assert told[ids[1]] == '=> f({"a": 1})'
    assert told[ids[2]] == "result 1\nline 2"
    assert told[ids[3]] == "a picture\n[image: two cats <a.png>]"
    assert [told[id] for id in ids[4:]] == [turn.text for turn in turns[4:]]
    assert memory.stats().pages == {"large": len(memory._archive.snapshot().pages)}


def test_the_same_turn_again_changes_nothing(opened: Open):
    memory = opened(background=False)
    turn = Turn("user", "hello", id="m1")
    assert memory.remember(turn) == memory.remember(turn) == ["m1"]
    version = memory.store.version("alice")
    memory.remember([turn, turn])
    assert memory.store.version("alice") == version
    assert turn_texts(memory) == {"m1": "hello"}


def test_an_edited_turn_replaces_the_old_one_while_it_is_open(opened: Open):
    memory = opened(background=False)
    memory.remember([Turn("user", "first", id="a"), Turn("user", "second", id="b")])
    memory.remember(Turn("user", "first, edited", id="a"))
    assert turn_texts(memory) == {"a": "first, edited", "b": "second"}
    memory.remember(Turn("user", "quite another", id="a"))
    assert turn_texts(memory) == {"a": "quite another", "b": "second"}


def test_an_edited_turn_on_a_sealed_page_is_a_new_turn_and_sending_it_all_again_changes_nothing(
    opened: Open,
):
    memory = opened()
    history = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(40))]
    memory.remember(history)
    memory.flush()
    history[0] = Turn("user", "quite another thing", id="m0")
    n_turns = len(memory._archive.snapshot().turns)
    assert memory.remember(history)[0] == "m0"
    assert len(memory._archive.snapshot().turns) == n_turns + 1
    version = memory.store.version("alice")
    assert memory.remember(history)[:2] == ["m0", "m1"]
    assert memory.store.version("alice") == version


class EditingRenderer:
    """Draws, but not before another memory has edited a turn on the page."""

    def __init__(self, editor: OpticalMemory) -> None:
        self._editor, self._plain = editor, PageRenderer(editor.reader.profile.grid)

    def first_pages(self, turns: Any, n: int) -> Any:
        return self._plain.first_pages(turns, n)

    def draw(self, page: Any, side_px: int) -> Any:
        self._editor.remember(Turn("user", "edited just in time", id="m1"))
        return self._plain.draw(page, side_px)


def test_a_turn_edited_while_its_page_is_drawn_is_sealed_as_edited(opened: Open):
    memory = opened(background=False, keep_turns=0)
    memory.remember([Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(40))])
    memory._upkeep._renderer = EditingRenderer(opened(background=False))  # type: ignore[assignment]
    assert memory.seal()
    assert turn_texts(memory)["m1"] == "edited just in time"
    assert memory.check() == []


def test_a_tool_call_and_its_result_stand_on_one_page_where_it_can_hold_both(opened: Open):
    memory = opened(keep_turns=0)
    for n in range(30):
        memory.remember(
            [
                Turn("user", f"please look up number {n}"),
                Turn("assistant", "", tool_calls=(ToolCall("look_up", f'{{"n": {n}}}', f"c{n}"),)),
                Turn("tool", f"the number {n} is {n * n}", tool_call_id=f"c{n}"),
            ]
        )
    memory.flush()
    turns = [record for record in memory._archive.snapshot().turns.values() if record.sealed]
    pairs = [(call, answer) for call, answer in pairwise(turns) if answer.role == "tool"]
    assert len(pairs) > 20
    assert all(call.pages == answer.pages for call, answer in pairs)


@pytest.mark.parametrize(
    "wrong", ["hello", {"role": "user"}, None, Turn("owner", "x"), Turn("user", 5)]
)  # type: ignore[arg-type]
def test_what_is_no_turn_is_refused_and_nothing_is_written(opened: Open, wrong: Any):
    memory = opened(background=False)
    with pytest.raises(InputError):
        memory.remember([Turn("user", "fine"), wrong])
    assert not memory.store.version("alice").exists


def test_half_a_character_is_kept_as_a_visible_escape(opened: Open):
    memory = opened(background=False)
    memory.remember(Turn("user", "broken \ud83d emoji", id="\udc00"))
    assert list(turn_texts(opened(background=False)).values()) == ["broken \\ud83d emoji"]


@pytest.mark.slow
def test_remembering_one_turn_at_a_time_takes_as_long_at_the_end_as_at_the_beginning(opened: Open):
    memory = opened(background=False)
    seconds: list[float] = []  # of the processor: a busy disk says nothing of our work
    for turn in said(5_000):
        start = time.thread_time()
        memory.remember(turn)
        seconds.append(time.thread_time() - start)
    assert median(seconds[-500:]) / median(seconds[:500]) < 3


class SlowReader(TemplateReader):
    """Takes its time, like a real one."""

    def encode(self, images: Any, rung: Rung) -> list[VisualTokens]:
        time.sleep(0.2)
        return super().encode(images, rung)


def test_remembering_never_waits_for_drawing_or_for_the_reader(opened: Open):
    memory = opened(reader=SlowReader())
    memory.remember(said(200))
    time.sleep(0.1)
    waits: list[float] = []
    for turn in said(100, 200):
        start = time.perf_counter()
        memory.remember(turn)
        waits.append(time.perf_counter() - start)
        time.sleep(0.01)
    assert memory.stats().pages.get("text", 0) > 0, "the reader was still at work"
    assert sorted(waits)[94] < 0.1  # a busy disk may stop anybody now and then
