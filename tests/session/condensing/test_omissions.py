"""If sentences of a turn are left out, a mark says so: on the page, and in what is handed over."""

from __future__ import annotations

import numpy as np
from support.condensed_pages import condensed, sentences, talk, turn_bodies
from support.memories import Open

from optical_memory import OpticalMemory, Turn
from optical_memory.session.condensing.omissions import OMISSION, omissions_of, text_left
from optical_memory.session.condensing.run_text import TurnText, Unit
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import TurnRecord

REPORT = " ".join(
    f"The locker {i} holds QX{1000 + i * 37}." if i % 5 == 0 else f"Day {i} was as it was."
    for i in range(60)
)


def with_report(opened: Open, capacity: int) -> OpticalMemory:
    """A memory whose pages were condensed, with a turn that is longer than a page."""
    memory = opened()
    memory.remember([*talk(20), Turn("user", REPORT, id="long"), *talk(40, 20)])
    memory.flush()
    memory.fade(capacity)
    assert condensed(memory)
    return memory


def assert_marked(text: str, whole_text: str) -> None:
    """Sentences that were neighbours stand without a mark, all others with a mark between."""
    last_end = 0
    for part in text.split(OMISSION):
        if not part.strip():
            continue
        start = whole_text.find(part.strip(), last_end)
        assert start >= 0, part
        last_end = start + len(part.strip())
    if not whole_text.startswith(text[:10]):
        assert text.startswith(OMISSION)
    if not whole_text.endswith(text[-10:]):
        assert text.endswith(OMISSION)


def part_of_turn(text: str, start: int, n_chars: int) -> TurnText:
    record = TurnRecord(id="t", ordinal=7, role="user", digest="")
    return TurnText(record, start, text, np.ones(len(text), np.bool_), n_chars)


def units_at(text: str, *ranges: tuple[int, int], start: int = 0) -> list[Unit]:
    return [Unit(7, first + start, last + start, text[first:last]) for first, last in ranges]


def test_a_mark_stands_for_words_that_are_left_out_and_not_for_blanks() -> None:
    text = "One is here. Two is there.\n\nThree is gone."
    turn = part_of_turn(text, 0, len(text))
    assert text_left(turn, units_at(text, (0, 13), (13, 26), (28, 42))) == (
        "One is here. Two is there.Three is gone."
    )
    assert text_left(turn, units_at(text, (0, 13), (28, 42))) == (
        "One is here. [...] Three is gone."
    )
    assert text_left(turn, units_at(text, (13, 28))) == "[...] Two is there.\n\n[...]"


def test_nothing_is_left_of_a_whole_turn_and_a_mark_of_a_turn_that_other_pages_have() -> None:
    text = "Two is there."
    assert text_left(part_of_turn(text, 0, 13), []) == ""
    assert text_left(part_of_turn(text, 100, 150), []) == OMISSION
    units = units_at(text, (0, 13), start=100)
    assert text_left(part_of_turn(text, 100, 150), units) == text
    assert omissions_of(part_of_turn(text, 100, 150), units) == []


def test_what_is_left_out_of_a_long_turn_is_marked_on_its_page(opened: Open) -> None:
    text = turn_bodies(with_report(opened, 78))["long"]
    assert 2 < len(sentences(text)) < len(sentences(REPORT))
    assert_marked(text, REPORT)


def test_marks_do_not_add_up_when_pages_are_condensed_again(opened: Open) -> None:
    memory = with_report(opened, 104)
    for capacity in (78, 65, 39):
        memory.fade(capacity)
        text = turn_bodies(memory).get("long", "")
        assert_marked(text, REPORT)
        assert all(part.strip() for part in text.split(OMISSION)[1:-1])
        assert memory.check() == []


def test_a_turn_that_is_kept_whole_has_no_mark(opened: Open) -> None:
    memory = with_report(opened, 78)
    whole_turns = {str(turn.id): turn.text for turn in talk(60)}
    bodies = turn_bodies(memory)
    kept = [id for id in whole_turns if bodies.get(id) == whole_turns[id]]
    assert len(kept) > 5
    assert not any(OMISSION in text for id, text in bodies.items() if id in kept)


def test_a_passage_of_a_condensed_turn_does_not_begin_or_end_with_the_turn(opened: Open) -> None:
    memory = with_report(opened, 78)
    text = turn_bodies(memory)["long"]
    parts = [part for passage in memory.recall("locker QX", 40) for part in passage.parts]
    own_parts = [part for part in parts if part.id == "long"]
    assert own_parts
    if text.startswith(OMISSION):
        assert not any(part.begins for part in own_parts)
    if text.endswith(OMISSION):
        assert not any(part.ends for part in own_parts)
    passage = memory.recall("locker QX", 40)[0]
    assert OMISSION not in passage.text  # pieces are handed over apart, as of any turn


def test_units_of_the_index_stand_between_the_marks(opened: Open) -> None:
    memory = with_report(opened, 78)
    snapshot = memory._archive.snapshot()
    draft = IndexDraft(snapshot)
    bodies = turn_bodies(memory)
    assert OMISSION in bodies["long"]
    for record in snapshot.turns.values():
        text = bodies.get(record.id, "")
        units = [text[start:end] for start, end in draft.units_of(record.ordinal)]
        assert not any(OMISSION in unit for unit in units)
        if record.text is None:
            assert sentences(" ".join(units)) == sentences(text)
