"""Passages: units of turns joined, with who said them, when, and how they were read."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.memories import Open
from support.page_life import to_rung, to_stubs
from support.shelf_turns import said
from support.unit_texts import LONG, read

from optical_memory import Turn
from optical_memory.recall.choose import Choice
from optical_memory.recall.passages import split_at_pages, stretches
from optical_memory.recall.sources import Piece, Sources
from optical_memory.testing import TemplateReader

NIGHT = datetime(2023, 5, 8, 23, 30, tzinfo=UTC)


def test_pieces_of_a_turn_without_a_gap_are_a_piece_and_neighbours_are_a_stretch() -> None:
    choices = [
        Choice(7, 9, 20, 1.0, 3),
        Choice(7, 0, 9, 5.0, 3),
        Choice(9, 0, 4, 2.0, 1),
        Choice(3, 30, 40, 3.0, 2),
        Choice(3, 0, 5, 3.0, 2),
    ]
    assert stretches(choices) == [
        [Piece(3, 0, 5, 3.0, 2), Piece(3, 30, 40, 3.0, 2)],
        [Piece(7, 0, 20, 5.0, 6)],
        [Piece(9, 0, 4, 2.0, 1)],
    ]
    assert stretches([]) == []


def test_each_stub_is_a_stretch_of_its_own() -> None:
    stubs = [Choice(-1, 0, 9, 1.0, 3), Choice(-2, 0, 9, 1.0, 3), Choice(0, 0, 9, 1.0, 3)]
    assert [[piece.ordinal for piece in group] for group in stretches(stubs)] == [[-2], [-1], [0]]


def test_a_passage_says_who_said_what_and_when(opened: Open) -> None:
    memory = opened(keep_turns=0, background=False)
    memory.remember(
        [
            Turn("user", "The heron is asleep.", "Mel", id="a", when=NIGHT),
            Turn("assistant", "Noted.", id="b"),
            Turn("user", LONG, id="c"),
        ]
    )
    (passage,) = read(memory, [[Piece(0, 0, 20, 1.0), Piece(1, 0, 6, 2.0), Piece(2, 10, 60, 0.0)]])
    assert passage.text == f"The heron is asleep.\nNoted.\n{LONG[10:60].rstrip()}"
    first, second, third = passage.parts
    assert (first.id, first.role, first.name, first.when) == ("a", "user", "Mel", NIGHT)
    assert (second.id, second.role, second.name, second.when) == ("b", "assistant", None, None)
    assert [passage.text[part.start : part.end] for part in passage.parts] == [
        "The heron is asleep.",
        "Noted.",
        LONG[10:60].rstrip(),
    ]
    assert (first.begins, first.ends) == (True, True)
    assert (third.begins, third.ends) == (False, False)
    assert (passage.turns, passage.score, passage.ordinal) == (("a", "b", "c"), 2.0, 0)
    assert passage.page == "turn a"


def test_a_piece_on_two_pages_names_both_and_is_joined_without_a_seam(opened: Open) -> None:
    memory = opened(keep_turns=0)
    memory.remember([Turn("user", LONG, id="long"), *said(40)])
    memory.flush()
    (passage,) = read(memory, [[Piece(0, 0, len(LONG), 1.0)]])
    assert passage.text == LONG.rstrip()
    assert passage.parts[0].page == "0000000"
    assert passage.parts[0].last_page == passage.pages[-1] != "0000000"
    assert passage.parts[0].begins
    assert passage.parts[0].ends
    assert passage.rungs == ("large",)


def test_spans_cover_a_passage_without_gaps_and_say_how_it_was_read(opened: Open) -> None:
    memory = opened(reader=TemplateReader(misread={"tiny": 0.1}), keep_turns=2)
    memory.remember([Turn("user", LONG, id="long"), *said(40)])
    memory.flush()
    to_rung(memory, "tiny", *[page.id for page in memory.pages()])
    group = [Piece(0, 0, 300, 1.0), Piece(0, 700, 900, 1.0), Piece(1, 0, 40, 1.0)]
    last = len(memory._archive.snapshot().turns) - 1
    drawn, open_turn = read(memory, [group, [Piece(last, 0, 50, 0.5)]])
    for passage in (drawn, open_turn):
        assert passage.spans[0].start == 0
        assert passage.spans[-1].end == len(passage.text)
        assert all(a.end == b.start for a, b in zip(passage.spans, passage.spans[1:], strict=False))
    assert {span.status for span in open_turn.spans} == {"original"}
    assert {"verified", "reconstructed"} <= {span.status for span in drawn.spans}
    truth = f"{LONG[:300].rstrip()}\n{LONG[700:900].rstrip()}\n{said(1)[0].text}"
    wrong = [s for s in drawn.spans if truth[s.start : s.end] != drawn.text[s.start : s.end]]
    assert {span.status for span in wrong} <= {"reconstructed"}


def test_a_passage_costs_what_its_text_costs(opened: Open) -> None:
    from optical_memory.counting import count_tokens

    memory = opened(keep_turns=0)
    memory.remember([Turn("user", LONG, id="long"), *said(40)])
    memory.flush()
    for passage in memory.recall("heron gate 70", 3):
        assert passage.n_tokens == count_tokens(passage.text)


def test_of_text_that_is_gone_there_is_no_passage(opened: Open) -> None:
    memory = opened(keep_turns=0)
    memory.remember(said(40))
    memory.flush()
    memory.forget(page="0000000")
    assert read(memory, [[Piece(0, 0, 40, 1.0)], [Piece(99, 0, 4, 1.0)]]) == []


def test_a_stub_reads_as_its_keywords_and_facts_and_nobody_says_them(opened: Open) -> None:
    memory = opened(keep_turns=0)
    memory.remember([Turn("user", "Ticket HB-4417-QQ of the zeppelin."), *said(40)])
    memory.flush()
    to_stubs(memory, "0000000")
    (stub,) = [p for p in memory.recall("ticket HB-4417-QQ", 3) if p.rung == "stub"]
    assert stub.text == memory.read("0000000").text.rstrip()
    assert [(part.id, part.page) for part in stub.parts] == [("", "0000000")]
    assert stub.turns == ()
    assert stub.provenance.endswith("faded: only keywords and exact facts remain]")


def test_a_stub_stands_in_a_window_where_its_page_stood(opened: Open) -> None:
    start = datetime(2023, 5, 8, tzinfo=UTC)
    memory = opened(keep_turns=0)
    memory.remember([replace(t, when=start + timedelta(days=i)) for i, t in enumerate(said(90))])
    memory.flush()
    second = memory.pages()[1].id
    first_turn = next(iter(memory.inspect(second).layout.spans)).ordinal
    to_stubs(memory, second)
    words = memory.read(second).text
    context = memory.context(f"{words} topic0 topic89", 4_000, margin=math.inf)
    pages = [part.page for part in context.passages]
    assert second in pages[1:-1]
    assert pages == sorted(pages)
    (stub,) = [part for part in context.passages if part.page == second]
    assert stub.ordinal == first_turn
    assert stub.passage.parts[0].when == start + timedelta(days=first_turn)


def test_text_that_is_kept_beside_its_page_is_read_and_names_its_page(opened: Open) -> None:
    memory = opened(keep_turns=0, retain="text")
    memory.remember(said(40))
    memory.flush()
    (passage,) = memory.recall("topic3", 1)
    assert passage.text == said(40)[3].text
    assert (passage.page, passage.rung, passage.pages) == ("0000000", None, ("0000000",))


def test_groups_are_split_where_another_page_begins(opened: Open) -> None:
    memory = opened(keep_turns=0)
    memory.remember(said(40))
    memory.flush()
    snapshot = memory._archive.snapshot()
    group = [Piece(n, 0, 10, 1.0) for n in range(40)]
    splits = split_at_pages(Sources(snapshot), [group])
    assert [piece for split in splits for piece in split] == group
    for split in splits:
        pages = {tuple(snapshot.turn(f"t{piece.ordinal}").pages) for piece in split}
        assert len(pages) == 1
    assert len(splits) == len(memory.pages()) + bool(snapshot.open_turns())


@pytest.mark.parametrize("retain", ["pages", "text"])
def test_only_the_rows_that_hold_a_piece_are_read(opened: Open, retain: str) -> None:
    reader = TemplateReader()
    memory = opened(reader=reader, keep_turns=0, retain=retain)
    memory.remember(said(60))
    memory.flush()
    n_lines = reader.calls["lines"]
    memory.recall("topic30", 1)
    n_lines = reader.calls["lines"] - n_lines
    assert n_lines == 0 if retain == "text" else 0 < n_lines <= 8
