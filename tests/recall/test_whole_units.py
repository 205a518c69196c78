"""Units of turns are read from their pages whole and word for word, whatever was forgotten beside
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from support.memories import Open, memories
from support.shelf_turns import said
from support.unit_texts import (
    LONG,
    assert_keys_are_in_the_text,
    assert_read_whole,
    bodies_of,
    unit_texts,
)

from optical_memory import Turn
from optical_memory.turns import Attachment, ToolCall

WORDS = st.text(st.sampled_from("abcXYZ019.,!?\n -"), min_size=1, max_size=60)

BODIES = st.lists(st.lists(WORDS, min_size=1, max_size=30).map(" ".join), min_size=1, max_size=9)


@contextmanager
def opened_in_folder() -> Iterator[Open]:
    """Opens memories in a new file: fixtures are made once for all examples."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/memory.db"
        with memories(store=url, keep_turns=0, background=False, semantic=None) as open_memory:
            yield open_memory


@given(BODIES)
@settings(max_examples=25, deadline=None)
def test_every_unit_reads_as_its_range_of_its_turn_wherever_its_pages_begin(
    texts: list[str],
) -> None:
    with opened_in_folder() as open_memory:
        memory = open_memory()
        memory.remember([Turn("user", text, id=f"m{i}") for i, text in enumerate(texts)])
        assert_read_whole(memory, bodies_of(texts))
        memory.seal()
        assert_read_whole(memory, bodies_of(texts))
        memory.flush()
        assert_read_whole(memory, bodies_of(texts))


@given(BODIES, st.data())
@settings(max_examples=25, deadline=None)
def test_units_read_whole_after_their_neighbours_were_forgotten(
    texts: list[str], data: st.DataObject
) -> None:
    texts = [*texts, LONG, "The last word."]
    n = data.draw(st.integers(0, len(texts) - 1))
    with opened_in_folder() as open_memory:
        memory = open_memory()
        memory.remember([Turn("user", text, id=f"m{i}") for i, text in enumerate(texts)])
        if data.draw(st.booleans()):
            memory.flush()
        memory.forget(turn=f"m{n}")
        bodies = bodies_of(texts)
        bodies.pop(n)
        assert_read_whole(memory, bodies)


@given(st.integers(0, 99), st.booleans(), st.booleans())
@settings(max_examples=8, deadline=None)
def test_units_read_as_their_words_after_a_page_was_forgotten(
    n: int, is_certified: bool, goes_on: bool
) -> None:
    """Of a turn that loses a page in the middle, the parts before it and after it stay."""
    texts = [*(turn.text for turn in said(5)), LONG, *(turn.text for turn in said(5, first=5))]
    with opened_in_folder() as open_memory:
        memory = open_memory()
        memory.remember([Turn("user", text, id=f"m{i}") for i, text in enumerate(texts)])
        memory.flush() if is_certified else memory.seal()
        pages = memory.pages()
        page = pages[n % len(pages)]
        lost_words = set(memory.read(page.id).text.split())
        memory.forget(page=page.id)
        if goes_on:
            memory.remember([Turn("user", turn.text) for turn in said(40, first=20)])
            memory.flush()
        assert_keys_are_in_the_text(memory)
        unit_words: set[str] = set()
        for piece, text in unit_texts(memory).items():
            unit_words.update(text.split())
            if piece.ordinal < len(texts):
                assert "".join(text.split()) in "".join(texts[piece.ordinal].split())
        assert not any(word in unit_words for word in lost_words if word.startswith("Topic"))


def test_units_of_an_edited_turn_read_as_edited(opened: Open) -> None:
    memory = opened(keep_turns=0, background=False)  # else a page may have the turn first
    turns = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(20))]
    memory.remember([*turns, Turn("user", LONG, id="long")])
    memory.remember(Turn("user", f"Edited. {LONG}", id="long"))
    memory.remember([Turn("user", turn.text) for turn in said(20, first=20)])
    memory.flush()
    assert memory.recall("edited", 1)[0].text.startswith("Edited. Sentence 0")
    texts = [turn.text for turn in said(20)] + [f"Edited. {LONG}"]
    texts += [LONG]  # the older version stands behind the turns that were there
    texts += [turn.text for turn in said(20, first=20)]
    assert_read_whole(memory, bodies_of(texts))
    memory.remember(Turn("user", "Edited on its page.", id="m3"))
    (newest, *_) = memory.recall("edited page", 1)
    assert (newest.text, newest.turns) == ("Edited on its page.", ("m3",))


def test_of_a_partly_open_turn_the_end_is_read_after_its_first_page_was_forgotten(
    opened: Open,
) -> None:
    memory = opened(keep_turns=0)
    memory.remember([*said(3), Turn("user", LONG, id="long")])
    memory.flush()
    record = memory._archive.snapshot().turn("long")
    assert record is not None
    assert len(record.pages) >= 3
    assert not record.sealed
    memory.forget(page=record.pages[0])
    assert_keys_are_in_the_text(memory)
    known = " ".join(unit_texts(memory).values())
    assert "Sentence 59" in known
    assert "Sentence 0 " not in known
    for page in record.pages[1:]:
        assert " ".join(memory.read(page).text.split()[1:]) in " ".join(known.split())
    memory.remember(said(40, first=3))
    memory.flush()
    assert_keys_are_in_the_text(memory)
    assert "Sentence 59" in " ".join(unit_texts(memory).values())


def test_calls_and_attachments_are_in_the_units_as_on_the_page(opened: Open) -> None:
    memory = opened(keep_turns=0)
    call = Turn("assistant", "Looking.", tool_calls=(ToolCall("find_heron", '{"gate": 7}', "c1"),))
    cats = Turn("user", "look", attachments=(Attachment("image", "a.png", "two cats"),))
    memory.remember([call, Turn("tool", "At gate 7.", tool_call_id="c1"), cats, *said(40)])
    memory.flush()
    assert "cats" in memory.recall("two cats", 1)[0].text
    assert "find_heron" in " ".join(p.text for p in memory.recall("find_heron", 2))
