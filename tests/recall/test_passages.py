"""Passages: units of turns read from their pages, whole and word for word, whatever was forgotten
beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memories import Open, memories
from support.page_life import to_rung, to_stubs
from support.shelf_turns import said

from optical_memory import OpticalMemory, Turn
from optical_memory.recall.choose import Choice
from optical_memory.recall.find import Finder
from optical_memory.recall.passages import Piece, read_passages, split_at_pages, stretches
from optical_memory.recall.recollection import Recollection
from optical_memory.search.index import Index
from optical_memory.search.terms import key as key_of
from optical_memory.search.terms import terms
from optical_memory.session.index_records import key_hash
from optical_memory.testing import TemplateReader
from optical_memory.turns import Attachment, ToolCall, body

NIGHT = datetime(2023, 5, 8, 23, 30, tzinfo=UTC)
LONG = "".join(f"Sentence {i} says that the heron is at gate {i * 7}. " for i in range(60))

WORDS = st.text(st.sampled_from("abcXYZ019.,!?\n -"), min_size=1, max_size=60)
BODIES = st.lists(st.lists(WORDS, min_size=1, max_size=30).map(" ".join), min_size=1, max_size=9)


@contextmanager
def opened_in_folder() -> Iterator[Open]:
    """Opens memories in a new file: fixtures are made once for all examples."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/memory.db"
        with memories(store=url, keep_turns=0, background=False, semantic=None) as open_memory:
            yield open_memory


def index_of(memory: OpticalMemory) -> Index:
    return Finder().index(memory._archive.snapshot())


def pieces_of(memory: OpticalMemory) -> list[Piece]:
    """All units of the session's turns; stubs have none."""
    pieces: list[Piece] = []
    for part in index_of(memory).parts:
        segment = part.segment
        for turn, start, end in zip(segment.turns, segment.starts, segment.ends, strict=True):
            pieces.append(Piece(int(segment.ordinals[turn]), int(start), int(end), 1.0))
    return sorted(pieces, key=lambda piece: (piece.ordinal, piece.start))


def read(memory: OpticalMemory, groups: list[list[Piece]]) -> list[Recollection]:
    return read_passages(memory._archive.snapshot(), memory._page_reader, groups)


def unit_texts(memory: OpticalMemory) -> dict[Piece, str]:
    """The text of each unit, each read as a passage of its own."""
    texts: dict[Piece, str] = {}
    for piece in pieces_of(memory):
        passages = read(memory, [[piece]])
        texts[piece] = passages[0].text if passages else ""
    return texts


def assert_read_whole(memory: OpticalMemory, bodies: dict[int, str]) -> None:
    """Every unit reads as its range of its turn's body, and no word is in no unit."""
    texts = unit_texts(memory)
    for piece, text in texts.items():
        assert text == bodies[piece.ordinal][piece.start : piece.end].rstrip()
    words = {ordinal: text.split() for ordinal, text in bodies.items() if text.split()}
    unit_words: dict[int, list[str]] = {}
    for piece, text in texts.items():
        unit_words.setdefault(piece.ordinal, []).append(text)
    assert {n: "".join(parts).split() for n, parts in unit_words.items()}.keys() == words.keys()
    for ordinal, parts in unit_words.items():
        assert "".join("".join(parts).split()) == "".join(words[ordinal])


def assert_keys_are_in_the_text(memory: OpticalMemory) -> None:
    """Every key of a unit is that of a term in the text that the unit reads as."""
    hash_key = key_hash(memory._archive.snapshot().session.salt)
    texts = {(p.ordinal, p.start, p.end): text for p, text in unit_texts(memory).items()}
    for part in index_of(memory).parts:
        segment = part.segment
        for i, key in enumerate(segment.keys.tolist()):
            for unit in segment.units[segment.offsets[i] : segment.offsets[i + 1]]:
                ordinal = int(segment.ordinals[segment.turns[unit]])
                text = texts[ordinal, int(segment.starts[unit]), int(segment.ends[unit])]
                assert key in {hash_key(key_of(term)) for term in terms(text)}


def bodies_of(texts: list[str]) -> dict[int, str]:
    return {i: body(Turn("user", text)) for i, text in enumerate(texts)}


# ---- units are read whole ------------------------------------------------------------------------


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
    memory = opened(keep_turns=0)
    turns = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(20))]
    memory.remember([*turns, Turn("user", LONG, id="long")])
    memory.remember(Turn("user", f"Edited. {LONG}", id="long"))
    memory.remember([Turn("user", turn.text) for turn in said(20, first=20)])
    memory.flush()
    assert memory.recall("edited", 1)[0].text.startswith("Edited. Sentence 0")
    texts = [turn.text for turn in said(20)] + [f"Edited. {LONG}"]
    texts += [turn.text for turn in said(20, first=20)]
    assert_read_whole(memory, bodies_of(texts))
    memory.remember(Turn("user", "Edited on its page.", id="m3"))
    (newest, *_) = memory.recall("edited page", 1)
    assert (newest.text, newest.turns) == ("Edited on its page.", ("m3~2",))


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


# ---- the passage ---------------------------------------------------------------------------------


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
    splits = split_at_pages(snapshot, [group])
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
