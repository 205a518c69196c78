"""Turns become pages: nothing is lost, order is kept, calls stay with their results."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import chain, pairwise, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn_pages import seal_as_they_come

from optical_memory.loaders import locomo
from optical_memory.pages import Grid, Layout, Page
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.turns import Attachment, Role, ToolCall, Turn, body

SMALL = Grid(columns=50, rows=6, text_columns=2, gutter=2)  # 24 cells a line, 12 lines a page
CHARS = st.one_of(
    st.sampled_from(" \n\tab,-(\u00a0\r"),
    st.sampled_from(
        "éßЖλ中カ한กำมीन्שאםعربي٣\u200c\u0301\u064b\u3000😀\x00\ud800\u202e\u0b95\u0bc8"
    ),
    st.characters(),
)
TEXTS = st.one_of(
    st.text(CHARS, max_size=300), st.text(st.sampled_from("abc de  fg\n"), max_size=500)
)
ROLES: list[Role] = ["user", "assistant", "tool", "system"]
CALLS = st.lists(st.builds(ToolCall, st.text("abc", max_size=9), TEXTS), max_size=2).map(tuple)
TURNS = st.lists(
    st.builds(
        Turn,
        st.sampled_from(ROLES),
        TEXTS,
        name=st.one_of(st.none(), st.sampled_from(["Ann", "Бо", "a\nb", "x" * 80])),
        when=st.one_of(st.none(), st.datetimes(min_value=datetime(1000, 1, 1))),
        tool_calls=CALLS,
    ),
    max_size=6,
)


def place(turns: list[Turn]) -> list[PlacedTurn]:
    return [PlacedTurn(turn, f"t{i}", i + 1) for i, turn in enumerate(turns)]


def drawn_bodies(pages: list[Page]) -> dict[str, str]:
    bodies: dict[str, str] = {}
    for page in pages:
        for span in page.layout.spans:
            bodies[span.turn] = bodies.get(span.turn, "") + page.text[span.body : span.end]
    return bodies


def lines(text: str, grid: Grid = SMALL) -> list[str]:
    pages = paginate(place([Turn("user", text)]), grid)
    return list(chain.from_iterable(page.lines for page in pages))


@given(TURNS)
@settings(deadline=None, max_examples=300)
def test_the_bodies_on_the_pages_are_the_turns_exactly(turns: list[Turn]) -> None:
    pages = paginate(place(turns), SMALL)
    assert drawn_bodies(pages) == {f"t{i}": body(turn) for i, turn in enumerate(turns)}


@given(TURNS)
@settings(deadline=None, max_examples=200)
def test_rows_stay_in_their_column_and_cells_and_clusters_add_up(turns: list[Turn]) -> None:
    for page in paginate(place(turns), SMALL):
        assert len(page.layout.rows) <= SMALL.rows * SMALL.text_columns
        assert len(page.text) == page.layout.n_chars
        for i, (row, line) in enumerate(zip(page.layout.rows, page.lines, strict=True)):
            assert (row.y, row.x) == (i % 6, i // 6 * 26)
            assert row.cells <= SMALL.measure
            assert row.chars == len(line)
            assert "\n" not in line
            wide = sum(cluster.cells - cluster.chars for cluster in row.clusters)
            assert row.cells == row.chars + wide
            for cluster, next_cluster in pairwise(row.clusters):
                n_chars = next_cluster.char - cluster.char - cluster.chars
                n_cells = next_cluster.cell - cluster.cell - cluster.cells
                assert n_chars == n_cells >= 0  # characters between them take a cell each


@given(TURNS)
@settings(deadline=None, max_examples=200)
def test_sealing_full_pages_as_they_come_gives_the_same_pages_as_laying_out_everything(
    turns: list[Turn],
) -> None:
    # Without calls: those wait for their results, see below.
    turns = [Turn(turn.role, turn.text, turn.name, turn.when) for turn in turns]
    full_pages, open_turns = seal_as_they_come(place(turns), lambda rest: paginate(rest, SMALL))
    assert full_pages + paginate(open_turns, SMALL) == paginate(place(turns), SMALL)


@given(TURNS)
@settings(deadline=None, max_examples=50)
def test_a_layout_survives_json(turns: list[Turn]) -> None:
    for page in paginate(place(turns), SMALL):
        assert Layout.from_json(json.loads(json.dumps(page.layout.to_json()))) == page.layout


def test_a_page_is_two_columns_of_64_lines_with_a_gutter_between() -> None:
    first, second = paginate(place([Turn("user", "\n".join("x" * 63 for _ in range(150)))]))
    assert [(row.x, row.y) for row in first.layout.rows] == list(product((0, 65), range(64)))
    assert {row.cells for row in second.layout.rows[2:]} == {63}
    assert Grid().measure == 63
    assert Grid().capacity == 63 * 128


def test_words_wrap_at_a_space_that_is_not_drawn() -> None:
    page = paginate(place([Turn("user", "the quick brown fox jumps over the dog")]), SMALL)[0]
    assert page.lines == ("1> the quick brown fox", "jumps over the dog")
    assert [row.join for row in page.layout.rows] == [" ", ""]
    assert page.text == "1> the quick brown fox jumps over the dog"


def test_a_word_longer_than_the_measure_starts_where_it_stands_and_is_broken() -> None:
    assert lines("see " + "x" * 40) == ["1> see " + "x" * 17, "x" * 23]


def test_several_spaces_at_a_break_are_all_drawn() -> None:
    assert (
        "".join(lines("one two three four   five six seven"))
        == "1> one two three four   five six seven"
    )


def test_indentation_blank_lines_and_tables_stay_as_they_are() -> None:
    text = "def f():\n    return 1\n\n| a | b |\n|---|---|\n\tx"
    assert lines(text) == ["1> def f():", "    return 1", "", "| a | b |", "|---|---|", "\tx"]


def test_calls_and_attachments_stand_on_the_page_as_they_do_in_the_body() -> None:
    cat = Attachment("image", "https://a.b/c.png", "a cat")
    calls = (ToolCall("find", '{"q": 1}'), ToolCall("stop"))
    turn = Turn("assistant", "On it.\r\nNow.", tool_calls=calls, attachments=(cat,))
    (page,) = paginate(place([turn]))
    assert page.lines == (
        "1< On it.",
        "Now.",
        '=> find({"q": 1})',
        "=> stop({})",
        "[image: a cat <https://a.b/c.png>]",
    )
    assert page.text == "1< " + body(turn)


def test_a_call_and_its_results_move_to_the_next_page_together() -> None:
    turns = [
        Turn("user", "\n".join("line" for _ in range(9))),
        Turn("assistant", "I will look.", tool_calls=(ToolCall("find", "{}"),)),
        Turn("tool", "one\ntwo\nthree"),
        Turn("assistant", "Done."),
    ]
    first, second = paginate(place(turns), SMALL)
    assert first.lines[-1] == "2< I will look."
    assert second.lines == ("2<+ => find({})", "3= one", "two", "three", "4< Done.")


def test_a_call_whose_result_no_page_can_hold_is_laid_out_like_anything_else() -> None:
    turns = [
        Turn("user", "hello"),
        Turn("assistant", "", tool_calls=(ToolCall("find", "{}"),)),
        Turn("tool", "\n".join("row" for _ in range(30))),
    ]
    pages = paginate(place(turns), SMALL)
    assert pages[0].lines[:3] == ("1> hello", "2< => find({})", "3= row")
    assert [len(page.lines) for page in pages] == [12, 12, 8]


def test_an_empty_turn_is_a_mark_and_no_turns_are_no_pages() -> None:
    assert lines("") == ["1> "]
    assert paginate([]) == []


def test_a_turn_that_is_wholly_on_sealed_pages_is_not_drawn_again() -> None:
    assert paginate([PlacedTurn(Turn("user", "done"), "a", 1, offset=4)]) == []


def test_right_to_left_runs_are_one_cluster_in_logical_order() -> None:
    page = paginate(place([Turn("user", "say שלום עולם now")]))[0]
    (cluster,) = page.layout.rows[0].clusters
    assert page.lines[0][cluster.char : cluster.char + cluster.chars] == "שלום עולם"
    assert cluster.cells == 9


def test_wide_characters_take_two_cells_and_emoji_an_escape() -> None:
    row = paginate(place([Turn("user", "中e\u0301😀")]))[0].layout.rows[0]
    assert [(c.char, c.chars, c.cell, c.cells) for c in row.clusters] == [
        (3, 1, 3, 2),
        (4, 2, 5, 1),
        (6, 1, 6, 9),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 300_000,
        "\u0301" * 5_000,
        "क" + "\u093c" * 5_000,
        "שלום " * 5_000,
        " " * 50_000,
        "ஔ" * 400,
        "क्" * 400,
    ],
)
def test_monstrous_lines_are_laid_out_whole(text: str) -> None:
    assert drawn_bodies(paginate(place([Turn("user", text)])))["t0"] == text


def test_real_conversations_fill_their_pages(data_dir: Path) -> None:
    conversation = locomo(data_dir / "eval" / "locomo_dev3.json")[0]
    turns = [Turn("user", turn.text, turn.name) for turn in conversation.turns]
    *full_pages, _ = paginate(place(turns))
    assert len(full_pages) > 5
    assert sum(page.fill for page in full_pages) / len(full_pages) > 0.6
