"""Turns become pages: nothing is lost, order is kept, marks are short, calls stay with their
results.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.errors import LayoutError
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


def placed(turns: list[Turn]) -> list[PlacedTurn]:
    return [PlacedTurn(turn, f"t{i}", i + 1) for i, turn in enumerate(turns)]


def drawn_bodies(pages: list[Page]) -> dict[str, str]:
    found: dict[str, str] = {}
    for page in pages:
        for span in page.layout.spans:
            found[span.turn] = found.get(span.turn, "") + page.text[span.body : span.end]
    return found


def lines(text: str, grid: Grid = SMALL) -> list[str]:
    return [line for page in paginate(placed([Turn("user", text)]), grid) for line in page.lines]


@given(TURNS)
@settings(deadline=None, max_examples=300)
def test_the_bodies_on_the_pages_are_the_turns_exactly(turns: list[Turn]) -> None:
    pages = paginate(placed(turns), SMALL)
    assert drawn_bodies(pages) == {f"t{i}": body(turn) for i, turn in enumerate(turns)}


@given(TURNS)
@settings(deadline=None, max_examples=200)
def test_rows_stay_in_their_column_and_cells_and_clusters_add_up(turns: list[Turn]) -> None:
    for page in paginate(placed(turns), SMALL):
        assert len(page.layout.rows) <= SMALL.rows * SMALL.text_columns
        assert len(page.text) == page.layout.n_chars
        for i, (row, line) in enumerate(zip(page.layout.rows, page.lines, strict=True)):
            assert (row.y, row.x) == (i % 6, i // 6 * 26)
            assert row.cells <= SMALL.measure
            assert row.chars == len(line)
            assert "\n" not in line
            wide = sum(cluster.cells - cluster.chars for cluster in row.clusters)
            assert row.cells == row.chars + wide
            ends = [(c.char + c.chars, c.cell + c.cells) for c in row.clusters]
            for (char, cell), after in zip(ends, row.clusters[1:], strict=False):
                assert (
                    after.char - char == after.cell - cell >= 0
                )  # what is between them takes a cell each


@given(TURNS)
@settings(deadline=None, max_examples=200)
def test_sealing_full_pages_as_they_come_gives_the_same_pages_as_laying_out_everything(
    turns: list[Turn],
) -> None:
    turns = [
        Turn(t.role, t.text, t.name, t.when) for t in turns
    ]  # calls wait for their results: see below
    sealed: list[Page] = []
    waiting: list[PlacedTurn] = []
    for turn in placed(turns):
        waiting.append(turn)
        pages = paginate(waiting, SMALL)
        for page in pages[:-1]:
            waiting = left_after(page, waiting)
        sealed += pages[:-1]
    assert sealed + paginate(waiting, SMALL) == paginate(placed(turns), SMALL)


def left_after(page: Page, waiting: list[PlacedTurn]) -> list[PlacedTurn]:
    """What is left to lay out once the page is sealed."""
    rest = {turn.id: turn for turn in waiting}
    for span in page.layout.spans:
        turn = rest.pop(span.turn)
        if span.more:
            done = turn.offset + span.end - span.body
            rest[turn.id] = PlacedTurn(turn.turn, turn.id, turn.ordinal, done)
    return sorted(rest.values(), key=lambda turn: turn.ordinal)


@given(TURNS)
@settings(deadline=None, max_examples=50)
def test_a_layout_survives_json(turns: list[Turn]) -> None:
    for page in paginate(placed(turns), SMALL):
        assert Layout.from_json(json.loads(json.dumps(page.layout.to_json()))) == page.layout


def test_a_page_is_two_columns_of_64_lines_with_a_gutter_between() -> None:
    first, second = paginate(placed([Turn("user", "\n".join("x" * 63 for _ in range(150)))]))
    assert [(row.x, row.y) for row in first.layout.rows] == [
        (x, y) for x in (0, 65) for y in range(64)
    ]
    assert {row.cells for row in second.layout.rows[2:]} == {63}
    assert Grid().measure == 63
    assert Grid().capacity == 63 * 128


def test_words_wrap_at_a_space_that_is_not_drawn() -> None:
    page = paginate(placed([Turn("user", "the quick brown fox jumps over the dog")]), SMALL)[0]
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


def test_marks_say_number_role_name_and_time_only_when_they_change() -> None:
    noon, later = datetime(2024, 5, 1, 12, 0), datetime(2024, 5, 1, 12, 7)
    turns = [
        Turn("user", "a", "Ann", noon),
        Turn("assistant", "b", "Bo", noon),
        Turn("user", "c", "Ann", later),
        Turn("tool", "d"),
        Turn("system", "e"),
        Turn("user", "f", "Cy", datetime(2024, 5, 2, 12, 7)),
    ]
    page = paginate(placed(turns))[0]
    assert page.lines == (
        "1> Ann, 2024-05-01 12:00: a",
        "2< Bo: b",
        "3> 12:07: c",
        "4= d",
        "5! e",
        "6> Cy, 2024-05-02 12:07: f",
    )


def test_a_page_says_names_and_dates_again_and_marks_a_turn_that_goes_on() -> None:
    turns = [Turn("user", "word " * 80, "Ann", datetime(2024, 5, 1, 12, 0))]
    first, second = paginate(placed(turns), Grid(102, 3, 2))
    assert first.lines[0].startswith("1> Ann, 2024-05-01 12:00: word")
    assert second.lines[0].startswith("1>+ Ann, 2024-05-01 12:00: word")
    assert first.layout.spans[0].more
    assert second.layout.spans[0].resumed


def test_calls_and_attachments_are_part_of_the_body() -> None:
    turn = Turn(
        "assistant",
        "On it.\r\nNow.",
        tool_calls=(ToolCall("find", '{"q": 1}'), ToolCall("stop")),
        attachments=(
            Attachment("image", "https://a.b/c.png", "a cat"),
            Attachment("file", "x.pdf"),
        ),
    )
    assert (
        body(turn)
        == 'On it.\nNow.\n=> find({"q": 1})\n=> stop({})\n[image: a cat <https://a.b/c.png>]\n[file: <x.pdf>]'
    )


def test_a_call_and_its_results_move_to_the_next_page_together() -> None:
    turns = [
        Turn("user", "\n".join("line" for _ in range(9))),
        Turn("assistant", "I will look.", tool_calls=(ToolCall("find", "{}"),)),
        Turn("tool", "one\ntwo\nthree"),
        Turn("assistant", "Done."),
    ]
    first, second = paginate(placed(turns), SMALL)
    assert first.lines[-1] == "2< I will look."
    assert second.lines == ("2<+ => find({})", "3= one", "two", "three", "4< Done.")


def test_a_call_whose_result_no_page_can_hold_is_laid_out_like_anything_else() -> None:
    turns = [
        Turn("user", "hello"),
        Turn("assistant", "", tool_calls=(ToolCall("find", "{}"),)),
        Turn("tool", "\n".join("row" for _ in range(30))),
    ]
    pages = paginate(placed(turns), SMALL)
    assert pages[0].lines[:3] == ("1> hello", "2< => find({})", "3= row")
    assert [len(page.lines) for page in pages] == [12, 12, 8]


def test_an_empty_turn_is_a_mark_and_no_turns_are_no_pages() -> None:
    assert lines("") == ["1> "]
    assert paginate([]) == []


def test_a_turn_that_is_wholly_on_sealed_pages_is_not_drawn_again() -> None:
    assert paginate([PlacedTurn(Turn("user", "done"), "a", 1, offset=4)]) == []


def test_a_grid_that_is_too_narrow_for_a_mark_is_refused() -> None:
    with pytest.raises(LayoutError, match="more columns"):
        paginate(placed([Turn("user", "hi")]), Grid(10, 6, 1))


def test_right_to_left_runs_are_one_cluster_in_logical_order() -> None:
    page = paginate(placed([Turn("user", "say שלום עולם now")]))[0]
    (cluster,) = page.layout.rows[0].clusters
    assert page.lines[0][cluster.char : cluster.char + cluster.chars] == "שלום עולם"
    assert cluster.cells == 9


def test_wide_characters_take_two_cells_and_emoji_an_escape() -> None:
    row = paginate(placed([Turn("user", "中e\u0301😀")]))[0].layout.rows[0]
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
    assert drawn_bodies(paginate(placed([Turn("user", text)])))["t0"] == text


def test_real_conversations_fill_their_pages(data_dir: Path) -> None:
    data = json.loads((data_dir / "eval" / "locomo_dev3.json").read_text())
    talk = [
        turn
        for key, turns in data[0]["conversation"].items()
        if isinstance(turns, list)
        for turn in turns
    ]
    pages = paginate(placed([Turn("user", turn["text"], turn["speaker"]) for turn in talk]))
    full = pages[:-1]
    assert len(full) > 5
    assert sum(page.fill for page in full) / len(full) > 0.6
